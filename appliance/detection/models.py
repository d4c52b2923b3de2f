"""Rules, rule sets and findings."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Date, Index, SmallInteger, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from appliance.foundation.orm import At, Base, Id, Json, OrgId, Tx


class RuleSetRow(Base):
    """
    A set of rules that was compiled as one. The appliance's, not an organisation's (decision 13).

    Exactly one is active; ingest on every node follows it.
    """

    __tablename__ = "rule_sets"
    __table_args__ = (
        Index("ix_rule_sets_active", "active", unique=True, postgresql_where=text("active")),
        Index("ix_rule_sets_loaded_at", "loaded_at"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    version: Mapped[str] = mapped_column(Text)
    origin: Mapped[str] = mapped_column(Text)
    loaded_by: Mapped[str] = mapped_column(Text)
    loaded_at: Mapped[At]
    active: Mapped[bool]
    counts: Mapped[Json]
    reasons: Mapped[Json]


class RuleRow(Base):
    """One rule file of a set: active, or not and why."""

    __tablename__ = "rules"
    __table_args__ = (Index("ix_rules_set_id_rule_id", "set_id", "rule_id"),)

    set_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    rule_id: Mapped[str] = mapped_column(Text)
    path: Mapped[str] = mapped_column(Text)
    origin: Mapped[str] = mapped_column(Text)
    owner_org_id: Mapped[UUID | None]
    body: Mapped[str] = mapped_column(Text)
    version: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    level: Mapped[int] = mapped_column(SmallInteger)
    status: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    detail: Mapped[str] = mapped_column(Text)
    meta: Mapped[Json]


class RuleSetting(Base):
    """What an organisation decided about a rule; survives every import."""

    __tablename__ = "rule_settings"

    org_id: Mapped[OrgId]
    rule_id: Mapped[str] = mapped_column(Text, primary_key=True)
    enabled: Mapped[bool]
    changed_at: Mapped[At]
    changed_by: Mapped[str] = mapped_column(Text)


class RuleMatches(Base):
    """How often a rule matched, by day of receipt."""

    __tablename__ = "rule_matches"

    org_id: Mapped[OrgId]
    rule_id: Mapped[str] = mapped_column(Text, primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    matches: Mapped[int] = mapped_column(BigInteger)
    last_match_at: Mapped[datetime]


class RouteSeen(Base):
    """Which log sources have ever arrived: a rule whose source never did says so."""

    __tablename__ = "routes_seen"

    org_id: Mapped[OrgId]
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    channel: Mapped[str] = mapped_column(Text, primary_key=True)
    code: Mapped[str] = mapped_column(Text, primary_key=True)
    events: Mapped[int] = mapped_column(BigInteger)
    last_seen_at: Mapped[At]


class FindingRow(Base):
    """
    A rule matched an event. The id is a hash of both, so that a replay adds nothing.

    Carries rule author, rule version and set version (DRL 1.1; decision 13).
    """

    __tablename__ = "findings"
    __table_args__ = (
        Index("ix_findings_org_id_tx_id", "org_id", "tx", "id"),
        Index("ix_findings_org_id_event_id", "org_id", "event_id"),
        Index("ix_findings_org_id_rule_id_event_time", "org_id", "rule_id", "event_time"),
    )

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    tx: Mapped[Tx]
    event_id: Mapped[UUID]
    source_id: Mapped[UUID]
    rule_id: Mapped[str] = mapped_column(Text)
    rule_version: Mapped[str] = mapped_column(Text)
    rule_set: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(Text)
    level: Mapped[int] = mapped_column(SmallInteger)
    techniques: Mapped[list[str]] = mapped_column(ARRAY(Text))
    tactics: Mapped[list[str]] = mapped_column(ARRAY(Text))
    event_time: Mapped[At]
    host: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    summary: Mapped[str] = mapped_column(Text)
    entities: Mapped[Json]
    clauses: Mapped[Json]
    created_at: Mapped[At] = mapped_column(server_default=text("now()"))
