"""
Reading a request's body within bounds, compressed or not.

Invariant: no more than `body_bytes` of one request and `in_flight_bytes` of all requests together are ever
held, on the wire or unpacked: a gzip bomb is refused after the bound, not after it has burst.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import zstandard
from litestar import Request

from appliance.foundation.errors import Invalid
from appliance.telemetry.errors import BodyTooLarge, IntakeFull

_UNPACKED_PIECE = 1_048_576
_ZSTD_STEP = 256
_LARGEST_WINDOW = 8 * 1_048_576
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class UnsupportedEncoding(Invalid):
    """The body is compressed in a way we do not unpack, or is not what its header says."""

    code = "unsupported_encoding"


class SlowBody(Invalid):
    """The client did not send its body in time."""

    code = "slow_body"


class Limits(msgspec.Struct, frozen=True):
    """What one ingest application holds at once."""

    body_bytes: int = 64 * 1_048_576
    in_flight_bytes: int = 256 * 1_048_576
    read_seconds: float = 120.0


class InFlight:
    """Counts the bytes that all requests hold at the moment."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.held_bytes = 0

    @contextmanager
    def reservation(self) -> Iterator["Reservation"]:
        """A request's share, given back when the request is done."""
        reservation = Reservation(self)
        try:
            yield reservation
        finally:
            self.held_bytes -= reservation.held_bytes


class Reservation:
    """What one request holds."""

    def __init__(self, total: InFlight) -> None:
        self._total = total
        self.limits = total.limits
        self.held_bytes = 0

    def add(self, size: int) -> None:
        """
        Counts `size` more bytes.

        Raises:
            BodyTooLarge: This request is over its bound.
            IntakeFull: All requests together are over theirs.
        """
        self.held_bytes += size
        self._total.held_bytes += size
        limits = self.limits
        if self.held_bytes > limits.body_bytes:
            raise BodyTooLarge(f"The body is larger than {limits.body_bytes} bytes; send smaller batches.")
        if self._total.held_bytes > limits.in_flight_bytes:
            raise IntakeFull("Too many batches are being received at once; send this one again later.")


async def read_body(request: Request[Any, Any, Any], reservation: Reservation) -> bytes:
    """
    The request's body, unpacked.

    Raises:
        BodyTooLarge, IntakeFull: As `Reservation.add`; judged by Content-Length before reading, too.
        UnsupportedEncoding: Another encoding than gzip, deflate, zstd or identity, or a broken stream.
        SlowBody: It did not arrive within `read_seconds`.
    """
    announced = request.headers.get("content-length", "")
    limits = reservation.limits
    if announced.isdecimal() and int(announced) > limits.body_bytes:
        raise BodyTooLarge(f"The body is larger than {limits.body_bytes} bytes; send smaller batches.")
    unpack = _unpacker(request.headers.get("content-encoding", "identity").strip().lower())
    pieces: list[bytes] = []
    try:
        async with asyncio.timeout(limits.read_seconds):
            async for piece in _unpacked(request, unpack):
                reservation.add(len(piece))
                pieces.append(piece)
    except TimeoutError:
        raise SlowBody(f"The body did not arrive within {limits.read_seconds:.0f} seconds.") from None
    return b"".join(pieces)


class _Unpacker:
    """Unpacks a stream of one or more members piece by piece, so that a bomb is met by the bound."""

    def __init__(self, encoding: str) -> None:
        self._is_zstd = encoding == "zstd"
        self._stream = self._new()

    def unpack(self, data: bytes) -> Iterator[bytes]:
        # 256 bytes of zstd unpack to at most 8 MB, its smallest block to 128 KB.
        step = _ZSTD_STEP if self._is_zstd else len(data)
        for start in range(0, len(data), max(step, 1)):
            yield from self._unpack_step(data[start : start + step])

    @property
    def is_complete(self) -> bool:
        return bool(self._stream.eof)

    def _unpack_step(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._stream.eof:
                self._stream = self._new()
            if self._is_zstd:
                yield self._stream.decompress(data)
                data = b""
            else:
                yield self._stream.decompress(data, _UNPACKED_PIECE)
                data = self._stream.unconsumed_tail
            if self._stream.eof:
                data = self._stream.unused_data

    def _new(self) -> Any:
        if self._is_zstd:
            return zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW).decompressobj()
        return zlib.decompressobj(_GZIP_OR_ZLIB)


def _unpacker(encoding: str) -> _Unpacker | None:
    if encoding in ("", "identity"):
        return None
    if encoding in ("gzip", "x-gzip", "deflate", "zstd"):
        return _Unpacker(encoding)
    raise UnsupportedEncoding(f"Content-Encoding {encoding[:40]!r} is not supported; use gzip or zstd.")


async def _unpacked(request: Request[Any, Any, Any], unpacker: _Unpacker | None) -> AsyncIterator[bytes]:
    if unpacker is None:
        async for piece in request.stream():
            yield piece
        return
    has_data = False
    try:
        async for piece in request.stream():
            has_data = has_data or bool(piece)
            for unpacked in unpacker.unpack(piece):
                yield unpacked
    except (zlib.error, zstandard.ZstdError) as error:
        raise UnsupportedEncoding(f"The compressed body cannot be unpacked: {error}.") from None
    if has_data and not unpacker.is_complete:
        raise UnsupportedEncoding("The compressed body ends in the middle; send it again.")
