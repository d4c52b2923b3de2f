"""
The second copy of what is spooled, on another node: its client, and the listener for what others send.

Both sides show a certificate of the cluster's own authority and check the other's; nobody else is heard.
"""

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import structlog
import uvicorn
from litestar import Litestar, Request, Response, delete, post, put
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp

from appliance.foundation.errors import ApplianceError, Invalid, TooLarge
from appliance.foundation.observability import SPOOL_COPIES, SPOOL_COPY_SECONDS
from appliance.foundation.settings import Cluster, Settings
from appliance.jobs.node_tls import client_context
from appliance.jobs.receivers.answers import problem

log = structlog.get_logger()

_TIMEOUT = httpx.Timeout(5.0, connect=1.0)
_NAME = re.compile(r"[0-9A-Za-z-]{1,100}")
_OVERHEAD_BYTES = 1_048_576  # what a record holds beside the bodies

Keep = Callable[[str, bytes], None]
Forget = Callable[[str], None]
KeepCheckpoints = Callable[[bytes], Awaitable[None]]


class PeerSpools:
    """
    The other nodes' spools, the last one that took a copy first.

    Args:
        nodes: The other nodes by name and address.
        port: Where they listen.

    Raises:
        Invalid: Our certificate or key cannot be used; names the file.
    """

    def __init__(self, settings: Cluster, nodes: dict[str, str], port: int) -> None:
        self._urls = [f"https://{address}:{port}/records" for address in nodes.values()]
        self._http = httpx.AsyncClient(verify=client_context(settings), timeout=_TIMEOUT, trust_env=False)

    async def copy(self, name: str, record: bytes) -> bool:
        """Whether a node has fsynced a copy; tries one after the other."""
        with SPOOL_COPY_SECONDS.time():
            kept = await self._copied(name, record)
        SPOOL_COPIES.labels("kept" if kept else "none").inc()
        return kept

    async def _copied(self, name: str, record: bytes) -> bool:
        for url in list(self._urls):
            try:
                answer = await self._http.put(f"{url}/{name}", content=record)
            except httpx.TransportError as error:
                log.warning("spool_peer_silent", peer=url, cause=str(error) or type(error).__name__)
                continue
            if answer.is_success:
                self._urls.sort(key=lambda each: each != url)
                return True
            log.warning("spool_peer_refuses", peer=url, status=answer.status_code, cause=answer.text[:200])
        return False

    async def forget(self, name: str) -> None:
        """The record is stored; a node that cannot be told stores it again, which changes nothing."""
        for url in self._urls:
            try:
                await self._http.delete(f"{url}/{name}")
            except httpx.TransportError as error:
                log.info("spool_peer_not_told", peer=url, cause=str(error) or type(error).__name__)

    async def close(self) -> None:
        await self._http.aclose()


def peers_of(settings: Settings) -> PeerSpools | None:
    """The other nodes' spools; None where there are none, or the port is off."""
    others = {name: host for name, host in settings.cluster.nodes.items() if name != settings.node}
    if not others or not settings.ingest.peer_port:
        return None
    return PeerSpools(settings.cluster, others, settings.ingest.peer_port)


async def serve_peers(
    settings: Settings, keep: Keep, forget: Forget, checkpoints: KeepCheckpoints, stop: asyncio.Event
) -> None:
    """Take other nodes' copies until told to stop; nothing on a single node."""
    if not settings.cluster.nodes or not settings.ingest.peer_port:
        return
    config = uvicorn.Config(
        peer_application(keep, forget, checkpoints, settings.ingest.commit_bytes * 2 + _OVERHEAD_BYTES),
        host=settings.cluster.nodes.get(settings.node, ""),
        port=settings.ingest.peer_port,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
        ssl_certfile=settings.cluster.certificate,
        ssl_keyfile=settings.cluster.key,
        ssl_ca_certs=settings.cluster.ca_file,
        ssl_cert_reqs=ssl.CERT_REQUIRED,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())  # noqa: SLF001 — `serve` would take the signals from us
    log.info("spool_peer_listening", port=settings.ingest.peer_port)
    await stop.wait()
    server.should_exit = True
    await serving


def peer_application(keep: Keep, forget: Forget, checkpoints: KeepCheckpoints, most_bytes: int) -> ASGIApp:
    """PUT and DELETE of records by name, POST of checkpoints; all may be sent again."""
    return Litestar(
        route_handlers=[_put, _delete, _checkpoints],
        state=State({"keep": keep, "forget": forget, "checkpoints": checkpoints, "most_bytes": most_bytes}),
        exception_handlers={ApplianceError: _problem, HTTPException: _http_problem},
        request_max_body_size=None,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )


@put("/records/{name:str}", status_code=201)
async def _put(request: Request[Any, Any, Any]) -> None:
    record = await _body(request)
    await asyncio.to_thread(request.app.state.keep, _named(request), record)


@delete("/records/{name:str}", status_code=204)
async def _delete(request: Request[Any, Any, Any]) -> None:
    await asyncio.to_thread(request.app.state.forget, _named(request))


@post("/checkpoints", status_code=204)
async def _checkpoints(request: Request[Any, Any, Any]) -> None:
    await request.app.state.checkpoints(await _body(request))


async def _body(request: Request[Any, Any, Any]) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > request.app.state.most_bytes:
            raise TooLarge(f"at most {request.app.state.most_bytes} bytes are taken at once")
    return bytes(body)


def _named(request: Request[Any, Any, Any]) -> str:
    name = str(request.path_params["name"])
    if not _NAME.fullmatch(name):
        raise Invalid("a record's name is letters, digits and hyphens, 100 at the most")
    return name


def _problem(_: Request[Any, Any, Any], error: ApplianceError) -> Response[bytes]:
    return problem(error)


def _http_problem(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    return Response(error.detail.encode(), status_code=error.status_code, media_type="text/plain")
