"""Custom roles, proposals that wait for a second person, access reviews, and the keys that sign tokens."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from appliance.foundation.orm import At, Base, Id, Json, OrgId


class CustomRole(Base):
    __tablename__ = "custom_roles"

    org_id: Mapped[OrgId]
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    permissions: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[At]
    created_by: Mapped[str] = mapped_column(Text)


class Proposal(Base):
    """
    An action that takes a second person, exactly as it will be done.

    `payload` is RFC 8785 text and `payload_hash` its SHA-256: who approves, approves these bytes.
    """

    __tablename__ = "proposals"
    __table_args__ = (Index("ix_proposals_open", "org_id", "state", "expires_at"),)

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    permission: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    payload_hash: Mapped[bytes] = mapped_column(LargeBinary)
    reason: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="open")
    proposed_at: Mapped[At]
    expires_at: Mapped[At]
    proposed_by: Mapped[Json]
    decided_by: Mapped[Json | None]
    decided_at: Mapped[datetime | None]
    comment: Mapped[str] = mapped_column(Text, server_default="")


class AccessReview(Base):
    """Who could do what on a day, what a reviewer decided about each, and the signature under it."""

    __tablename__ = "access_reviews"

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    opened_at: Mapped[At]
    opened_by: Mapped[str] = mapped_column(Text)
    due_at: Mapped[At]
    items: Mapped[Json]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str] = mapped_column(Text, server_default="")
    document: Mapped[bytes | None] = mapped_column(LargeBinary)
    signature: Mapped[bytes | None] = mapped_column(LargeBinary)
    key_id: Mapped[str] = mapped_column(Text, server_default="")


class SigningKey(Base):
    """
    An Ed25519 key of the appliance for access tokens: next, active, then retired while its tokens live.

    Belongs to no organisation. The private half is sealed.
    """

    __tablename__ = "signing_keys"
    __table_args__ = (
        Index("uq_signing_keys_one_active", "state", unique=True, postgresql_where=text("state = 'active'")),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    state: Mapped[str] = mapped_column(Text)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    private_key: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[At]
    activated_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]
