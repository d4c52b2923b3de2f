"""Events in Postgres: a segment per commit, under forced row-level security (docs/decisions/0005)."""

import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.foundation.actors import Scope
from appliance.foundation.clock import Clock
from appliance.foundation.database import driver
from appliance.foundation.ids import EVENTS_PER_SEGMENT
from appliance.telemetry.errors import EventNotFound
from appliance.telemetry.evaluation import SegmentView
from appliance.telemetry.query import Text, Tree, clauses, fields_of
from appliance.telemetry.segments import EncodedSegment, Mask, SegmentReader
from appliance.telemetry.store import Appended, Bucket, Budget, EventPage, Histogram, StoredEvent, Window

_FIRST_FETCH, _MOST_FETCH = 8, 256
_COPY_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_COPY_TRAILER = b"\xff\xff"
_KEYED = np.dtype([("n", ">i2"), ("a", ">i4"), ("id", "V16"), ("b", ">i4"), ("key", "V16")])
_UNKEYED = np.dtype([("n", ">i2"), ("a", ">i4"), ("id", "V16"), ("b", ">i4")])
_MICROSECOND = 1_000_000
_LAST_MILLISECOND = 253_370_764_800_000  # the first day of the year 9999


def received_day(received: int) -> date:
    """The day of receipt, UTC; `received` in microseconds since the epoch."""
    return datetime.fromtimestamp(received / _MICROSECOND, UTC).date()


