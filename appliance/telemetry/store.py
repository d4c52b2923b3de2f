"""
The port to stored events (decision 8). Postgres segments are the hot tier; a columnar warm tier will
stand behind the same port.

Every adapter passes one conformance suite (tests/integration/telemetry/test_event_store.py), the
sweep with a twin organisation included. A scope is given when the store is made; there is no way
around it.
"""

from collections.abc import Sequence
from datetime import date
from typing import Protocol
from uuid import UUID

import msgspec

from appliance.foundation.schema import Frozen
from appliance.telemetry.events import Value
from appliance.telemetry.query import Tree
from appliance.telemetry.segments import EncodedSegment


class Window(Frozen, frozen=True):
    """Event time, microseconds since the epoch: `start` inclusive, `end` exclusive."""

    start: int = -(2**62)
    end: int = 2**62


class Budget(Frozen, frozen=True):
    """What one search may cost. Beyond it the page says how far it came."""

    seconds: float = 5.0
    limit: int = 50


class StoredEvent(Frozen, frozen=True):
    """An event as it is kept. Times are microseconds since the epoch."""

    id: UUID
    time: int
    received: int
    kind: str
    channel: str
    code: str
    host: str
    source_id: UUID
    fields: dict[str, Value]


class EventPage(Frozen, frozen=True):
    """
    Events, latest received first.

    `complete` says that nothing older matches; else `next_before` is where to go on.
    """

    items: list[StoredEvent]
    next_before: str | None
    segments: int
    oldest_searched: int | None
    complete: bool


class Bucket(Frozen, frozen=True):
    start: int
    count: int


class Histogram(Frozen, frozen=True):
    buckets: list[Bucket]
    complete: bool


class Appended(msgspec.Struct, frozen=True):
    """How many events were new, and which places were resent copies."""

    stored: int
    duplicates: frozenset[int]


class HoldCheck(Protocol):
    """Says whether a day must stay: pins and legal holds. Answers are read inside the drop's transaction."""

    async def holds(self, day: date) -> bool: ...


class EventStore(Protocol):
    async def append(self, segment: EncodedSegment, *, received: int) -> Appended: ...

    async def scan(
        self, tree: Tree | None, window: Window, budget: Budget, *, before: str | None = None
    ) -> EventPage: ...

    async def count(self, tree: Tree | None, window: Window, budget: Budget) -> tuple[int, bool]: ...

    async def histogram(
        self, tree: Tree | None, window: Window, budget: Budget, *, buckets: int
    ) -> Histogram: ...

    async def get(self, ids: Sequence[UUID]) -> list[StoredEvent]: ...

    async def original(self, event_id: UUID) -> bytes: ...

    async def pin(self, event_id: UUID, *, by: str, reason: str) -> bytes: ...
