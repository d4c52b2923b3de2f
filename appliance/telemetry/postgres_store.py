"""Events in Postgres: a segment per commit, under forced row-level security (docs/decisions/0005)."""

import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.foundation.actors import Scope
from appliance.foundation.clock import Clock
from appliance.foundation.errors import Invalid
from appliance.telemetry.appending import SegmentAppender
from appliance.telemetry.errors import EventNotFound
from appliance.telemetry.evaluation import SegmentView
from appliance.telemetry.query import Text, Tree, clauses, fields_of
from appliance.telemetry.reading import Place, SegmentSource, StoredSegment
from appliance.telemetry.segments import EncodedSegment, Mask, SegmentReader
from appliance.telemetry.store import Appended, Bucket, Budget, EventPage, Histogram, StoredEvent, Window

_FIRST_BITE, _MOST_BITE = 8, 256
_ALWAYS = ("@time", "@id")
_CURSOR_LENGTH = 64


class PostgresEventStore:
    """Bound to one transaction and, by its scope, to one organisation."""

    def __init__(self, session: AsyncSession, scope: Scope, clock: Clock) -> None:
        self._session, self._scope, self._clock = session, scope, clock
        self._reader = SegmentReader()
        self._source = SegmentSource(session, scope, self._reader)

    async def append(self, segment: EncodedSegment, *, received: int) -> Appended:
        """Store a segment; resent copies of events that are already here are left out."""
        return await SegmentAppender(self._session, self._scope).append(segment, received=received)

    async def scan(
        self, tree: Tree | None, window: Window, budget: Budget, *, before: str | None = None
    ) -> EventPage:
        """One page of matching events, latest received first; `tree` has been through `query.bounded`."""
        deadline, start = time.monotonic() + budget.seconds, _cursor(before)
        found: list[StoredEvent] = []
        seen = 0
        async for segment, view in self._walk(tree, window, start):
            seen += 1
            hits = self._hits(segment, view, tree, window, start)[::-1][: budget.limit - len(found)]
            if len(hits):
                found += await self._events(segment, hits)
            if len(found) >= budget.limit:
                return _page(found, seen, Place(segment.id, found[-1].id))
            if time.monotonic() > deadline:
                return _page(found, seen, Place(segment.id, segment.id))
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
        for event_id in ids:
            at = None if event_id in found else await self._source.find(event_id)
            if at is not None:
                segment, place = at
                found |= {event.id: event for event in await self._events(segment, np.array([place]))}
        found |= {event.id: event for event in await self._pinned([i for i in ids if i not in found])}
        return [found[event_id] for event_id in ids if event_id in found]

    async def original(self, event_id: UUID) -> bytes:
        """
        The exact bytes that were received.

        Raises:
            EventNotFound: There is none, or retention took it and it was not pinned.
        """
        at = await self._source.find(event_id)
        if at is None:
            return await self._pinned_original(event_id)
        segment, place = at
        start, end = self._reader.spans((await self._source.columns(segment, ["@span"]))["@span"])[place]
        return (await self._source.originals(segment))[start:end]

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
        self,
        segment: StoredSegment,
        view: "_TimedView",
        tree: Tree | None,
        window: Window,
        start: Place | None,
    ) -> NDArray[np.intp]:
        """Places of the matching events, ascending."""
        mask: Mask = (view.times >= window.start) & (view.times < window.end)
        if segment.dead:
            mask[list(segment.dead)] = False
        if start is not None and _is_inside(start, segment):
            mask[bisect_left(segment.ids, start.event.int) :] = False
        if tree is not None and mask.any():
            mask &= view.evaluate(tree)
        return np.flatnonzero(mask)

    async def _walk(
        self, tree: Tree | None, window: Window, start: Place | None
    ) -> AsyncIterator[tuple[StoredSegment, "_TimedView"]]:
        """Segments that may match, latest first, with the columns the tree asks for; in growing bites."""
        wanted = None if tree is not None and _is_free_text(tree) else [*_ALWAYS, *_fields(tree)]
        last = None if start is None else (start.segment, True)
        bite = _FIRST_BITE
        while True:
            segments = await self._source.bite(window, last, bite, wanted)
            for segment, bodies in segments:
                yield segment, _TimedView(self._reader, segment.places, bodies)
            if len(segments) < bite:
                return
            last, bite = (segments[-1][0].id, False), min(bite * 2, _MOST_BITE)

    async def _events(self, segment: StoredSegment, places: NDArray[np.intp]) -> list[StoredEvent]:
        columns = await self._source.columns(segment, None)
        times = self._reader.times(columns.pop("@time"))
        decoded = {
            name: self._reader.column(self._reader.raw(body))
            for name, body in columns.items()
            if name not in ("@span", "@id")
        }
        events = []
        for place in places.tolist():
            values = ((name, column.value_at(place)) for name, column in decoded.items())
            fields = {name: value for name, value in values if value is not None}
            events.append(_stored(segment, place, int(times[place]), fields))
        return events


class _TimedView(SegmentView):
    """A view whose event times are at hand."""

    def __init__(self, reader: SegmentReader, events: int, bodies: dict[str, bytes]) -> None:
        super().__init__(reader, events, bodies)
        self.times = reader.times(bodies["@time"])


def _is_inside(start: Place, segment: StoredSegment) -> bool:
    """Whether a page ended in this segment, or in one that was merged into it meanwhile."""
    place = bisect_left(segment.ids, start.event.int)
    return start.segment == segment.id or (place < segment.places and segment.ids[place] == start.event.int)


def _stored(segment: StoredSegment, place: int, event_time: int, fields: dict[str, Any]) -> StoredEvent:
    return StoredEvent(
        id=UUID(int=segment.ids[place]),
        time=event_time,
        received=(segment.ids[place] >> 80) * 1000,
        kind=fields.pop("@kind"),
        channel=fields.pop("@channel"),
        code=fields.pop("@code"),
        host=fields.pop("@host"),
        source_id=UUID(fields.pop("@source")),
        fields=fields,
    )


def _page(found: list[StoredEvent], segments: int, at: Place | None) -> EventPage:
    return EventPage(
        items=found,
        next_before=None if at is None else at.segment.hex + at.event.hex,
        segments=segments,
        oldest_searched=None if at is None else (at.segment.int >> 80) * 1000,
        complete=at is None,
    )


def _cursor(before: str | None) -> Place | None:
    if before is None:
        return None
    try:
        return Place(UUID(before[: _CURSOR_LENGTH // 2]), UUID(before[_CURSOR_LENGTH // 2 :]))
    except ValueError as error:
        raise Invalid("the cursor is none of ours; start again without it") from error


def _fields(tree: Tree | None) -> set[str]:
    return set() if tree is None else fields_of(tree)


def _is_free_text(tree: Tree) -> bool:
    return any(isinstance(leaf, Text) for leaf in clauses(tree))