class PostgresEventStore:
    """Bound to one transaction and, by its scope, to one organisation."""

    def __init__(self, session: AsyncSession, scope: Scope, clock: Clock) -> None:
        self._session, self._scope, self._clock = session, scope, clock
        self._reader = SegmentReader()

    async def append(self, segment: EncodedSegment, *, received: int) -> Appended:
        """
        Store a segment; resent copies of events that are already here are left out.

        Args:
            segment: Encoded, its events matched.
            received: When it was received, microseconds since the epoch; decides the day.
        """
        day = received_day(received)
        await self._session.execute(text("SELECT app.ensure_day(:day)"), {"day": day})
        duplicates = await self._claim(segment, day)
        stored = segment.events - len(duplicates)
        if stored:
            await self._insert_segment(segment, day, received, duplicates)
            await self._insert_columns(segment, day)
        return Appended(stored=stored, duplicates=duplicates)

    async def _claim(self, segment: EncodedSegment, day: date) -> frozenset[int]:
        """Insert the event rows; the places that were already taken by an earlier copy."""
        connection = await driver(self._session)
        async with connection.cursor() as cursor:
            await cursor.execute(
                "CREATE TEMP TABLE IF NOT EXISTS incoming (id uuid, natural_key bytea) ON COMMIT DELETE ROWS"
            )
            if self._session.info.setdefault("appended", 0):
                await cursor.execute("TRUNCATE incoming")  # a second append in one transaction
            self._session.info["appended"] += 1
            async with cursor.copy("COPY incoming FROM STDIN (FORMAT BINARY)") as copy:
                await copy.write(_copy_rows(segment))
            inserted = await cursor.execute(_CLAIM, {"org": self._scope.org_id, "day": day})
            if inserted.rowcount == segment.events:
                return frozenset()
            known = await cursor.execute(
                "SELECT FROM segments WHERE org_id = %s AND received_day = %s AND id = %s",
                (self._scope.org_id, day, segment.event_id(0)),
            )
            if known.rowcount:
                return frozenset(range(segment.events))  # this very unit, stored before
            left = await cursor.execute(_UNCLAIMED, {"org": self._scope.org_id, "day": day})
            return frozenset(row[0].int - int.from_bytes(segment.base) for row in await left.fetchall())

    async def _insert_segment(
        self, segment: EncodedSegment, day: date, received: int, duplicates: frozenset[int]
    ) -> None:
        dead = np.array(sorted(duplicates), np.uint32).tobytes() if duplicates else None
        connection = await driver(self._session)
        await connection.execute(
            "INSERT INTO segments (org_id, received_day, id, last_id, received_at, places, events, matched,"
            " dead, rule_set, min_time, max_time, originals, originals_size, originals_sha256)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %b, %s, %s, %s, %b, %s, %b)",
            (
                self._scope.org_id, day, segment.event_id(0), segment.event_id(segment.events - 1),
                datetime.fromtimestamp(received / _MICROSECOND, UTC), segment.events,
                segment.events - len(duplicates), segment.matched - len(duplicates), dead, segment.rule_set,
                segment.min_time, segment.max_time, segment.originals, segment.originals_size,
                segment.originals_sha256,
            ),
        )  # fmt: skip

    async def _insert_columns(self, segment: EncodedSegment, day: date) -> None:
        connection = await driver(self._session)
        await connection.execute(
            "INSERT INTO segment_columns (org_id, received_day, field, segment_id, body)"
            " SELECT %s, %s, field, %s, body FROM unnest(%b::text[], %b::bytea[]) AS c (field, body)",
            (
                self._scope.org_id, day, segment.event_id(0),
                list(segment.columns), list(segment.columns.values()),
            ),
        )  # fmt: skip

    async def scan(
        self, tree: Tree | None, window: Window, budget: Budget, *, before: UUID | None = None
    ) -> EventPage:
        """One page of matching events, latest received first; `tree` has been through `query.bounded`."""
        deadline = time.monotonic() + budget.seconds
        found: list[StoredEvent] = []
        seen, oldest = 0, None
        async for segment, view in self._walk(tree, window, before):
            seen, oldest = seen + 1, segment.id
            hits = self._hits(segment, view, tree, window, before)[::-1][: budget.limit - len(found)]
            if len(hits):
                found += await self._events(segment, hits)
            if len(found) >= budget.limit:
                return _page(found, seen, found[-1].id)
            if time.monotonic() > deadline:
                return _page(found, seen, oldest)
        return _page(found, seen, None)

    async def count(self, tree: Tree | None, window: Window, budget: Budget) -> tuple[int, bool]:
        """How many match, and whether all of history was looked at within the budget."""
        deadline, total = time.monotonic() + budget.seconds, 0
        async for segment, view in self._walk(tree, window, None):
            total += len(self._hits(segment, view, tree, window, None))
            if time.monotonic() > deadline:
                return total, False
        return total, True

    async def histogram(
        self, tree: Tree | None, window: Window, budget: Budget, *, buckets: int
    ) -> Histogram:
        """Matching events over event time in equal buckets; the window must be finite."""
        deadline = time.monotonic() + budget.seconds
        edges = np.linspace(window.start, window.end, buckets + 1).astype(np.int64)
        counts, complete = np.zeros(buckets, np.int64), True
        async for segment, view in self._walk(tree, window, None):
            hits = self._hits(segment, view, tree, window, None)
            counts += np.histogram(view.times[hits], edges)[0]
            if time.monotonic() > deadline:
                complete = False
                break
        pairs = zip(edges.tolist(), counts.tolist(), strict=False)
        return Histogram(buckets=[Bucket(start=start, count=n) for start, n in pairs], complete=complete)

    async def get(self, ids: Sequence[UUID]) -> list[StoredEvent]:
        """Those of the events that exist, in the order asked for."""
        found: dict[UUID, StoredEvent] = {}
        for base in {_base(event_id) for event_id in ids}:
            segment = await self._segment(base)
            if segment is not None:
                places = [e.int - base.int for e in ids if _base(e) == base]
                alive = np.array([p for p in places if p < segment.places and p not in _dead(segment)])
                found |= {event.id: event for event in await self._events(segment, alive)}
        found |= {event.id: event for event in await self._pinned([i for i in ids if i not in found])}
        return [found[event_id] for event_id in ids if event_id in found]

    async def original(self, event_id: UUID) -> bytes:
        """
        The exact bytes that were received.

        Raises:
            EventNotFound: There is none, or retention took it and it was not pinned.
        """
        base = _base(event_id)
        segment = await self._segment(base)
        place = event_id.int - base.int
        if segment is None or place >= segment.places or place in _dead(segment):
            return await self._pinned_original(event_id)
        columns = await self._columns(segment.received_day, [segment.id], ["@span"])
        start, end = self._reader.spans(columns[segment.id]["@span"])[place]
        frame = await self._session.execute(
            text("SELECT originals FROM segments WHERE org_id = :org AND received_day = :day AND id = :id"),
            {"org": self._scope.org_id, "day": segment.received_day, "id": segment.id},
        )
        return self._reader.raw(frame.scalar_one())[start:end]

    async def pin(self, event_id: UUID, *, by: str, reason: str) -> bytes:
        """
        Keep a copy beyond retention; the original's bytes. Pinning twice changes nothing.

        Raises:
            EventNotFound: There is none.
        """
        events = await self.get([event_id])
        if not events:
            raise EventNotFound(f"no event {event_id}, or its day has been dropped")
        original = await self.original(event_id)
        await self._session.execute(
            text(
                "INSERT INTO pinned_events (org_id, id, pinned_at, pinned_by, reason, event, original)"
                " VALUES (:org, :id, :at, :by, :reason, :event, :original) ON CONFLICT DO NOTHING"
            ),
            {
                "org": self._scope.org_id, "id": event_id, "at": self._clock.now(), "by": by,
                "reason": reason, "event": msgspec.msgpack.encode(events[0]), "original": original,
            },
        )  # fmt: skip
        return original

    async def _pinned(self, ids: Sequence[UUID]) -> list[StoredEvent]:
        if not ids:
            return []
        rows = await self._session.execute(
            text("SELECT event FROM pinned_events WHERE org_id = :org AND id = ANY(:ids)"),
            {"org": self._scope.org_id, "ids": list(ids)},
        )
        return [msgspec.msgpack.decode(body, type=StoredEvent) for body in rows.scalars()]

    async def _pinned_original(self, event_id: UUID) -> bytes:
        row = await self._session.execute(
            text("SELECT original FROM pinned_events WHERE org_id = :org AND id = :id"),
            {"org": self._scope.org_id, "id": event_id},
        )
        found = row.scalar_one_or_none()
        if found is None:
            raise EventNotFound(f"no event {event_id}, or its day has been dropped")
        return bytes(found)

    def _hits(
        self, segment: Row[Any], view: "_TimedView", tree: Tree | None, window: Window, before: UUID | None
    ) -> NDArray[np.intp]:
        """Places of the matching events, ascending."""
        mask: Mask = (view.times >= window.start) & (view.times < window.end)
        dead = _dead(segment)
        if dead:
            mask[list(dead)] = False
        if before is not None and before.int - segment.id.int < segment.places:
            mask[max(0, before.int - segment.id.int) :] = False
        if tree is not None and mask.any():
            mask &= view.evaluate(tree)
        return np.flatnonzero(mask)

    async def _walk(
        self, tree: Tree | None, window: Window, before: UUID | None
    ) -> AsyncIterator[tuple[Row[Any], "_TimedView"]]:
        """Segments that may match, latest first, with the columns the tree asks for; in growing bites."""
        wanted = None if tree is not None and _is_free_text(tree) else ["@time", *_fields(tree)]
        cursor, bite = before, _FIRST_FETCH
        while True:
            segments = await self._segments(window, cursor, bite)
            for day in sorted({segment.received_day for segment in segments}, reverse=True):
                here = [segment for segment in segments if segment.received_day == day]
                columns = await self._columns(day, [segment.id for segment in here], wanted)
                for segment in here:
                    bodies = columns.get(segment.id, {})
                    yield segment, _TimedView(self._reader, segment.places, bodies)
            if len(segments) < bite:
                return
            cursor, bite = segments[-1].id, min(bite * 2, _MOST_FETCH)

    async def _segments(self, window: Window, before: UUID | None, limit: int) -> Sequence[Row[Any]]:
        rows = await self._session.execute(
            text(
                "SELECT received_day, id, received_at, places, dead FROM segments WHERE org_id = :org"
                " AND id < :before AND received_day <= :day AND max_time >= :start AND min_time < :end"
                " ORDER BY received_day DESC, id DESC LIMIT :limit"
            ),
            {
                "org": self._scope.org_id,
                "before": before or UUID(int=2**128 - 1),
                "day": _day_of(before) if before else date.max,
                "start": window.start,
                "end": window.end,
                "limit": limit,
            },
        )
        return rows.all()

    async def _columns(
        self, day: date, segments: Sequence[UUID], fields: Sequence[str] | None
    ) -> dict[UUID, dict[str, bytes]]:
        """Stored columns by segment and field; `fields` None means all of them."""
        connection = await driver(self._session)
        async with connection.cursor(binary=True) as cursor:
            await cursor.execute(
                "SELECT segment_id, field, body FROM segment_columns WHERE org_id = %s AND received_day = %s"
                " AND segment_id = ANY(%s) AND (%s::text[] IS NULL OR field = ANY(%s))",
                (self._scope.org_id, day, list(segments), fields, fields),
            )
            found: dict[UUID, dict[str, bytes]] = {}
            for segment_id, field, body in await cursor.fetchall():
                found.setdefault(segment_id, {})[field] = body
            return found

    async def _segment(self, base: UUID) -> Row[Any] | None:
        day = _day_of(base)
        row = await self._session.execute(
            text(
                "SELECT received_day, id, received_at, places, dead FROM segments"
                " WHERE org_id = :org AND id = :id AND received_day BETWEEN :day AND :next"
            ),
            {"org": self._scope.org_id, "id": base, "day": day, "next": day + timedelta(days=1)},
        )
        return row.one_or_none()

    async def _events(self, segment: Row[Any], places: NDArray[np.intp]) -> list[StoredEvent]:
        columns = (await self._columns(segment.received_day, [segment.id], None))[segment.id]
        times = self._reader.times(columns.pop("@time"))
        columns.pop("@span")
        decoded = {name: self._reader.column(self._reader.raw(body)) for name, body in columns.items()}
        events = []
        for place in places.tolist():
            fields = {
                name: value
                for name, column in decoded.items()
                if (value := column.value_at(place)) is not None
            }
            events.append(_stored(segment, place, int(times[place]), fields))
        return events


