"""
Who asks: a session cookie, or a bearer token. And what a route demands.

Every route declares `permission=` or `public=True`; one that declares neither stops the application
from starting. The services check again: this guard only answers sooner.
"""

import hmac
from typing import Any

from litestar import Litestar, Request
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from appliance.foundation.actors import Actor, Permission
from appliance.foundation.errors import NotAuthenticated, NotPermitted
from appliance.web.context import WebContext

COOKIE = "__Host-xdr"
CSRF_HEADER = "x-csrf-token"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class UndeclaredRoute(RuntimeError):
    """A route says neither which permission it demands nor that it is public."""


class Authentication:
    """Middleware: leaves actor and scope of organisation in the connection's state, if there is one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and not scope["route_handler"].opt.get("public"):
            await _identify(Request(scope))
        await self._app(scope, receive, send)


async def _identify(request: Request[Any, Any, Any]) -> None:
    context: WebContext = request.app.state.context
    address = request.client.host if request.client else ""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        request.state.actor, request.state.walls = await context.gate.actor_of_token(token, address=address)
        return
    local = (request.scope.get("extensions") or {}).get("xdr.local_actor")
    if local is not None:
        request.state.actor, request.state.walls = local  # set by the admin socket alone
        return
    cookie = request.cookies.get(COOKIE)
    if not cookie:
        raise NotAuthenticated("sign in, or send an API token as `Authorization: Bearer xdr_api_…`")
    actor, walls, expires_at = await context.gate.actor_of_session(cookie, address=address)
    if request.method not in _SAFE_METHODS:
        _check_csrf(request, context.csrf_token(cookie))
    request.state.actor, request.state.walls, request.state.expires_at = actor, walls, expires_at


def _check_csrf(request: Request[Any, Any, Any], expected: str) -> None:
    sent = request.headers.get(CSRF_HEADER, "")
    site = request.headers.get("sec-fetch-site", "same-origin")
    if not hmac.compare_digest(sent.encode(), expected.encode()) or site not in ("same-origin", "none"):
        raise NotPermitted("the request did not come from the console; reload the page and try again")


def enforce(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Guard: the actor holds what the route declares."""
    wanted = handler.opt.get("permission")
    if wanted is not None:
        actor: Actor = connection.state.actor
        actor.require(Permission(wanted))


def check_declarations(app: Litestar) -> None:
    """
    Refuse to start with an undeclared route.

    Raises:
        UndeclaredRoute: Names it.
    """
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            if _undeclared(handler):
                raise UndeclaredRoute(f"{route.path} ({handler.handler_name}) declares no permission")


def _undeclared(handler: HTTPRouteHandler) -> bool:
    # OPTIONS handlers are the framework's own; they answer which methods there are, to whoever is let in.
    return not {"permission", "public", "signed_in"} & handler.opt.keys() and handler.http_methods != {
        "OPTIONS"
    }
