"""What goes into and comes out of the incident services."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from appliance.foundation.schema import Frozen, Inbound
from appliance.incidents.lifecycle import Status

Level = Literal["informational", "low", "medium", "high", "critical"]


class Named(Frozen, frozen=True):
    """A person, or a technique. `id` is None for the appliance itself."""

    id: str | None
    name: str


class EntityRef(Frozen, frozen=True):
    """`weak` entities (SYSTEM, root) are true but never join findings alone."""

    kind: str
    value: str
    role: str
    weak: bool


class IncidentSummary(Frozen, frozen=True):
    """
    A row of the triage queue.

    `risk` is 0 to 100. `entities` are the riskiest; the detail has them all. `version` counts what
    people did: findings that join an incident do not make an analyst's change stale.
    """

    id: UUID
    number: int
    title: str
    status: Status
    severity: str
    risk: int
    owner: Named | None
    tags: list[str]
    techniques: list[Named]
    tactics: list[str]
    entities: list[EntityRef]
    findings_count: int
    events_count: int
    first_event_at: datetime
    last_event_at: datetime
    created_at: datetime
    updated_at: datetime
    version: int


class QueueCounts(Frozen, frozen=True):
    """`by_severity` and `unowned` are of the open incidents."""

    by_status: dict[str, int]
    by_severity: dict[str, int]
    open: int
    unowned: int


class WhyClause(Frozen, frozen=True):
    """Which clause of which rule matched which value. The rule's author goes with it (DRL 1.1)."""

    finding_id: UUID
    rule_id: str
    rule_title: str
    rule_author: str
    field: str | None
    modifier: str | None
    pattern: str
    value: str | None
    sentence: str
    negated: bool = False  # the rule fires because the clause does not hold


class Rarity(Frozen, frozen=True):
    sentence: str


class EntityRisk(Frozen, frozen=True):
    """`risk` is 0 to 100; the reasons are what it was counted from."""

    kind: str
    value: str
    risk: int
    reasons: list[str]


class Search(Frozen, frozen=True, rename={"start": "from", "end": "to"}):
    """A next step that can be run: the query tree and window of POST /events/search."""

    title: str
    where: Any
    start: datetime
    end: datetime


class Why(Frozen, frozen=True):
    """Why an incident exists, from evidence only."""

    summary: str
    clauses: list[WhyClause] = msgspec.field(default_factory=list)
    rarity: list[Rarity] = msgspec.field(default_factory=list)
    entities: list[EntityRisk] = msgspec.field(default_factory=list)
    next_steps: list[str] = msgspec.field(default_factory=list)
    searches: list[Search] = msgspec.field(default_factory=list)


class Closure(Frozen, frozen=True):
    """`merged_into` is set where the incident became part of another."""

    reason: str
    note: str | None
    by: Named | None
    at: datetime
    merged_into: UUID | None = None


class NextState(Frozen, frozen=True):
    to: Status
    needs_reason: bool


class IncidentDetail(IncidentSummary, frozen=True):
    """`allowed_transitions` are those the asking actor may make."""

    why: Why
    closure: Closure | None
    allowed_transitions: list[NextState]
    acknowledged_by: Named | None
    acknowledged_at: datetime | None


class TimelineItem(Frozen, frozen=True):
    """A finding at its event time, or what somebody did at the time of doing."""

    id: UUID
    at: datetime
    kind: str
    title: str
    detail: str | None
    actor: Named | None
    event_id: UUID | None
    finding_id: UUID | None
    level: str | None
    techniques: list[Named]


class FindingItem(Frozen, frozen=True):
    id: UUID
    rule_id: str
    rule_title: str
    rule_author: str
    rule_version: str
    set_version: str
    level: str
    event_id: UUID
    event_time: datetime
    host: str
    techniques: list[Named]
    tactics: list[str]
    clauses: list[Any]
    entities: list[Any]


class NoteItem(Frozen, frozen=True):
    id: UUID
    at: datetime
    by: Named | None
    text: str


class EvidenceItem(Frozen, frozen=True):
    """A pinned event; its id is the event's, and `sha256` is of the original bytes."""

    id: UUID
    event_id: UUID
    reason: str
    at: datetime
    by: Named | None
    sha256: str


class Sort(StrEnum):
    """A leading minus puts the greatest first; `newest` goes by the latest event."""

    RISK = "-risk"
    NEWEST = "newest"
    UPDATED = "-updated_at"
    CREATED = "-created_at"
    OLDEST = "created_at"
    SEVERITY = "-severity"


class QueueFilter(Inbound, frozen=True):
    """
    Which incidents. Empty means any.

    Attributes:
        owner: A user's id, "me" or "none".
        q: Part of the title, or #number.
    """

    status: tuple[Status, ...] = ()
    severity: tuple[Level, ...] = ()
    owner: str | None = None
    tag: str | None = None
    q: str | None = None
    sort: Sort = Sort.RISK


class IncidentChange(Inbound, frozen=True):
    """What to change; what is absent stays. `owner_id` null gives the incident up."""

    owner_id: UUID | UnsetType | None = UNSET
    severity: Level | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET


class Acknowledgement(Inbound, frozen=True):
    note: str | None = None


class Transition(Inbound, frozen=True):
    to: Status
    reason: str | None = None
    note: str | None = None


class NewNote(Inbound, frozen=True):
    text: str


class NewEvidence(Inbound, frozen=True):
    event_id: UUID
    reason: str


class BulkAction(StrEnum):
    ACKNOWLEDGE = "acknowledge"
    CLOSE = "close"
    ASSIGN = "assign"


class BulkRequest(Inbound, frozen=True):
    ids: list[UUID]
    action: BulkAction
    reason: str | None = None
    owner_id: UUID | None = None
    note: str | None = None


class BulkFailure(Frozen, frozen=True):
    id: UUID
    code: str
    detail: str


class BulkResult(Frozen, frozen=True):
    done: list[UUID]
    failed: list[BulkFailure]


class Merge(Inbound, frozen=True):
    """The incidents that become part of this one."""

    ids: list[UUID]
    note: str | None = None
