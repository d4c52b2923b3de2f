"""Sources, segments of events, batches, quarantine and pins (docs/decisions/0005-segments.md)."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Date,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.orm import Mapped, mapped_column

from appliance.foundation.orm import At, Base, Day, Id, Json, OrgId

_SOURCE = ("org_id", "source_id"), ("sources.org_id", "sources.id")


class Source(Base):
    """A stream of telemetry that a user set up. `format` names a decoder; "auto" looks at content."""

    __tablename__ = "sources"
    __table_args__ = (
        ForeignKeyConstraint(("org_id",), ("organisations.id",)),
        UniqueConstraint("org_id", "name"),
        Index("ix_sources_listener", "listener"),
    )

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    name: Mapped[str] = mapped_column(Text)
    format: Mapped[str] = mapped_column(Text)
    listener: Mapped[str] = mapped_column(Text, server_default="")
    options: Mapped[Json]
    hmac_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    durability: Mapped[str] = mapped_column(Text, server_default="node")
    enabled: Mapped[bool]
    created_at: Mapped[At]


class SourceToken(Base):
    __tablename__ = "source_tokens"
    __table_args__ = (
        ForeignKeyConstraint(*_SOURCE, ondelete="CASCADE"),
        UniqueConstraint("org_id", "token_hash"),
        Index("ix_source_tokens_token_hash", "token_hash"),
    )

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    source_id: Mapped[UUID]
    prefix: Mapped[str] = mapped_column(Text)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[At]
    revoked_at: Mapped[datetime | None]


class SourceState(Base):
    """What a source did lately; written with each commit of its events."""

    __tablename__ = "source_states"
    __table_args__ = (ForeignKeyConstraint(*_SOURCE, ondelete="CASCADE"),)

    org_id: Mapped[OrgId]
    source_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    events: Mapped[int] = mapped_column(BigInteger)
    quarantined: Mapped[int] = mapped_column(BigInteger)
    duplicates: Mapped[int] = mapped_column(BigInteger)
    last_event_at: Mapped[datetime | None]
    last_received_at: Mapped[At]
    skew_us: Mapped[int | None] = mapped_column(BigInteger)


class Segment(Base):
    """
    The events of one commit: their originals as one zstd frame, and what it takes to find them.

    `id` is the id of place 0 and `last_id` the greatest id inside. Of `places`, those listed in `dead`
    (uint32) turned out to be resent copies and are no events. `matched` counts the events
    that the rule set `rule_set` was asked about; it equals `events`, and a query over all segments proves it.
    """

    __tablename__ = "segments"
    __table_args__ = ({"postgresql_partition_by": "RANGE (received_day)"},)

    org_id: Mapped[OrgId]
    received_day: Mapped[Day]
    id: Mapped[Id]
    last_id: Mapped[UUID]
    received_at: Mapped[At]
    places: Mapped[int]
    events: Mapped[int]
    matched: Mapped[int]
    dead: Mapped[bytes | None] = mapped_column(LargeBinary)
    rule_set: Mapped[str] = mapped_column(Text)
    min_time: Mapped[int] = mapped_column(BigInteger)
    max_time: Mapped[int] = mapped_column(BigInteger)
    originals: Mapped[bytes] = mapped_column(LargeBinary)
    originals_size: Mapped[int] = mapped_column(BigInteger)
    originals_sha256: Mapped[bytes] = mapped_column(LargeBinary)


class SegmentColumn(Base):
    """One field of a segment: its distinct values and who has which, zstd-compressed."""

    __tablename__ = "segment_columns"
    __table_args__ = ({"postgresql_partition_by": "RANGE (received_day)"},)

    org_id: Mapped[OrgId]
    received_day: Mapped[Day]
    segment_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    field: Mapped[str] = mapped_column(Text, primary_key=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)


class EventRow(Base):
    """
    That an event exists, exactly once: the key a resent copy collides with.

    Everything else about the event lies in its segment, which its id names.
    """

    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("org_id", "received_day", "natural_key"),
        {"postgresql_partition_by": "RANGE (received_day)"},
    )

    org_id: Mapped[OrgId]
    received_day: Mapped[Day]
    id: Mapped[Id]
    natural_key: Mapped[bytes | None] = mapped_column(LargeBinary)


class Batch(Base):
    """What a client sent under one id, and what became of it; the answer to a retry."""

    __tablename__ = "batches"
    __table_args__ = (
        ForeignKeyConstraint(*_SOURCE, ondelete="CASCADE"),
        UniqueConstraint("org_id", "source_id", "client_batch_id"),
        Index("ix_batches_received_at", "received_at"),
    )

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    source_id: Mapped[UUID]
    client_batch_id: Mapped[str | None] = mapped_column(Text)
    received_at: Mapped[At]
    committed_at: Mapped[At]
    received: Mapped[int]
    stored: Mapped[int]
    duplicates: Mapped[int]
    quarantined: Mapped[int]
    findings: Mapped[int]


class QuarantineEntry(Base):
    """Bytes that were no event, with the reason; kept until replayed or aged out."""

    __tablename__ = "quarantine"
    __table_args__ = (
        ForeignKeyConstraint(*_SOURCE, ondelete="CASCADE"),
        Index("ix_quarantine_org_id_received_at", "org_id", "received_at"),
    )

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    source_id: Mapped[UUID]
    received_at: Mapped[At]
    reason: Mapped[str] = mapped_column(Text)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    replayed_at: Mapped[datetime | None]


class PinnedEvent(Base):
    """A copy that retention never takes: exact original and fields."""

    __tablename__ = "pinned_events"

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    pinned_at: Mapped[At]
    pinned_by: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    event: Mapped[bytes] = mapped_column(LargeBinary)
    original: Mapped[bytes] = mapped_column(LargeBinary)