class _TimedView(SegmentView):
    """A view whose event times are at hand."""

    def __init__(self, reader: SegmentReader, events: int, bodies: dict[str, bytes]) -> None:
        super().__init__(reader, events, bodies)
        self.times = reader.times(bodies["@time"])


# The day before is asked as well: a shipper that was told nothing before midnight resends after it.
_CLAIM = """
INSERT INTO events (org_id, received_day, id, natural_key)
SELECT %(org)s, %(day)s, i.id, i.natural_key FROM incoming i
WHERE i.natural_key IS NULL OR NOT EXISTS (
  SELECT FROM events e WHERE e.org_id = %(org)s AND e.received_day = %(day)s::date - 1
    AND e.natural_key = i.natural_key)
ON CONFLICT DO NOTHING
"""
_UNCLAIMED = """
SELECT i.id FROM incoming i WHERE NOT EXISTS (
  SELECT FROM events e WHERE e.org_id = %(org)s AND e.received_day = %(day)s AND e.id = i.id)
"""


def _copy_rows(segment: EncodedSegment) -> bytes:
    """The event rows in COPY's binary form; two shapes, since a missing key has no bytes."""
    keyed = [(place, key) for place, key in enumerate(segment.keys) if key is not None]
    bare = [place for place, key in enumerate(segment.keys) if key is None]
    rows = np.zeros(len(keyed), _KEYED)
    rows["n"], rows["a"], rows["b"] = 2, 16, 16
    rows["id"] = _ids(int.from_bytes(segment.base), [place for place, _ in keyed])
    rows["key"] = np.frombuffer(b"".join(key for _, key in keyed), "V16")
    unkeyed = np.zeros(len(bare), _UNKEYED)
    unkeyed["n"], unkeyed["a"], unkeyed["b"] = 2, 16, -1
    unkeyed["id"] = _ids(int.from_bytes(segment.base), bare)
    return _COPY_HEADER + rows.tobytes() + unkeyed.tobytes() + _COPY_TRAILER


