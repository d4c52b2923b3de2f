"""Finding segments and their columns in Postgres. One statement per bite, so that each sees one moment."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import numpy as np
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.foundation.actors import Scope
from appliance.foundation.database import driver
from appliance.telemetry.appending import received_day
from appliance.telemetry.segments import SegmentReader
from appliance.telemetry.store import Window

_LAST = UUID(int=2**128 - 1)
_LAST_MILLISECOND = 253_402_300_799_000  # 9999-12-31T23:59:59Z, the end of the calendar


class Place(NamedTuple):
    """Where a page ended: pages go by segment, then by event. Segments of a replay may overlap."""

    segment: UUID
    event: UUID


class StoredSegment(msgspec.Struct, frozen=True):
    """A segment without its columns. `ids` are ascending, one per place."""

    received_day: date
    id: UUID
    received_at: datetime
    places: int
    dead: frozenset[int]
    ids: Sequence[int]


class SegmentSource:
    """Bound to one transaction and one organisation."""

    def __init__(self, session: AsyncSession, scope: Scope, reader: SegmentReader) -> None:
        self._session, self._scope, self._reader = session, scope, reader

    async def bite(
        self, window: Window, last: tuple[UUID, bool] | None, limit: int, fields: Sequence[str] | None
    ) -> list[tuple[StoredSegment, dict[str, bytes]]]:
        """
        The next segments that overlap the window of event time, latest first, with these columns.

        Args:
            last: Where the last bite ended, and whether that segment is to be seen again.
            fields: None for every column.
        """
        segment_id, again = last or (_LAST, True)
        connection = await driver(self._session)
        async with connection.cursor(binary=True) as cursor:
            await cursor.execute(
                _BITE,
                {
                    "org": self._scope.org_id, "last": segment_id, "again": again, "day": _day_of(segment_id),
                    "start": window.start, "end": window.end, "limit": limit,
                    "fields": None if fields is None else list(fields),
                },
            )  # fmt: skip
            return self._grouped(await cursor.fetchall())

    def _grouped(self, rows: Sequence[Any]) -> list[tuple[StoredSegment, dict[str, bytes]]]:
        heads: dict[UUID, Any] = {}
        bodies: dict[UUID, dict[str, bytes]] = {}
        for day, segment_id, received_at, places, dead, field, body in rows:
            heads[segment_id] = (day, segment_id, received_at, places, dead)
            if field is not None:
                bodies.setdefault(segment_id, {})[field] = body
        return [(self._segment(head, bodies[key].get("@id")), bodies[key]) for key, head in heads.items()]

    def _segment(self, head: Any, ids: bytes | None) -> StoredSegment:
        day, segment_id, received_at, places, dead = head
        plain = range(segment_id.int, segment_id.int + places)
        return StoredSegment(
            received_day=day,
            id=segment_id,
            received_at=received_at,
            places=places,
            dead=frozenset() if dead is None else frozenset(np.frombuffer(dead, np.uint32).tolist()),
            ids=plain if ids is None else self._reader.ids(ids),
        )

    async def find(self, event_id: UUID) -> tuple[StoredSegment, int] | None:
        """The segment that holds an event, and its place; None if there is none."""
        day = _day_of(event_id)
        rows = await self._session.execute(
            text(
                "SELECT received_day, id, received_at, places, dead FROM segments WHERE org_id = :org"
                " AND received_day BETWEEN :day AND :next AND id <= :id AND last_id >= :id ORDER BY id DESC"
            ),
            {"org": self._scope.org_id, "id": event_id, "day": day, "next": _next(day)},
        )
        for row in rows:
            found = await self._place_in(row, event_id)
            if found is not None:
                return found
        return None

    async def _place_in(self, row: Row[Any], event_id: UUID) -> tuple[StoredSegment, int] | None:
        segment = self._segment(tuple(row), None)
        columns = await self.columns(segment, ["@id"])
        if "@id" in columns:
            segment = self._segment(tuple(row), columns["@id"])
        try:
            place = segment.ids.index(event_id.int)
        except ValueError:
            return None
        return None if place in segment.dead else (segment, place)

    async def columns(self, segment: StoredSegment, fields: Sequence[str] | None) -> dict[str, bytes]:
        """Stored columns by field; `fields` None means all of them."""
        connection = await driver(self._session)
        async with connection.cursor(binary=True) as cursor:
            await cursor.execute(
                "SELECT field, body FROM segment_columns WHERE org_id = %s AND received_day = %s"
                " AND segment_id = %s AND (%s::text[] IS NULL OR field = ANY(%s))",
                (self._scope.org_id, segment.received_day, segment.id, fields, fields),
            )
            return dict(await cursor.fetchall())

    async def originals(self, segment: StoredSegment) -> bytes:
        """The bytes of all bodies of a segment, one after the other."""
        frame = await self._session.execute(
            text("SELECT originals FROM segments WHERE org_id = :org AND received_day = :day AND id = :id"),
            {"org": self._scope.org_id, "day": segment.received_day, "id": segment.id},
        )
        return self._reader.raw(frame.scalar_one())


_BITE = """
WITH page AS (
  SELECT received_day, id, received_at, places, dead FROM segments
  WHERE org_id = %(org)s AND received_day <= %(day)s AND (id < %(last)s OR %(again)s AND id = %(last)s)
    AND max_time >= %(start)s AND min_time < %(end)s
  ORDER BY received_day DESC, id DESC LIMIT %(limit)s)
SELECT p.received_day, p.id, p.received_at, p.places, p.dead, c.field, c.body
FROM page p JOIN segment_columns c ON c.org_id = %(org)s AND c.received_day = p.received_day
  AND c.segment_id = p.id AND (%(fields)s::text[] IS NULL OR c.field = ANY(%(fields)s))
ORDER BY p.received_day DESC, p.id DESC
"""


def _day_of(event_id: UUID) -> date:
    # Anybody may ask for any UUID; some name a moment beyond the calendar.
    return received_day(min(event_id.int >> 80, _LAST_MILLISECOND) * 1000)


def _next(day: date) -> date:
    return day if day == date.max else day + timedelta(days=1)
