"""Looking for stored events: searches, histograms, one event with its original."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.foundation.actors import Actor, Permission, Scope
from appliance.foundation.errors import Invalid
from appliance.telemetry import queries, query
from appliance.telemetry.entities import entities_of
from appliance.telemetry.errors import EventNotFound
from appliance.telemetry.events import Event
from appliance.telemetry.schemas import EventDetail, EventHistogram, EventItem, EventList, EventSearch
from appliance.telemetry.service import inert
from appliance.telemetry.store import Budget, EventPage, EventStore, StoredEvent, Window
from appliance.telemetry.summaries import summary_of

MOST_PER_PAGE = 200
_MOST_BUCKETS = 500
_ORIGINAL_SHOWN_BYTES = 64 * 1024


class HuntService:
    """Bound to one transaction."""

    def __init__(self, session: AsyncSession, scope: Scope, store: EventStore) -> None:
        self._session, self._scope, self._store = session, scope, store

    async def search(self, wanted: EventSearch, *, by: Actor) -> EventList:
        """
        A page of events, latest received first, and how far the search came.

        Raises:
            Invalid: The query tree, a time or the cursor is wrong; says which.
        """
        by.require(Permission.EVENTS_VIEW)
        if not 1 <= wanted.limit <= MOST_PER_PAGE:
            raise Invalid(f"limit is 1 to {MOST_PER_PAGE}")
        page = await self._store.scan(
            _tree(wanted.where),
            _window(wanted.start, wanted.end),
            Budget(limit=wanted.limit),
            before=wanted.cursor,
        )
        names = await queries.source_names(self._session, self._scope)
        return EventList(
            items=[_item(event, names) for event in page.items],
            next_cursor=page.next_before,
            searched=_searched(page, wanted),
        )

    async def histogram(self, wanted: EventHistogram, *, by: Actor) -> dict[str, object]:
        """Matching events over event time."""
        by.require(Permission.EVENTS_VIEW)
        if not 1 <= wanted.buckets <= _MOST_BUCKETS or wanted.start >= wanted.end:
            raise Invalid(f"buckets is 1 to {_MOST_BUCKETS}, and `from` lies before `to`")
        found = await self._store.histogram(
            _tree(wanted.where), _window(wanted.start, wanted.end), Budget(), buckets=wanted.buckets
        )
        buckets = [{"from": _instant(one.start), "count": one.count} for one in found.buckets]
        return {"buckets": buckets, "complete": found.complete}

    async def event(self, event_id: UUID, *, by: Actor) -> EventDetail:
        """
        One event with its entities and its original shown inert.

        Raises:
            EventNotFound: There is none, or retention took it.
        """
        by.require(Permission.EVENTS_VIEW)
        found = await self._store.get([event_id])
        if not found:
            raise EventNotFound(f"no event {event_id}, or its day has been dropped")
        item = _item(found[0], await queries.source_names(self._session, self._scope))
        original = await self._store.original(event_id)
        shown = inert(original) if len(original) <= _ORIGINAL_SHOWN_BYTES else None
        return EventDetail(
            **msgspec.structs.asdict(item),
            entities=_entities(found[0]),
            original={"size_bytes": len(original), "text": shown},
        )

    async def fields(self, prefix: str, *, by: Actor) -> list[dict[str, object]]:
        """Fields that the latest segments hold, most common first."""
        by.require(Permission.EVENTS_VIEW)
        found = await queries.recent_fields(self._session, self._scope, prefix)
        return [{"name": row.field, "count": row.segments} for row in found]

    async def original(self, event_id: UUID, *, by: Actor) -> bytes:
        """The exact bytes received."""
        by.require(Permission.EVENTS_EXPORT)
        return await self._store.original(event_id)


def _tree(where: object) -> query.Tree | None:
    return None if where is None else query.bounded(query.parse(msgspec.json.encode(where)))


def _window(start: datetime | None, end: datetime | None) -> Window:
    window = Window()
    return Window(
        start=window.start if start is None else _microseconds(start),
        end=window.end if end is None else _microseconds(end),
    )


def _microseconds(at: datetime) -> int:
    if at.tzinfo is None:
        raise Invalid("a time needs its offset from UTC, such as 2026-05-01T12:00:00Z")
    return int(at.timestamp() * 1_000_000)


def _item(event: StoredEvent, names: dict[UUID, str]) -> EventItem:
    return EventItem(
        id=event.id, event_time=_instant(event.time), received_at=_instant(event.received), host=event.host,
        kind=event.kind, channel=event.channel, code=event.code,
        source={"id": str(event.source_id), "name": names.get(event.source_id, "")},
        summary=summary_of(event.kind, event.channel, event.code, event.fields), fields=dict(event.fields),
    )  # fmt: skip


def _entities(event: StoredEvent) -> list[dict[str, object]]:
    decoded = Event(
        kind=event.kind,
        channel=event.channel,
        code=event.code,
        fields=event.fields,
        time=event.time,
        host=event.host,
    )
    return [entity._asdict() for entity in entities_of(decoded)]


def _searched(page: EventPage, wanted: EventSearch) -> dict[str, object]:
    return {
        "from": wanted.start,
        "to": wanted.end,
        "segments": page.segments,
        "complete": page.complete,
        "received_back_to": None if page.oldest_searched is None else _instant(page.oldest_searched),
        "stopped": None if page.complete or len(page.items) >= wanted.limit else "budget",
    }


def _instant(microseconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(microseconds / 1_000_000, UTC)
    except (OverflowError, ValueError, OSError):
        # A sender may claim any time; beyond what a calendar holds it is shown as the epoch.
        return datetime.fromtimestamp(0, UTC)
