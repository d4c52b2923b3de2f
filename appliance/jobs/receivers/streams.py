"""
Syslog over a stream: plain TCP (RFC 6587, both framings) and TLS (RFC 5425).

Plain syslog has no acknowledgement: what a sender has written is not yet stored when the connection breaks.
"""

import asyncio
import ssl

import structlog

from appliance.jobs.receivers.batching import Batcher, Message

log = structlog.get_logger()

_LONGEST_MESSAGE = 1_048_576
_PIECE = 65_536
_COUNT_DIGITS = 7
_DIGITS = b"123456789"


class FramingError(ValueError):
    """The stream is in neither framing; the connection cannot be read on."""


class Frames:
    """
    Takes messages out of a stream.

    Each message says by its first byte how it is framed: a digit begins an octet count, anything else a line.
    A line longer than a message may be is cut there; its rest becomes further messages, so that nothing is
    lost and nothing grows without bound.
    """

    def __init__(self, longest_message: int = _LONGEST_MESSAGE) -> None:
        self._longest = longest_message
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """
        The messages that are complete now.

        Raises:
            FramingError: An octet count that is none, or longer than a message may be.
        """
        self._buffer += data
        messages: list[bytes] = []
        position = 0
        while position < len(self._buffer):
            found = self._counted(position) if self._buffer[position] in _DIGITS else self._line(position)
            if found is None:
                break
            start, end, position = found
            if end > start:
                messages.append(bytes(self._buffer[start:end]))
        del self._buffer[:position]
        return messages

    def rest(self) -> bytes:
        """What stood unfinished when the stream ended; half of a counted message is none."""
        is_line = bool(self._buffer) and self._buffer[0] not in _DIGITS
        return bytes(self._buffer).rstrip(b"\r\0") if is_line else b""

    def _counted(self, position: int) -> tuple[int, int, int] | None:
        space = self._buffer.find(b" ", position, position + _COUNT_DIGITS + 1)
        if space < 0:
            if len(self._buffer) - position > _COUNT_DIGITS:
                raise FramingError("an octet count does not end")
            return None
        digits = bytes(self._buffer[position:space])
        if not digits.isdigit() or int(digits) > self._longest:
            raise FramingError(f"an octet count of {digits[:20]!r}")
        start = space + 1
        end = start + int(digits)
        return (start, end, end) if len(self._buffer) >= end else None

    def _line(self, position: int) -> tuple[int, int, int] | None:
        newline = self._buffer.find(b"\n", position)
        if newline < 0 or newline - position > self._longest:
            if len(self._buffer) - position > self._longest:
                return position, position + self._longest, position + self._longest
            return None
        end = newline
        # Some senders end lines by CR LF, some by NUL LF.
        while end > position and self._buffer[end - 1] in b"\r\0":
            end -= 1
        return position, end, newline + 1


class SyslogStream:
    """One listening port for syslog over TCP or TLS."""

    def __init__(
        self,
        batcher: Batcher,
        *,
        tls: ssl.SSLContext | None = None,
        idle_seconds: float = 3600,
        connections: int = 1024,
    ) -> None:
        self._batcher = batcher
        self._tls = tls
        self._idle_seconds = idle_seconds
        self._most_connections = connections
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self.refused_connections = 0
        self.broken_connections = 0

    async def start(self, host: str | None, port: int) -> int:
        """Listens on all addresses of `host` (None: every one, IPv6 and IPv4); the port in use."""
        self._server = await asyncio.start_server(self._connected, host, port, ssl=self._tls, limit=_PIECE)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stops listening and ends all connections; what they sent is in the batcher."""
        if self._server is not None:
            self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._open) >= self._most_connections:
            self.refused_connections += 1
            writer.close()
            return
        self._open.add(task)
        peer = str((writer.get_extra_info("peername") or ("",))[0])
        try:
            await self._read(reader, peer)
        except (FramingError, OSError, TimeoutError, ssl.SSLError) as error:
            self.broken_connections += 1
            log.warning("syslog_connection_broken", peer=peer, reason=str(error)[:200])
        finally:
            self._open.discard(task)
            writer.close()

    async def _read(self, reader: asyncio.StreamReader, peer: str) -> None:
        frames = Frames()
        while True:
            async with asyncio.timeout(self._idle_seconds):
                data = await reader.read(_PIECE)
            if not data:
                break
            for message in frames.feed(data):
                await self._batcher.add(Message(message, peer))
        if rest := frames.rest():
            await self._batcher.add(Message(rest, peer))
