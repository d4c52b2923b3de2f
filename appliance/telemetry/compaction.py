"""
Small segments made into large ones: a quiet source commits a few events a second, and a search pays
per segment. Events keep their ids; what a merged segment holds is what its parts held.

One organisation, one day, one rule set at a time, in one transaction: readers see the parts or the whole.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.foundation.actors import Scope
from appliance.foundation.clock import Clock
from appliance.foundation.queue import JobKind
from appliance.telemetry.appending import MICROSECOND, SegmentAppender
from appliance.telemetry.events import Event, Value
from appliance.telemetry.reading import SegmentSource, StoredSegment
from appliance.telemetry.segments import EncodedSegment, SegmentReader, SegmentWriter

log = structlog.get_logger()

COMPACTION_JOB = JobKind("events.compaction", permission=None)
SMALL, FULL = 1_000, 4_096
FEWEST_PARTS = 8
_MOST_PARTS = 400
_SETTLED = timedelta(minutes=2)
_LEVEL = 6  # merged once, read often


class Compaction:
    """Bound to one transaction in one organisation."""

    def __init__(self, session: AsyncSession, scope: Scope, clock: Clock) -> None:
        self._session, self._scope, self._clock = session, scope, clock
        self._reader, self._writer = SegmentReader(), SegmentWriter(_LEVEL)
        self._source = SegmentSource(session, scope, self._reader)

    async def run(self) -> int:
        """How many segments were merged into larger ones; 0 if there was nothing worth it."""
        rows = await self._small_segments()
        merged = 0
        for group in grouped(rows):
            await self._merge(group)
            merged += len(group)
        if merged:
            log.info("segments_merged", segments=merged)
        return merged

    async def _small_segments(self) -> Sequence[Row[Any]]:
        rows = await self._session.execute(
            text(
                "SELECT received_day, id, received_at, places, dead, rule_set, events FROM segments"
                " WHERE org_id = :org AND places < :small AND received_at < :settled"
                " ORDER BY received_day, id LIMIT :most FOR UPDATE SKIP LOCKED"
            ),
            {
                "org": self._scope.org_id, "small": SMALL, "settled": self._clock.now() - _SETTLED,
                "most": _MOST_PARTS,
            },
        )  # fmt: skip
        return rows.all()

    async def _merge(self, rows: Sequence[Row[Any]]) -> None:
        events: list[Event] = []
        sources: list[UUID] = []
        ids: list[int] = []
        originals = b""
        for row in rows:
            segment, columns = await self._load(row)
            part = _events(self._reader, segment, columns, len(originals))
            events += [event for event, _, _ in part]
            sources += [source for _, source, _ in part]
            ids += [event_id for _, _, event_id in part]
            originals += await self._source.originals(segment)
        encoded = self._writer.encode(
            ids[0], events, sources, originals, rule_set=rows[0].rule_set, matched=len(events), ids=ids
        )
        await self._replace(rows, encoded)

    async def _load(self, row: Row[Any]) -> tuple[StoredSegment, dict[str, bytes]]:
        found = await self._source.find(row.id)
        assert found is not None, "the first event of a segment is never a resent copy of itself"
        return found[0], await self._source.columns(found[0], None)

    async def _replace(self, rows: Sequence[Row[Any]], encoded: EncodedSegment) -> None:
        where = {"org": self._scope.org_id, "day": rows[0].received_day, "ids": [row.id for row in rows]}
        for table, column in (("segment_columns", "segment_id"), ("segments", "id")):
            # S608: both names are constants of this line.
            statement = (
                f"DELETE FROM {table} WHERE org_id = :org AND received_day = :day AND {column} = ANY(:ids)"  # noqa: S608 — see above
            )
            await self._session.execute(text(statement), where)
        received = int(rows[-1].received_at.timestamp() * MICROSECOND)
        await SegmentAppender(self._session, self._scope).insert(encoded, rows[0].received_day, received)


def grouped(rows: Sequence[Row[Any]]) -> list[list[Row[Any]]]:
    """Neighbours of one day and one rule set, up to a full segment; too few are left to grow."""
    groups: list[list[Row[Any]]] = []
    for row in rows:
        last = groups[-1] if groups else None
        fits = (
            last is not None
            and (last[0].received_day, last[0].rule_set) == (row.received_day, row.rule_set)
            and sum(one.places for one in last) + row.places <= FULL
        )
        if last is not None and fits:
            last.append(row)
        else:
            groups.append([row])
    return [group for group in groups if len(group) >= FEWEST_PARTS]


def _events(
    reader: SegmentReader, segment: StoredSegment, columns: dict[str, bytes], offset: int
) -> list[tuple[Event, UUID, int]]:
    """The living events of a segment, their originals `offset` bytes further on."""
    times, spans = reader.times(columns["@time"]), reader.spans(columns["@span"])
    decoded = {
        name: reader.column(reader.raw(body))
        for name, body in columns.items()
        if name not in ("@time", "@span", "@id")
    }
    found = []
    for place in range(segment.places):
        if place in segment.dead:
            continue
        values: dict[str, Value] = {
            name: value for name, one in decoded.items() if (value := one.value_at(place)) is not None
        }
        kind, channel, code, host, source = (
            str(values.pop(name, "")) for name in ("@kind", "@channel", "@code", "@host", "@source")
        )
        start, end = (int(each) + offset for each in spans[place])
        event = Event(kind, channel, code, values, int(times[place]), host, None, start, end)
        found.append((event, UUID(source), segment.ids[place]))
    return found
