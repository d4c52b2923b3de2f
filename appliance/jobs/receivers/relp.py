"""
RELP, the Reliable Event Logging Protocol of rsyslog: syslog with acknowledgements.

A message is acknowledged only once the intake has its batch, so an acknowledged message is stored or lies
fsynced in the spool. The sender keeps at most a window of messages unacknowledged and sends those again on
a new connection if this one breaks.

Frame: TXNR SP COMMAND SP DATALEN [SP DATA] LF. Source: librelp, "RELP protocol" (relp.html).
"""

import asyncio
import ssl

import structlog

from appliance.foundation.errors import ApplianceError
from appliance.jobs.receivers.batching import Batcher, Message

log = structlog.get_logger()

_LONGEST_MESSAGE = 1_048_576
_PIECE = 65_536
_LONGEST_HEADER = 9 + 1 + 32 + 1 + 9 + 1
_HIGHEST_TXNR = 999_999_999
# librelp, the only sender there is, speaks version 0 and refuses an answer of any other.
_OFFER = b"relp_version=0\nrelp_software=mini-xdr\ncommands=syslog"


class RELPError(ValueError):
    """The peer does not speak RELP, or not in this order; the connection cannot be read on."""


class Frame:
    """One frame of the protocol."""

    __slots__ = ("command", "data", "txnr")

    def __init__(self, txnr: int, command: str, data: bytes) -> None:
        self.txnr = txnr
        self.command = command
        self.data = data


class Frames:
    """Takes frames out of a stream."""

    def __init__(self, longest_message: int = _LONGEST_MESSAGE) -> None:
        self._longest = longest_message
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """
        The frames that are complete now.

        Raises:
            RELPError: What came is no frame.
        """
        self._buffer += data
        frames = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        return frames

    def _next(self) -> Frame | None:
        parts = bytes(self._buffer[:_LONGEST_HEADER]).split(b" ", 3)
        if len(parts) < 3:  # noqa: PLR2004 — number, command and length
            if len(self._buffer) >= _LONGEST_HEADER:
                raise RELPError("a frame's header does not end")
            return None
        # A length of 0 ends in the newline at once, any other in a space before the data.
        length = parts[2].split(b"\n", 1)[0]
        is_whole = len(parts) == 4 or b"\n" in parts[2]  # noqa: PLR2004 — the part after the length has begun
        if not is_whole:
            if len(self._buffer) >= _LONGEST_HEADER:
                raise RELPError("a frame's header does not end")
            return None
        size, txnr = _number(length), _number(parts[0])
        if size > self._longest or txnr > _HIGHEST_TXNR:
            raise RELPError(f"a message of {size} bytes")
        start = len(parts[0]) + len(parts[1]) + len(length) + 2 + (1 if size else 0)
        if len(self._buffer) < start + size + 1:
            return None
        data = bytes(self._buffer[start : start + size])
        # librelp writes "0" and a newline, others "0", a space and a newline.
        end = start + size
        if size == 0 and self._buffer[end] == ord(" "):
            end += 1
            if len(self._buffer) <= end:
                return None
        if self._buffer[end] != ord("\n"):
            raise RELPError("a frame does not end in a newline")
        del self._buffer[: end + 1]
        return Frame(txnr, parts[1].decode("ascii", "replace"), data)


class RELPServer:
    """One RELP port, with or without TLS."""

    def __init__(
        self, batcher: Batcher, *, tls: ssl.SSLContext | None = None, connections: int = 256
    ) -> None:
        self._batcher = batcher
        self._tls = tls
        self._most_connections = connections
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self.broken_connections = 0

    async def start(self, host: str | None, port: int) -> int:
        """Listens on all addresses of `host` (None: every one, IPv6 and IPv4); the port in use."""
        self._server = await asyncio.start_server(self._connected, host, port, ssl=self._tls, limit=_PIECE)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Ends all connections; what was not acknowledged will be sent again to whoever listens then."""
        if self._server is not None:
            self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._open) >= self._most_connections:
            writer.close()
            return
        self._open.add(task)
        session = _Session(writer, self._batcher)
        try:
            await session.run(reader)
        except (RELPError, OSError, ssl.SSLError) as error:
            self.broken_connections += 1
            log.warning("relp_connection_broken", peer=session.peer, reason=str(error)[:200])
        finally:
            self._open.discard(task)
            writer.close()


class _Session:
    """One connection: opened, then any number of messages, then closed."""

    def __init__(self, writer: asyncio.StreamWriter, batcher: Batcher) -> None:
        self.peer = str((writer.get_extra_info("peername") or ("",))[0]).removeprefix("::ffff:")
        self._writer = writer
        self._batcher = batcher
        self._is_open = False
        self._unanswered = 0
        self._answered = asyncio.Event()

    async def run(self, reader: asyncio.StreamReader) -> None:
        frames = Frames()
        while data := await reader.read(_PIECE):
            for frame in frames.feed(data):
                if frame.command == "close":
                    await self._close(frame)
                    return
                await self._handle(frame)
            await self._writer.drain()

    async def _handle(self, frame: Frame) -> None:
        if frame.command == "open":
            self._open(frame)
        elif frame.command == "syslog" and self._is_open:
            self._unanswered += 1
            await self._batcher.add(Message(frame.data, self.peer, self._answer_later(frame.txnr)))
        elif frame.command != "rsp":
            self._answer(
                frame.txnr, b"500 " + frame.command.encode("ascii", "replace")[:20] + b" is not possible"
            )

    def _open(self, frame: Frame) -> None:
        offers = dict(line.partition(b"=")[::2] for line in frame.data.split(b"\n")[:32])
        if b"syslog" not in offers.get(b"commands", b"").split(b","):
            self._answer(frame.txnr, b"500 the command syslog is required")
            return
        self._is_open = True
        self._answer(frame.txnr, b"200 OK\n" + _OFFER)

    def _answer_later(self, txnr: int) -> "_Answer":
        return _Answer(self, txnr)

    def taken(self, txnr: int, refusal: ApplianceError | None) -> None:
        """Answers a message whose batch the intake has taken, or refused for good."""
        self._unanswered -= 1
        if self._unanswered == 0:
            self._answered.set()
        if not self._writer.is_closing():
            text = b"200 OK" if refusal is None else b"500 " + refusal.code.encode()
            self._answer(txnr, text)

    async def _close(self, frame: Frame) -> None:
        # The sender closes only after its last answer; one that does not is given them first.
        while self._unanswered:
            self._answered.clear()
            await self._answered.wait()
        self._answer(frame.txnr, b"")
        self._writer.write(b"0 serverclose 0\n")
        await self._writer.drain()

    def _answer(self, txnr: int, text: bytes) -> None:
        data = b" " + text if text else b""
        self._writer.write(b"%d rsp %d%b\n" % (txnr, len(text), data))


class _Answer:
    """The callback of one message."""

    __slots__ = ("_session", "_txnr")

    def __init__(self, session: _Session, txnr: int) -> None:
        self._session = session
        self._txnr = txnr

    def __call__(self, refusal: ApplianceError | None) -> None:
        self._session.taken(self._txnr, refusal)


def _number(digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > 9:  # noqa: PLR2004 — the protocol's longest number
        raise RELPError(f"{digits[:20]!r} where a number belongs")
    return int(digits)
