"""The trail's tables: entries, the chain over them, checkpoints, keys. Rows are only ever added."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Date, Index, LargeBinary, SmallInteger, Text, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from appliance.foundation.orm import At, Base, Id, OrgId, Tx


class AuditEntry(Base):
    """
    One entry. `body` is the exact RFC 8785 text that is chained; the columns beside it only index it.

    A trigger refuses UPDATE and DELETE, and no role but the owner is granted them.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index(None, "org_id", "tx", "id"),
        Index(None, "org_id", "action", "at"),
        Index(None, "org_id", "actor_id", "at"),
        Index(None, "org_id", "subject", "at"),
        Index(None, "org_id", "at", "id"),
    )

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    tx: Mapped[Tx]
    at: Mapped[At]
    action: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(Text)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    actor_id: Mapped[UUID | None]
    subject: Mapped[str | None] = mapped_column(Text)


class AuditRecord(Base):
    """An entry's place in its organisation's chain (docs/security/audit-format.md); `sealed_at` in µs."""

    __tablename__ = "audit_chain"
    __table_args__ = (UniqueConstraint("org_id", "entry_id"),)

    org_id: Mapped[OrgId]
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    entry_id: Mapped[UUID]
    sealed_at: Mapped[int] = mapped_column(BigInteger)
    leaf: Mapped[bytes] = mapped_column(LargeBinary)
    head: Mapped[bytes] = mapped_column(LargeBinary)
    signature: Mapped[bytes] = mapped_column(LargeBinary)


class AuditNode(Base):
    """A perfect subtree of 2^level leaves, kept so that a proof need not read the whole chain."""

    __tablename__ = "audit_nodes"

    org_id: Mapped[OrgId]
    level: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    place: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class AuditCheckpoint(Base):
    """A signed state of a chain; `body` is what is signed."""

    __tablename__ = "audit_checkpoints"
    __table_args__ = (UniqueConstraint("org_id", "id"), Index(None, "org_id", "tx", "id"))

    org_id: Mapped[OrgId]
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[UUID]
    tx: Mapped[Tx]
    size: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[At]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    signature: Mapped[bytes] = mapped_column(LargeBinary)


class AuditKey(Base):
    """A public key of the appliance; `state` is next, active or retired. The private half is a credential."""

    __tablename__ = "audit_keys"
    __table_args__ = (UniqueConstraint("public_key"),)

    fingerprint: Mapped[str] = mapped_column(Text, primary_key=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(Text)
    published_at: Mapped[At]
    activated_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]


class AuditKeyUse(Base):
    """From which record on a chain is signed with a key."""

    __tablename__ = "audit_key_uses"

    org_id: Mapped[OrgId]
    from_seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    fingerprint: Mapped[str] = mapped_column(Text)


class SubjectKey(Base):
    """What one person's data in entries is encrypted with; erasure leaves the row without its key."""

    __tablename__ = "audit_subject_keys"

    org_id: Mapped[OrgId]
    subject_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    sealed_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[At]
    erased_at: Mapped[datetime | None]


class SegmentArrival(Base):
    """That a segment of events was stored, by a trigger; gone once its root is in the chain."""

    __tablename__ = "audit_segment_arrivals"
    __table_args__ = (Index(None, "org_id", "tx", "id"),)

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    tx: Mapped[Tx]
    received_day: Mapped[date] = mapped_column(Date)
