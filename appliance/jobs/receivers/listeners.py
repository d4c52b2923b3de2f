"""The syslog family's listeners, started and stopped together."""

import asyncio
import ssl
from enum import StrEnum

import msgspec
import structlog

from appliance.jobs.receivers.batching import Batcher, Batching
from appliance.jobs.receivers.datagrams import SyslogDatagrams
from appliance.jobs.receivers.relp import RELPServer
from appliance.jobs.receivers.streams import SyslogStream
from appliance.telemetry.intake import Intake

log = structlog.get_logger()


class Transport(StrEnum):
    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"
    RELP = "relp"
    RELP_TLS = "relp+tls"


class Listener(msgspec.Struct, frozen=True):
    """
    One port to listen on.

    `name` is what the source is configured for. `host` None means every address, IPv6 and IPv4. Port 0 lets
    the system choose. TLS needs the path of a certificate chain and its key; with `client_ca`, senders must
    show a certificate of that authority.
    """

    name: str
    transport: Transport
    port: int
    host: str | None = None
    certificate: str = ""
    key: str = ""
    client_ca: str = ""


class Counters(msgspec.Struct, frozen=True):
    """What happened at one listener since it started; the losses are UDP's."""

    accepted_messages: int
    refused_messages: int
    lost_in_kernel: int = 0
    lost_here: int = 0
    broken_connections: int = 0


class Listeners:
    """All configured ports of one node."""

    def __init__(self, intake: Intake, configured: list[Listener], batching: Batching | None = None) -> None:
        self._configured = configured
        self._batchers = {item.name: Batcher(intake, item.name, batching) for item in configured}
        self._servers: dict[str, SyslogDatagrams | SyslogStream | RELPServer] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.ports: dict[str, int] = {}

    async def start(self) -> None:
        """
        Binds every port.

        Raises:
            OSError: One cannot be bound, or its certificate cannot be read; nothing is left listening.
        """
        try:
            for item in self._configured:
                server = _server(item, self._batchers[item.name])
                self.ports[item.name] = await server.start(item.host, item.port)
                self._servers[item.name] = server
                log.info(
                    "listener_started", name=item.name, transport=item.transport, port=self.ports[item.name]
                )
        except OSError:
            await self.stop()
            raise
        self._tasks = [asyncio.create_task(batcher.run()) for batcher in self._batchers.values()]

    async def watch(self) -> None:
        """
        Waits until `stop`.

        Raises whatever ended a listener before: messages would be received and go nowhere, so the process
        has to end and be started again.
        """
        await asyncio.gather(*self._tasks)

    async def stop(self) -> None:
        """Stops listening, then hands over what was already received."""
        for server in self._servers.values():
            await server.stop()
        for batcher in self._batchers.values():
            batcher.close()
        await asyncio.gather(*self._tasks)
        self._servers.clear()

    def counters(self) -> dict[str, Counters]:
        """By listener's name."""
        return {name: _counters(server, self._batchers[name]) for name, server in self._servers.items()}


def _server(item: Listener, batcher: Batcher) -> SyslogDatagrams | SyslogStream | RELPServer:
    match item.transport:
        case Transport.UDP:
            return SyslogDatagrams(batcher)
        case Transport.TCP | Transport.TLS:
            return SyslogStream(batcher, tls=_tls(item))
        case Transport.RELP | Transport.RELP_TLS:
            return RELPServer(batcher, tls=_tls(item))


def _tls(item: Listener) -> ssl.SSLContext | None:
    if item.transport not in (Transport.TLS, Transport.RELP_TLS):
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    # For TLS 1.2, which old senders have: forward secrecy and authenticated encryption (RFC 9325, 4.2).
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    context.load_cert_chain(item.certificate, item.key or None)
    if item.client_ca:
        context.load_verify_locations(item.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _counters(server: SyslogDatagrams | SyslogStream | RELPServer, batcher: Batcher) -> Counters:
    is_udp = isinstance(server, SyslogDatagrams)
    return Counters(
        accepted_messages=batcher.accepted_messages,
        refused_messages=batcher.refused_messages,
        lost_in_kernel=server.dropped_in_kernel if isinstance(server, SyslogDatagrams) else 0,
        lost_here=server.dropped_here if isinstance(server, SyslogDatagrams) else 0,
        broken_connections=0 if is_udp else getattr(server, "broken_connections", 0),
    )
