"""
Who asks: a session cookie, or a bearer token. And what a route demands.

Every route declares `permission=`, `signed_in=True`, `local=True` (the administrator on the node) or
`public=True`; one that declares none stops the application from starting. The services check again: this
guard only answers sooner. `step_up=True` demands that a person proved who they are in the last ten minutes.
"""

import hmac
from datetime import timedelta
from typing import Any

from litestar import Litestar, Request
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from appliance.foundation.actors import Actor, ActorKind, Permission
from appliance.foundation.errors import NotAuthenticated, NotFound, NotPermitted
from appliance.foundation.limits import Limit
from appliance.identity.admission import TOKEN_PREFIX
from appliance.identity.errors import StepUpRequired
from appliance.web.context import WebContext

COOKIE = "__Host-xdr"
CSRF_HEADER = "x-csrf-token"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_PROVED_FOR = timedelta(minutes=10)
_LONGEST_BEARER = 4_096
# A person clicks, a script may loop: both fit. What is beyond is a flood.
_BY_ADDRESS = Limit("address", per_second=100, burst=400)
_BY_ACCOUNT = Limit("account", per_second=50, burst=200)


class UndeclaredRoute(RuntimeError):
    """A route says neither which permission it demands nor that it is public."""


class Authentication:
    """Middleware: leaves actor and scope of organisation in the connection's state, if there is one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            request: Request[Any, Any, Any] = Request(scope)
            context: WebContext = request.app.state.context
            if _is_remote(request):
                await context.limits.take(_BY_ADDRESS, address_of(request))
            if not scope["route_handler"].opt.get("public"):
                await _identify(request, context)
        await self._app(scope, receive, send)


def address_of(request: Request[Any, Any, Any]) -> str:
    """Where the request comes from, as the server saw it; a header cannot say otherwise."""
    return request.client.host if request.client else ""


def _is_remote(request: Request[Any, Any, Any]) -> bool:
    return "xdr.peer_uid" not in (request.scope.get("extensions") or {})


async def _identify(request: Request[Any, Any, Any], context: WebContext) -> None:
    address = address_of(request)
    local = (request.scope.get("extensions") or {}).get("xdr.local_actor")
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        admitted = await _of_bearer(context, token, address)
    elif local is not None:
        request.state.actor, request.state.walls = local  # set by the admin socket alone
        return
    elif "xdr.no_such_organisation" in (request.scope.get("extensions") or {}):
        raise NotFound("no organisation of that name; see `xdr organisation list`")
    else:
        admitted = await _of_cookie(request, context, address)
    await context.limits.take(_BY_ACCOUNT, f"{admitted.scope.org_id}:{admitted.actor.id}")
    request.state.actor, request.state.walls, request.state.expires_at = admitted


async def _of_bearer(context: WebContext, token: str, address: str) -> Any:
    if len(token) > _LONGEST_BEARER:
        raise NotAuthenticated("the token is too long to be one of ours")
    if token.startswith(TOKEN_PREFIX):
        return await context.admission.of_api_token(token, address=address)
    return await context.admission.of_access_token(token, address=address)


async def _of_cookie(request: Request[Any, Any, Any], context: WebContext, address: str) -> Any:
    cookie = request.cookies.get(COOKIE)
    if not cookie:
        raise NotAuthenticated("sign in, or send an API token as `Authorization: Bearer xdr_api_…`")
    admitted = await context.admission.of_cookie(cookie, address=address)
    if request.method not in _SAFE_METHODS:
        _check_csrf(request, context.csrf_token(cookie))
    return admitted


def _check_csrf(request: Request[Any, Any, Any], expected: str) -> None:
    sent = request.headers.get(CSRF_HEADER, "")
    site = request.headers.get("sec-fetch-site", "same-origin")
    if not hmac.compare_digest(sent.encode(), expected.encode()) or site not in ("same-origin", "none"):
        raise NotPermitted("the request did not come from the console; reload the page and try again")


def enforce(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Guard: the actor holds what the route declares, and proved who they are lately where that is asked."""
    if handler.opt.get("local") and connection.state.actor.kind is not ActorKind.LOCAL:
        raise NotPermitted("this is for the administrator on the node: use `xdr` there")
    wanted = handler.opt.get("permission")
    if wanted is not None:
        actor: Actor = connection.state.actor
        actor.require(Permission(wanted))
    if handler.opt.get("step_up"):
        _check_proof(connection)


def _check_proof(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    # Tokens and the local administrator cannot be asked; what they may do is decided when they are made.
    actor: Actor = connection.state.actor
    context: WebContext = connection.app.state.context
    if actor.kind is not ActorKind.USER:
        return
    if actor.proved_at is None or context.clock.now() - actor.proved_at > _PROVED_FOR:
        raise StepUpRequired("prove again who you are: POST /api/v1/session/step-up")


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
    declared = {"permission", "public", "signed_in", "local"} & handler.opt.keys()
    return not declared and handler.http_methods != {"OPTIONS"}
