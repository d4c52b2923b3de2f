"""
Runs the web application: on a port for browsers and integrators, on a Unix socket for `xdr` on the node.

    python -m appliance.web.serving SETTINGS
"""

import asyncio
import contextlib
import pwd
import socket
import struct
import sys
from pathlib import Path
from typing import Any

import structlog
import uvicorn
import uvloop
from litestar import Litestar
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from appliance.foundation import settings as configuration
from appliance.foundation.actors import Actor, ActorKind, Permission, Scope
from appliance.foundation.database import organisation_ids
from appliance.foundation.heartbeat import beat
from appliance.foundation.observability import configure_logging
from appliance.foundation.settings import Settings
from appliance.web.app import create_application
from appliance.web.context import WebContext

log = structlog.get_logger()

_PEER_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: SO_PEERCRED, socket(7)
_DRAIN_SECONDS = 30
_SOCKET_LOOKS, _SOCKET_LOOK_SECONDS = 200, 0.05


class PeerProtocol(HttpToolsProtocol):
    """Tells the application which Unix user is at the other end; the kernel vouches for it."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        raw: socket.socket = transport.get_extra_info("socket")
        said = raw.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
        self.peer_uid = _PEER_CREDENTIALS.unpack(said)[1]

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope.setdefault("extensions", {})["xdr.peer_uid"] = {"uid": self.peer_uid}


class LocalAdministrator:
    """
    The same application for callers on the node: the local administrator of the organisation.

    Who may connect is decided by the socket's file mode; who it was is in every audit entry.
    """

    def __init__(self, app: Litestar, context: WebContext) -> None:
        self._app, self._context = app, context

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        uid = scope.get("extensions", {}).get("xdr.peer_uid", {}).get("uid")
        if scope["type"] == "http" and uid is not None:
            organisations = await organisation_ids(self._context.database)
            walls = Scope(org_id=organisations[0])
            scope["extensions"]["xdr.local_actor"] = (_local_actor(uid), walls)
        await self._app(scope, receive, send)


def _local_actor(uid: int) -> Actor:
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"uid {uid}"
    return Actor(
        ActorKind.LOCAL, None, f"local administrator {name}", frozenset(Permission), address=f"unix:{uid}"
    )


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are finished."""
    application = create_application(settings)
    context: WebContext = application.state.context
    servers = [uvicorn.Server(_config(application, host=settings.web.host, port=settings.web.port))]
    if settings.web.admin_socket:
        Path(settings.web.admin_socket).unlink(missing_ok=True)
        local = LocalAdministrator(application, context)
        servers.append(uvicorn.Server(_config(local, uds=settings.web.admin_socket, http=PeerProtocol)))
    beating = asyncio.create_task(beat(context.database, settings.node, "web", dict))
    log.info("web_listening", url=settings.web.public_url)
    serving = [asyncio.create_task(server.serve()) for server in servers]
    if settings.web.admin_socket:
        await _guard_socket(Path(settings.web.admin_socket))
    await asyncio.wait(serving, return_when=asyncio.FIRST_COMPLETED)
    for server in servers:
        server.should_exit = True
    await asyncio.gather(*serving)
    beating.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await beating
    await context.close()


def _config(application: Any, **where: Any) -> uvicorn.Config:
    options = {"http": "httptools", "lifespan": "off"} | where
    return uvicorn.Config(
        application,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
        **options,
    )


async def _guard_socket(path: Path) -> None:
    # uvicorn makes the socket for everybody; only the owner, root and the group of administrators may.
    for _ in range(_SOCKET_LOOKS):
        if path.exists():
            break
        await asyncio.sleep(_SOCKET_LOOK_SECONDS)
    path.chmod(0o660)


def main() -> None:
    settings = configuration.load(Path(sys.argv[1]))
    configure_logging(json=settings.log_format == "json")
    structlog.contextvars.bind_contextvars(process="web", node=settings.node)
    uvloop.run(serve(settings))


if __name__ == "__main__":
    main()
