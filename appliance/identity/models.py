"""Organisations, users, roles, sessions and tokens."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, Text, UniqueConstraint, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from appliance.foundation.orm import At, Base, Id, OrgId

_USER = ("org_id", "user_id"), ("users.org_id", "users.id")


class Organisation(Base):
    __tablename__ = "organisations"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    created_at: Mapped[At]


class User(Base):
    """A person. The e-mail is kept as typed and unique by its lower case."""

    __tablename__ = "users"
    __table_args__ = (
        ForeignKeyConstraint(("org_id",), ("organisations.id",)),
        UniqueConstraint("org_id", "email"),
        Index("ix_users_email", "email"),
    )

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    email: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    password_hash: Mapped[str] = mapped_column(Text, server_default="")
    status: Mapped[str] = mapped_column(Text, server_default="invited")
    created_at: Mapped[At]


class RoleAssignment(Base):
    __tablename__ = "role_assignments"
    __table_args__ = (ForeignKeyConstraint(*_USER, ondelete="CASCADE"),)

    org_id: Mapped[OrgId]
    user_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    role: Mapped[str] = mapped_column(Text, primary_key=True)
    expires_at: Mapped[datetime | None]


class Session(Base):
    """A browser's session. Only a hash of the cookie is kept."""

    __tablename__ = "sessions"
    __table_args__ = (
        ForeignKeyConstraint(*_USER, ondelete="CASCADE"),
        UniqueConstraint("org_id", "token_hash"),
        Index("ix_sessions_token_hash", "token_hash"),
    )

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    user_id: Mapped[UUID]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[At]
    last_seen_at: Mapped[At]
    expires_at: Mapped[At]
    revoked_at: Mapped[datetime | None]
    address: Mapped[str] = mapped_column(Text)
    user_agent: Mapped[str] = mapped_column(Text)


class ApiToken(Base):
    """A token for CLI and integrators: rights are its user's, narrowed to `permissions`."""

    __tablename__ = "api_tokens"
    __table_args__ = (
        ForeignKeyConstraint(*_USER, ondelete="CASCADE"),
        UniqueConstraint("org_id", "token_hash"),
        Index("ix_api_tokens_token_hash", "token_hash"),
    )

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    user_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(Text)
    prefix: Mapped[str] = mapped_column(Text)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    permissions: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[At]
    expires_at: Mapped[At]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class OneTimeLink(Base):
    """Lets its holder set a password once: first sign-in, invitation, reset."""

    __tablename__ = "one_time_links"
    __table_args__ = (
        ForeignKeyConstraint(*_USER, ondelete="CASCADE"),
        Index("ix_one_time_links_token_hash", "token_hash"),
    )

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    user_id: Mapped[UUID]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[At]
    used_at: Mapped[datetime | None]


class SignInDelay(Base):
    """
    How long a name or an address must wait after failures; grows, never locks.

    Belongs to no organisation: an unknown name is delayed like a known one. The key is an HMAC, so the
    table tells nobody which names were tried.
    """

    __tablename__ = "signin_delays"

    subject: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    failures: Mapped[int]
    next_at: Mapped[At]
