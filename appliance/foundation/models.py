"""Tables of the foundation itself: the outbox, feed positions and the job queue."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from appliance.foundation.orm import At, Base, Id, Json, OrgId, Tx


class OutboxEvent(Base):
    """Something that happened, for other domains (foundation/outbox.py)."""

    __tablename__ = "outbox"
    __table_args__ = (Index(None, "org_id", "tx", "id"),)

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    tx: Mapped[Tx]
    kind: Mapped[str] = mapped_column(Text)
    payload: Mapped[Json]
    at: Mapped[At]


class FeedPosition(Base):
    """How far a consumer has read (foundation/feed.py)."""

    __tablename__ = "feed_positions"

    org_id: Mapped[OrgId]
    consumer: Mapped[str] = mapped_column(Text, primary_key=True)
    tx: Mapped[int] = mapped_column(BigInteger)
    id: Mapped[UUID]


class Job(Base):
    """A piece of work that outlives its asker (foundation/queue.py)."""

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("org_id", "idempotency_key"),
        Index("ix_jobs_due", "state", "not_before", postgresql_where=text("state IN ('queued', 'running')")),
    )

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(Text)
    payload: Mapped[Json]
    originator: Mapped[Json]
    state: Mapped[str] = mapped_column(Text, server_default="queued")
    progress: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    failures: Mapped[Json] = mapped_column(server_default=text("'[]'"))
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    idempotency_key: Mapped[str] = mapped_column(Text)
    not_before: Mapped[At]
    lease_until: Mapped[datetime | None]
    worker: Mapped[str] = mapped_column(Text, server_default="")
    created_at: Mapped[At]
    ended_at: Mapped[datetime | None]


class SchedulerEpoch(Base):
    """Counts each take-over of the scheduler, so that a deposed one can be refused."""

    __tablename__ = "scheduler_epoch"

    only_one: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    epoch: Mapped[int] = mapped_column(BigInteger)
    node: Mapped[str] = mapped_column(Text)
    taken_at: Mapped[At]


class ProcessState(Base):
    """That a process of a node lives: written every few seconds, read by status and health."""

    __tablename__ = "process_states"

    node: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    beat_at: Mapped[At]
    detail: Mapped[Json]
