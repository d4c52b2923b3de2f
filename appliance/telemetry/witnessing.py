"""
What the audit chain needs to know of stored events: which there are, by segment and source, and their bytes.

An event's id names the segment it came in, and keeps naming it after small segments were merged; so what was
sealed of a segment can be told again from wherever its events lie now.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.verifier.evidence import (
    PLACE_BITS,
    Sources,
    event_leaf,
    received_ms,
    segment_of,
    tallied,
)
from appliance.foundation.actors import Scope
from appliance.foundation.database import driver
from appliance.telemetry.segments import SegmentReader

_PLACES = (1 << PLACE_BITS) - 1
_COLUMNS = ["@id", "@span", "@source"]


class StoredEvents(NamedTuple):
    """The events that came in one segment: (id, source, original) in order of their ids."""

    segment: bytes
    events: list[tuple[bytes, bytes, bytes]]

    def sources(self) -> Sources:
        """How many events of each source there are, and the root over them."""
        return tallied((one, source, event_leaf(one, original)) for one, source, original in self.events)


class Packed(NamedTuple):
    """A stored segment as the database gives it; `dead` lists the places that are no events."""

    id: UUID
    places: int
    dead: bytes | None
    originals: bytes
    columns: dict[str, bytes]

    @property
    def is_merged(self) -> bool:
        return "@id" in self.columns

    def unpacked(self, reader: SegmentReader) -> list[StoredEvents]:
        """Its events, by the segments they came in. Takes some microseconds an event."""
        originals = reader.raw(self.originals)
        spans = reader.spans(self.columns["@span"]).tolist()
        column = reader.column(reader.raw(self.columns["@source"]))
        sources = [UUID(str(value)).bytes for value in column.values]
        dead = set() if self.dead is None else set(np.frombuffer(self.dead, np.uint32).tolist())
        ids: Iterable[int] = (
            reader.ids(self.columns["@id"])
            if self.is_merged
            else range(self.id.int, self.id.int + self.places)
        )
        found: dict[bytes, list[tuple[bytes, bytes, bytes]]] = {}
        for place, (event_id, (start, end), code) in enumerate(zip(ids, spans, column.codes, strict=True)):
            if place not in dead:
                raw = event_id.to_bytes(16)
                found.setdefault(segment_of(raw), []).append((raw, sources[code], originals[start:end]))
        return [StoredEvents(segment, events) for segment, events in found.items()]


class SegmentWitness:
    """Bound to one transaction in one organisation."""

    def __init__(self, session: AsyncSession, scope: Scope) -> None:
        self._session, self._scope = session, scope

    async def sources_of(self, segment: UUID, day: date) -> Sources | None:
        """
        How many events of each source came in that segment, and the root over them.

        None if it is the product of a merger, whose parts arrived before. Empty if nothing of it is left.
        """
        holding = await self._holding(segment, day)
        if any(packed.id == segment and packed.is_merged for packed in holding):
            return None
        # Hashing is work for the processor; whoever waits for the loop goes on meanwhile.
        return await asyncio.to_thread(_sources_in, holding, segment.bytes)

    async def _holding(self, segment: UUID, day: date) -> list[Packed]:
        """Whatever holds events of that segment now: itself, what it was merged into, or nothing."""
        return await self._packed(
            "s.id <= %(last)s AND s.last_id >= %(id)s",
            {"day": day, "id": segment, "last": UUID(int=segment.int | _PLACES)},
        )

    async def between(self, start_ms: int, end_ms: int) -> AsyncIterator[StoredEvents]:
        """
        The events of each segment that was received in a period, in milliseconds since the epoch.

        Args:
            end_ms: Exclusive.
        """
        reader = SegmentReader()
        async for packed in self._stored(start_ms, end_ms):
            for found in await asyncio.to_thread(packed.unpacked, reader):
                if start_ms <= received_ms(found.segment) < end_ms:
                    yield found

    async def _stored(self, start_ms: int, end_ms: int) -> AsyncIterator[Packed]:
        days = [datetime.fromtimestamp(ms / 1000, UTC).date() for ms in (start_ms, end_ms)]
        bounds = {
            "first": days[0], "final": days[1],
            "start": UUID(int=start_ms << 80), "end": UUID(int=end_ms << 80),
        }  # fmt: skip
        connection = await driver(self._session)
        rows = await connection.execute(
            "SELECT received_day, id FROM segments WHERE org_id = %(org)s"
            " AND received_day BETWEEN %(first)s AND %(final)s AND last_id >= %(start)s AND id < %(end)s"
            " ORDER BY received_day, id",
            {"org": self._scope.org_id, **bounds},
        )
        for day, segment_id in await rows.fetchall():
            for packed in await self._packed("s.id = %(id)s", {"day": day, "id": segment_id}):
                yield packed

    async def _packed(self, condition: str, values: dict[str, Any]) -> list[Packed]:
        connection = await driver(self._session)
        async with connection.cursor(binary=True) as cursor:
            # S608: the condition is one of this class's own texts.
            await cursor.execute(
                "SELECT s.id, s.places, s.dead, s.originals, c.field, c.body FROM segments s"  # noqa: S608 — see above
                " JOIN segment_columns c ON c.org_id = s.org_id AND c.received_day = s.received_day"
                " AND c.segment_id = s.id AND c.field = ANY(%(fields)s)"
                f" WHERE s.org_id = %(org)s AND s.received_day = %(day)s AND {condition}",
                {"org": self._scope.org_id, "fields": _COLUMNS, **values},
            )
            rows = await cursor.fetchall()
        heads = {row[0]: row[:4] for row in rows}
        columns: dict[UUID, dict[str, bytes]] = {segment_id: {} for segment_id in heads}
        for row in rows:
            columns[row[0]][row[4]] = row[5]
        return [
            Packed(segment_id, places, dead, originals, columns[segment_id])
            for segment_id, places, dead, originals in (heads[one] for one in sorted(heads))
        ]


def _sources_in(holding: list[Packed], segment: bytes) -> Sources:
    reader = SegmentReader()
    found = [one for packed in holding for one in packed.unpacked(reader) if one.segment == segment]
    return StoredEvents(segment, [event for one in found for event in one.events]).sources()
