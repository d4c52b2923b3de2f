"""
The local administrator's door: the same application on a Unix socket, in a process of its own.

`xdr` on the node uses it, also while the web process is down or restarting. The kernel vouches for who is
at the other end; the socket's file mode decides who may connect, and every audit entry names the Unix user.

    python -m appliance.web.administration SETTINGS
"""

import asyncio
import pwd
import socket
import struct
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
import uvicorn
import uvloop
from litestar import Litestar
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from appliance.foundation import settings as configuration
from appliance.foundation.actors import Actor, ActorKind, Permission, Scope
from appliance.foundation.observability import configure_logging
from appliance.foundation.settings import Settings
from appliance.identity.organisations import Organisations
from appliance.web.app import create_application
from appliance.web.context import WebContext
from appliance.web.serving import config

log = structlog.get_logger()

ORGANISATION_HEADER = b"x-xdr-organisation"
_PEER_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: SO_PEERCRED, socket(7)
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
    The application for callers on the node: the local administrator of one organisation.

    Which one is named by a header that counts here alone; without it, the first.
    """

    def __init__(self, app: Litestar, context: WebContext) -> None:
        self._app, self._organisations = app, Organisations(context.database, context.clock)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        uid = scope.get("extensions", {}).get("xdr.peer_uid", {}).get("uid")
        if scope["type"] == "http" and uid is not None:
            walls = await self._walls(dict(scope["headers"]).get(ORGANISATION_HEADER, b"").decode("latin-1"))
            if walls is not None:
                scope["extensions"]["xdr.local_actor"] = (local_actor(uid), walls)
            else:
                scope["extensions"]["xdr.no_such_organisation"] = {}
        await self._app(scope, receive, send)

    async def _walls(self, wanted: str) -> Scope | None:
        for organisation in await self._organisations.all():
            if wanted in ("", organisation.name, str(organisation.id)):
                return Scope(org_id=UUID(str(organisation.id)))
        return None


def local_actor(uid: int) -> Actor:
    """The administrator on the node, named after the Unix user."""
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"uid {uid}"
    return Actor(
        ActorKind.LOCAL, None, f"local administrator {name}", frozenset(Permission), address=f"unix:{uid}"
    )


async def administer(settings: Settings) -> None:
    """Serve the socket until SIGTERM or SIGINT; requests under way are finished."""
    path = Path(settings.web.admin_socket)
    path.unlink(missing_ok=True)
    application = create_application(settings)
    context: WebContext = application.state.context
    server = uvicorn.Server(
        config(LocalAdministrator(application, context), uds=str(path), http=PeerProtocol)
    )
    serving = asyncio.create_task(server.serve())
    await _guard(path, serving)
    log.info("administration_listening", socket=str(path))
    await serving
    await context.close()


async def _guard(path: Path, serving: "asyncio.Task[None]") -> None:
    # uvicorn makes the socket for everybody; only the owner, root and the group of administrators may.
    for _ in range(_SOCKET_LOOKS):
        if path.exists() or serving.done():
            break
        await asyncio.sleep(_SOCKET_LOOK_SECONDS)
    path.chmod(0o660)


def main() -> None:
    settings = configuration.load(Path(sys.argv[1]))
    configure_logging(json=settings.log_format == "json")
    structlog.contextvars.bind_contextvars(process="administration", node=settings.node)
    uvloop.run(administer(settings))


if __name__ == "__main__":
    main()
