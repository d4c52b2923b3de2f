"""
Segments: the events of one commit, column by column (docs/decisions/0005-segments.md).

Rows would cost a kilobyte and a dozen index entries per event. A segment keeps the originals as one
zstd frame, and for each field the distinct values once plus a code per event. A search reads only the
fields it asks for and compares each distinct value once.

Names that begin with "@" are the envelope. All integers are little-endian. A column is zstd over one
flag byte and msgpack [values, places or nil, codes, code width in bytes]; `places` lists which events
have the field, nil says all of them. Code i means values[i]. The flag says that all values are ASCII
text: then a needle that is not in the folded bytes is in no value.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import chain
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from appliance.foundation.errors import Invalid
from appliance.telemetry.events import Event, Value

MAX_COLUMN_BYTES = 256 * 1_048_576
_LEVEL = 1
_WIDTHS: dict[int, Any] = {1: np.uint8, 2: np.uint16, 4: np.uint32}

ALL_ASCII_TEXT = 1
# Windows renders the message from the event's other fields: it would double the columns and say nothing
# new. It stays in the original, and is a column where it is all there is.
RENDERED = "Message"
_STRUCTURED = 12

Mask = NDArray[np.bool_]
# Some events' values of one field, and their places in ascending order (None: all events).
Part = tuple[Sequence[int] | None, Sequence[Value]]


class Column(msgspec.Struct):
    """
    One field, decoded.

    Attributes:
        values: Distinct values.
        places: Which events have the field, ascending; None if all have.
        codes: Index into `values`, one per place.
    """

    values: list[Value]
    places: NDArray[np.uint32] | None
    codes: NDArray[Any]

    def value_at(self, place: int) -> Value:
        if self.places is None:
            return self.values[int(self.codes[place])]
        at = int(np.searchsorted(self.places, place))
        if at < len(self.places) and self.places[at] == place:
            return self.values[int(self.codes[at])]
        return None


class EncodedSegment(msgspec.Struct):
    """What `PostgresEventStore.append` writes. `keys` are natural keys by place."""

    base: bytes
    events: int
    matched: int
    rule_set: str
    min_time: int
    max_time: int
    columns: dict[str, bytes]
    originals: bytes
    originals_size: int
    originals_sha256: bytes
    keys: list[bytes | None]
    last: bytes = b""

    @property
    def last_id(self) -> UUID:
        """The greatest id inside."""
        return UUID(bytes=self.last) if self.last else self.event_id(self.events - 1)

    def event_id(self, place: int) -> UUID:
        return UUID(int=int.from_bytes(self.base) + place)


class SegmentWriter:
    """Encodes segments; keeps its compression contexts between calls. One per thread."""

    def __init__(self, level: int = _LEVEL) -> None:
        self._column = zstandard.ZstdCompressor(level=level, write_content_size=True)
        self._frame = zstandard.ZstdCompressor(level=level, write_checksum=True, write_content_size=True)

    def encode(
        self,
        base: int,
        events: Sequence[Event],
        sources: Sequence[UUID],
        originals: bytes,
        *,
        rule_set: str,
        matched: int,
        ids: Sequence[int] | None = None,
    ) -> EncodedSegment:
        """
        Encode.

        Args:
            base: The id of place 0 (`foundation.ids.segment_base`).
            events: With `start` and `end` counted from the begin of `originals`.
            sources: The source of each event.
            originals: The exact bytes of all bodies, one after the other.
            rule_set: Version of the set the events were matched against.
            matched: How many events the matcher was asked about.
            ids: Of a merged segment, whose ids do not count up from `base`; ascending.
        """
        frame = self._frame.compress(originals)
        times = np.fromiter((event.time for event in events), np.int64, len(events))
        columns = self._columns(events, sources, times)
        if ids is not None:
            columns["@id"] = self._column.compress(b"".join(one.to_bytes(16) for one in ids))
        return EncodedSegment(
            base=base.to_bytes(16),
            events=len(events),
            matched=matched,
            rule_set=rule_set,
            min_time=int(times.min()),
            max_time=int(times.max()),
            columns=columns,
            originals=frame,
            originals_size=len(originals),
            # Of the frame as it is stored: a fiftieth of the bytes, and as good a witness.
            originals_sha256=sha256(frame).digest(),
            keys=[event.key for event in events],
            last=b"" if ids is None else ids[-1].to_bytes(16),
        )

    def _columns(
        self, events: Sequence[Event], sources: Sequence[UUID], times: NDArray[np.int64]
    ) -> dict[str, bytes]:
        columns = {name: self._column_of(parts, len(events)) for name, parts in _by_field(events).items()}
        envelope: dict[str, Sequence[Value]] = {
            "@kind": [event.kind for event in events],
            "@channel": [event.channel for event in events],
            "@code": [event.code for event in events],
            "@host": [event.host for event in events],
            "@source": [source.hex for source in sources],
        }
        for name, values in envelope.items():
            columns[name] = self._column_of([(None, values)], len(events))
        spans = np.fromiter((n for event in events for n in (event.start, event.end)), np.uint32)
        columns["@time"] = self._column.compress(times.tobytes())
        columns["@span"] = self._column.compress(spans.tobytes())
        return columns

    def _column_of(self, parts: list[Part], events: int) -> bytes:
        values: Sequence[Value] = (
            parts[0][1] if len(parts) == 1 else list(chain.from_iterable(p[1] for p in parts))
        )
        distinct = dict.fromkeys(values)
        table = {value: code for code, value in enumerate(distinct)}
        width = next(size for size in _WIDTHS if len(table) <= 256**size)
        codes = np.fromiter(map(table.__getitem__, values), _WIDTHS[width], len(values))
        places = _places(parts)
        if places is not None and len(parts) > 1:
            order = np.argsort(places)
            places, codes = places[order], codes[order]
        listed = None if places is None or len(places) == events else places.tobytes()
        packed = _packed(list(distinct), listed, codes.tobytes(), width)
        return self._column.compress(bytes((_all_ascii_text(distinct),)) + packed)


_PACK = msgspec.msgpack.Encoder().encode


def _by_field(events: Sequence[Event]) -> dict[str, list[Part]]:
    """
    Values of each field with the places of the events that have it.

    Events of one type have the same field names in the same order, so each group is transposed at once.
    """
    groups: dict[tuple[str, ...], list[int]] = {}
    for place, event in enumerate(events):
        groups.setdefault(tuple(event.fields), []).append(place)
    parts: dict[str, list[Part]] = {}
    for names, places in groups.items():
        rows = zip(*[events[place].fields.values() for place in places], strict=True)
        for name, values in zip(names, rows, strict=True):
            if name != RENDERED or len(names) < _STRUCTURED:
                parts.setdefault(name, []).append((places, values))
    return parts


def _packed(values: list[Value], places: bytes | None, codes: bytes, width: int) -> bytes:
    try:
        return _PACK((values, places, codes, width))
    except (OverflowError, UnicodeEncodeError):
        # Integers beyond 64 bits and lone surrogates have no msgpack: kept as text, escaped.
        return _PACK(([_spelled(value) for value in values], places, codes, width))


def _spelled(value: Value) -> Value:
    if isinstance(value, tuple):
        return tuple(_spelled(one) for one in value)  # type: ignore[misc]  # a scalar is spelled as a scalar
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return str(value)
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def _all_ascii_text(values: Iterable[Value]) -> bool:
    try:
        return "".join(values).isascii()  # type: ignore[arg-type]  # what is not text raises, and is the answer
    except TypeError:
        return False


def _places(parts: list[Part]) -> NDArray[np.uint32] | None:
    if parts[0][0] is None:
        return None
    return np.fromiter(chain.from_iterable(part[0] or () for part in parts), np.uint32)


class SegmentReader:
    """Decodes what a SegmentWriter made. One per thread."""

    def __init__(self) -> None:
        self._zstd = zstandard.ZstdDecompressor()
        self._unpack = msgspec.msgpack.Decoder(tuple[list[Any], bytes | None, bytes, int]).decode

    def raw(self, body: bytes) -> bytes:
        """
        Decompressed bytes of a column.

        Raises:
            Invalid: Not a zstd frame, or larger than any column may be.
        """
        try:
            if zstandard.frame_content_size(body) > MAX_COLUMN_BYTES:
                raise Invalid("a stored column claims to be larger than any may be; the segment is damaged")
            return self._zstd.decompress(body)
        except zstandard.ZstdError as error:
            raise Invalid(
                f"a stored column cannot be decompressed: {error}; the segment is damaged"
            ) from error

    def column(self, raw: bytes) -> Column:
        values, places, codes, width = self._unpack(memoryview(raw)[1:])
        return Column(
            values=[tuple(value) if isinstance(value, list) else value for value in values],
            places=None if places is None else np.frombuffer(places, np.uint32),
            codes=np.frombuffer(codes, _WIDTHS[width]),
        )

    def times(self, body: bytes) -> NDArray[np.int64]:
        """Event times, microseconds since the epoch, shape (events,)."""
        return np.frombuffer(self.raw(body), np.int64)

    def ids(self, body: bytes) -> list[int]:
        """Event ids of a merged segment, ascending."""
        raw = self.raw(body)
        return [int.from_bytes(raw[at : at + 16]) for at in range(0, len(raw), 16)]

    def spans(self, body: bytes) -> NDArray[np.uint32]:
        """Where each original lies in the frame, shape (events, 2)."""
        return np.frombuffer(self.raw(body), np.uint32).reshape(-1, 2)

    def fields_at(self, columns: Iterable[tuple[str, bytes]], place: int) -> dict[str, Value]:
        """The fields of one event."""
        found: dict[str, Value] = {}
        for name, body in columns:
            if name in {"@time", "@span", "@id"}:
                continue
            value = self.column(self.raw(body)).value_at(place)
            if value is not None:
                found[name] = value
        return found