def _ids(base: int, places: list[int]) -> NDArray[Any]:
    return np.frombuffer(b"".join((base + place).to_bytes(16, "big") for place in places), "V16")


def _stored(segment: Row[Any], place: int, event_time: int, fields: dict[str, Any]) -> StoredEvent:
    return StoredEvent(
        id=UUID(int=segment.id.int + place),
        time=event_time,
        received=int(segment.received_at.timestamp() * _MICROSECOND),
        kind=fields.pop("@kind"),
        channel=fields.pop("@channel"),
        code=fields.pop("@code"),
        host=fields.pop("@host"),
        source_id=UUID(fields.pop("@source")),
        fields=fields,
    )


def _page(found: list[StoredEvent], segments: int, before: UUID | None) -> EventPage:
    return EventPage(
        items=found,
        next_before=before,
        segments=segments,
        oldest_searched=None if before is None else _milliseconds(before) * 1000,
        complete=before is None,
    )


def _base(event_id: UUID) -> UUID:
    return UUID(int=event_id.int & ~(EVENTS_PER_SEGMENT - 1))


def _milliseconds(event_id: UUID) -> int:
    return event_id.int >> 80


def _day_of(event_id: UUID) -> date:
    # Anybody may ask for any UUID; some name a moment beyond the calendar.
    return received_day(min(_milliseconds(event_id), _LAST_MILLISECOND) * 1000)


def _dead(segment: Row[Any]) -> frozenset[int]:
    return frozenset() if segment.dead is None else frozenset(np.frombuffer(segment.dead, np.uint32).tolist())


def _fields(tree: Tree | None) -> set[str]:
    return set() if tree is None else fields_of(tree)


def _is_free_text(tree: Tree) -> bool:
    return any(isinstance(leaf, Text) for leaf in clauses(tree))
