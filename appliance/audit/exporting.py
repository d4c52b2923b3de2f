"""Writes an export that `xdr-audit-verify` reads (docs/security/audit-format.md)."""

from collections.abc import AsyncIterator, Callable
from typing import IO, Any, Protocol
from uuid import UUID

import msgspec

from appliance.audit.service import canonical
from appliance.audit.verifier import export
from appliance.audit.verifier.chain import SEALED_EVENTS
from appliance.audit.verifier.evidence import Sources, received_ms
from appliance.audit.verifier.hashing import to_text
from appliance.audit.verifier.localising import Record
from appliance.audit.walking import Stream, Stretch


class Held(Protocol):
    """The events that came in one segment: (id, source, original)."""

    @property
    def segment(self) -> bytes: ...

    @property
    def events(self) -> list[tuple[bytes, bytes, bytes]]: ...

    def sources(self) -> Sources: ...


class Evidence(Protocol):
    """What knows the stored events; telemetry implements it."""

    def between(self, start_ms: int, end_ms: int) -> AsyncIterator[Held]:
        """The events of each segment that was received in a period."""
        ...


class Period(msgspec.Struct, frozen=True):
    """Events of one source, received from `start_ms` on and before `end_ms`."""

    source_id: UUID
    start_ms: int
    end_ms: int

    def contains(self, segment: bytes) -> bool:
        return self.start_ms <= received_ms(segment) < self.end_ms


class Exporter:
    """Writes one stream to a file."""

    def __init__(self, stream: Stream, keys: list[bytes], to: IO[bytes]) -> None:
        self._stream, self._keys, self._to = stream, keys, to
        self._records = 0
        self._sealed: set[bytes] = set()

    async def write(self, after: int, period: Period | None, evidence: Evidence) -> int:
        """
        Everything after a record; with a period, its events besides.

        Returns:
            How many records were written.
        """
        await self._head(after, period)
        async for stretch in self._stream.stretches(after):
            self._stretch(stretch, (lambda _: False) if period is None else period.contains)
        if period is not None:
            await self._events(period, evidence)
        self._line(b"Z", canonical({"records": self._records}))
        return self._records

    async def _head(self, after: int, period: Period | None) -> None:
        start = await self._stream.start(after)
        head: dict[str, Any] = {
            "format": export.FORMAT, "v": export.VERSION, "stream": str(self._stream.org_id),
            "key": (await self._stream.key(after + 1)).hex(), "keys": [key.hex() for key in self._keys],
            "start": {"size": start.size, "head": start.head.hex(), "peaks": [p.hex() for p in start.peaks]},
        }  # fmt: skip
        if period is not None:
            head["period"] = {
                "source": str(period.source_id), "from_ms": period.start_ms, "to_ms": period.end_ms
            }  # fmt: skip
        self._line(b"H", canonical(head))

    def _stretch(self, stretch: Stretch, keep: Callable[[bytes], bool]) -> None:
        for record in stretch.records:
            self._to.write(_record_line(record))
            if record.body is not None and record.body.startswith(SEALED_EVENTS):
                named = msgspec.json.decode(record.body)["detail"]["segments"]
                self._sealed |= {base for one in named if keep(base := bytes.fromhex(one[0]))}
        self._records += len(stretch.records)
        if stretch.checkpoint is not None:
            self._line(b"C", to_text(stretch.checkpoint.signature).encode(), stretch.checkpoint.body)

    async def _events(self, period: Period, evidence: Evidence) -> None:
        async for held in evidence.between(period.start_ms, period.end_ms):
            if held.segment not in self._sealed:
                continue  # stored, and not sealed yet: nothing vouches for it
            sources = [[source.hex(), events, root.hex()] for source, events, root in held.sources()]
            self._line(b"S", canonical({"segment": held.segment.hex(), "sources": sources}))
            for event_id, source, original in held.events:
                if source == period.source_id.bytes:
                    self._line(b"V", event_id.hex().encode(), to_text(original).encode())

    def _line(self, kind: bytes, *parts: bytes) -> None:
        self._to.write(b" ".join((kind, *parts)) + b"\n")


def _record_line(record: Record) -> bytes:
    signature = to_text(record.signature).encode()
    if record.body is None:
        assert record.leaf is not None
        rest = f"{record.leaf.hex()} {record.entry_id}".encode()
        return b"M %d %d %b %b\n" % (record.seq, record.sealed_at, signature, rest)
    return b"E %d %d %b %b\n" % (record.seq, record.sealed_at, signature, record.body)
