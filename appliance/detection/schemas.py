"""What goes into and comes out of the detection services."""

from datetime import datetime
from typing import Any
from uuid import UUID

from appliance.foundation.schema import Frozen, Inbound


class RuleSummary(Frozen, frozen=True):
    """`state` is active, disabled (by this organisation) or inactive (with a reason)."""

    id: str
    title: str
    level: str
    status: str
    author: str
    state: str
    reason: str | None
    logsource: dict[str, str | None]
    techniques: list[str]
    tactics: list[str]
    origin: str
    path: str
    last_match_at: datetime | None
    matches_24h: int
    seen_logsource: bool


class RuleDetail(Frozen, frozen=True):
    id: str
    title: str
    level: str
    status: str
    author: str
    state: str
    reason: str | None
    detail: str
    logsource: dict[str, str | None]
    techniques: list[str]
    tactics: list[str]
    origin: str
    path: str
    last_match_at: datetime | None
    matches_24h: int
    seen_logsource: bool
    description: str
    references: list[str]
    falsepositives: list[str]
    definition: str
    text: str
    version: str


class LoadSummary(Frozen, frozen=True):
    """What became of every document of a load. `problems` are those that are not active."""

    id: UUID
    version: str
    loaded_at: datetime
    by: str
    origin: str
    counts: dict[str, int]
    reasons: dict[str, int]
    problems: list[dict[str, Any]]


class RuleFilter(Inbound, frozen=True):
    """
    What to list. `after` is the title and place of the last rule seen.

    State is active, disabled, inactive or "" for all; level is a Severity or None for all.
    """

    state: str = ""
    level: int | None = None
    text: str = ""
    rule_id: str = ""
    after: tuple[str, int] | None = None
    limit: int = 50


class RuleChange(Inbound, frozen=True):
    enabled: bool


class RuleTest(Inbound, frozen=True):
    """A rule as YAML, and one event as it would arrive; `format` names the decoder."""

    text: str
    event: Any
    format: str = "auto"


class RuleTestResult(Frozen, frozen=True):
    matched: bool
    problems: list[dict[str, Any]]
    clauses: list[dict[str, Any]]
    route: list[str]
    fields: dict[str, Any]


class FindingBrief(Frozen, frozen=True):
    id: UUID
    rule_id: str
    rule_title: str
    rule_author: str
    level: str
    event_id: UUID
    event_time: datetime
    host: str
    summary: str
