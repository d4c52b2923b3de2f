"""What goes into and comes out of the telemetry services."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from appliance.foundation.schema import Frozen, Inbound


class SourceState(StrEnum):
    RECEIVING = "receiving"
    SILENT = "silent"  # it has spoken before, and not for ten times its usual pause
    NEVER = "never"
    DISABLED = "disabled"
    NOT_READABLE = "not_readable"  # this machine's own log; the detail holds the command that grants it


OWN_LOG_LISTENER = "own-log"
NOT_READABLE = SourceState.NOT_READABLE.value
GRANT = "usermod --append --groups systemd-journal,adm USER"


class SourceSummary(Frozen, frozen=True):
    """Rates and counts are of the last 24 hours; skew is receive time less event time, in seconds."""

    id: UUID
    name: str
    format: str
    listener: str
    state: SourceState
    enabled: bool
    last_event_at: datetime | None
    last_received_at: datetime | None
    events_24h: int
    rate_per_second: float
    clock_skew_seconds: float | None
    lost_datagrams: int | None
    quarantined: int
    duplicates: int
    options: dict[str, str]
    durability: str
    signed: bool
    detail: str | None


class NewSource(Inbound, frozen=True):
    name: str
    format: str = "auto"
    listener: str = ""
    options: dict[str, str] = msgspec.field(default_factory=dict)
    durability: str = "node"


class SourceChange(Inbound, frozen=True):
    enabled: bool | None = None
    format: str | None = None
    options: dict[str, str] | None = None
    durability: str | None = None


class IssuedToken(Frozen, frozen=True):
    """
    The token is shown this once. `hmac_key` only if signing was asked for.

    `ingest_url` is where to send to; the door adds it.
    """

    token: str
    prefix: str
    hmac_key: str | None = None
    ingest_url: str = ""


class QuarantineItem(Frozen, frozen=True):
    """`preview` is inert: control characters are shown as their escapes."""

    id: UUID
    source: dict[str, Any]
    received_at: datetime
    reason: str
    size_bytes: int
    preview: str
    replayed_at: datetime | None


class BatchSummary(Frozen, frozen=True):
    """What became of a batch: `committed` and matched, or `spooled` and still to come."""

    id: UUID
    state: str
    received: int
    stored: int
    duplicates: int
    quarantined: int
    findings: int
    received_at: datetime
    committed_at: datetime | None


class EventSearch(Inbound, frozen=True, rename={"start": "from", "end": "to"}):
    """A search; `where` is a query tree, times are RFC 3339."""

    where: Any = None
    start: datetime | None = None
    end: datetime | None = None
    limit: int = 50
    cursor: str | None = None


class EventHistogram(Inbound, frozen=True, rename={"start": "from", "end": "to"}):
    start: datetime
    end: datetime
    where: Any = None
    buckets: int = 60


class EventItem(Frozen, frozen=True):
    id: UUID
    event_time: datetime
    received_at: datetime
    host: str
    kind: str
    channel: str
    code: str
    source: dict[str, Any]
    summary: str
    fields: dict[str, Any]


class EventList(Frozen, frozen=True):
    items: list[EventItem]
    next_cursor: str | None
    searched: dict[str, Any]


class EventDetail(Frozen, frozen=True):
    id: UUID
    event_time: datetime
    received_at: datetime
    host: str
    kind: str
    channel: str
    code: str
    source: dict[str, Any]
    summary: str
    fields: dict[str, Any]
    entities: list[dict[str, Any]]
    original: dict[str, Any]
