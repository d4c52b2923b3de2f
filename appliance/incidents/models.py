"""Incidents: links to findings, never copies; entities and why they count; timeline, notes, evidence."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from appliance.foundation.orm import At, Base, Id, Json, OrgId

_INCIDENT = ("org_id", "incident_id"), ("incidents.org_id", "incidents.id")


class Incident(Base):
    __tablename__ = "incidents"
    __table_args__ = (
        UniqueConstraint("org_id", "number"),
        ForeignKeyConstraint(("org_id", "owner_id"), ("users.org_id", "users.id")),
        # The triage queue: what is open, worst first, newest first.
        Index("ix_incidents_queue", "org_id", "is_open", "risk", "id"),
        # One state, one person's own, or the gravest: the other ways of looking at the queue.
        Index("ix_incidents_status", "org_id", "status", "risk", "id"),
        Index("ix_incidents_owner", "org_id", "owner_id", "risk", "id"),
        Index("ix_incidents_severity", "org_id", "is_open", "severity", "id"),
        Index("ix_incidents_recent", "org_id", "last_event_at", "id"),
        Index("ix_incidents_updated", "org_id", "updated_at", "id"),
        Index(
            "ix_incidents_title",
            "title",
            postgresql_using="gin",
            postgresql_ops={"title": "gin_trgm_ops"},
        ),
    )

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    number: Mapped[int] = mapped_column(BigInteger)
    title: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    is_open: Mapped[bool] = mapped_column(server_default=text("true"))
    severity: Mapped[int] = mapped_column(SmallInteger)
    severity_is_manual: Mapped[bool] = mapped_column(server_default=text("false"))
    risk: Mapped[int]
    owner_id: Mapped[UUID | None]
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text))
    techniques: Mapped[list[str]] = mapped_column(ARRAY(Text))
    tactics: Mapped[list[str]] = mapped_column(ARRAY(Text))
    findings_count: Mapped[int]
    events_count: Mapped[int]
    first_event_at: Mapped[At]
    last_event_at: Mapped[At]
    created_at: Mapped[At]
    updated_at: Mapped[At]
    acknowledged_by: Mapped[UUID | None]
    acknowledged_at: Mapped[datetime | None]
    closure: Mapped[Json | None]
    why: Mapped[Json]
    version: Mapped[int] = mapped_column(server_default=text("1"))


class IncidentFinding(Base):
    __tablename__ = "incident_findings"
    __table_args__ = (
        ForeignKeyConstraint(*_INCIDENT, ondelete="CASCADE"),
        Index("ix_incident_findings_page", "org_id", "incident_id", "event_time", "finding_id"),
        Index(
            "ix_incident_findings_origin",
            "org_id",
            "origin_id",
            postgresql_where=text("origin_id IS NOT NULL"),
        ),
    )

    org_id: Mapped[OrgId]
    finding_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    incident_id: Mapped[UUID]
    # The incident it belonged to before a merge, so that a merge can be undone.
    origin_id: Mapped[UUID | None]
    event_time: Mapped[At]


class IncidentEntity(Base):
    __tablename__ = "incident_entities"
    __table_args__ = (
        ForeignKeyConstraint(*_INCIDENT, ondelete="CASCADE"),
        Index("ix_incident_entities_value", "org_id", "kind", "value"),
    )

    org_id: Mapped[OrgId]
    incident_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[str] = mapped_column(Text, primary_key=True)
    role: Mapped[str] = mapped_column(Text)
    weak: Mapped[bool]
    risk: Mapped[int]
    reasons: Mapped[Json]


class TimelineEntry(Base):
    """What people and the appliance did to an incident. Findings join it when it is read."""

    __tablename__ = "incident_timeline"
    __table_args__ = (
        ForeignKeyConstraint(*_INCIDENT, ondelete="CASCADE"),
        Index("ix_incident_timeline_page", "org_id", "incident_id", "at", "id"),
    )

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    incident_id: Mapped[UUID]
    at: Mapped[At]
    kind: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    detail: Mapped[str] = mapped_column(Text)
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str] = mapped_column(Text)


class Evidence(Base):
    """An event an analyst pinned to an incident; its bytes outlive retention."""

    __tablename__ = "incident_evidence"
    __table_args__ = (ForeignKeyConstraint(*_INCIDENT, ondelete="CASCADE"),)

    org_id: Mapped[OrgId]
    incident_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    event_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    reason: Mapped[str] = mapped_column(Text)
    pinned_at: Mapped[At]
    pinned_by: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)


class CorrelatorState(Base):
    """The correlator's memory, stored in the transaction that used it."""

    __tablename__ = "correlator_states"

    org_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    state: Mapped[bytes]
    incidents: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    saved_at: Mapped[At]
