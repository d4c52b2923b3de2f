"""Organisations, users, roles, sessions and tokens."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, Text, UniqueConstraint, Uuid, false
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from appliance.foundation.orm import At, Base, Id, OrgId

_USER = ("org_id", "user_id"), ("users.org_id", "users.id")


class Organisation(Base):
    __tablename__ = "organisations"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    created_at: Mapped[At]
    status: Mapped[str] = mapped_column(Text, server_default="active")
    profile: Mapped[str] = mapped_column(Text, server_default="nist")  # identity/policies.py
    mfa_required: Mapped[bool] = mapped_column(server_default=false())
    sso_enforced: Mapped[bool] = mapped_column(server_default=false())


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
    origin: Mapped[str] = mapped_column(Text, server_default="local")  # or ldap, saml, oidc, scim
    is_break_glass: Mapped[bool] = mapped_column(server_default=false())
    password_changed_at: Mapped[datetime | None]
    last_sign_in_at: Mapped[datetime | None]


class RoleAssignment(Base):
    __tablename__ = "role_assignments"
    __table_args__ = (ForeignKeyConstraint(*_USER, ondelete="CASCADE"),)

    org_id: Mapped[OrgId]
    user_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    role: Mapped[str] = mapped_column(Text, primary_key=True)
    # "local", or the id of the identity provider whose groups gave it.
    origin: Mapped[str] = mapped_column(Text, primary_key=True, server_default="local")
    expires_at: Mapped[datetime | None]


class Session(Base):
    """
    A signed-in browser (`kind` "browser", whose cookie is hashed here) or program ("api").

    A program's session has no cookie: its access tokens name the session, and refresh tokens renew them.
    """

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
    kind: Mapped[str] = mapped_column(Text, server_default="browser")
    methods: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")  # RFC 8176 names
    created_at: Mapped[At]
    last_seen_at: Mapped[At]
    expires_at: Mapped[At]
    stepped_up_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revoked_reason: Mapped[str] = mapped_column(Text, server_default="")
    address: Mapped[str] = mapped_column(Text)
    user_agent: Mapped[str] = mapped_column(Text)
    # Who vouched for the person, and what that provider calls person and session (single logout).
    provider_id: Mapped[UUID | None]
    provider_subject: Mapped[str] = mapped_column(Text, server_default="")
    provider_session: Mapped[str] = mapped_column(Text, server_default="")


class RefreshToken(Base):
    """Renews a program's access token once. Using it twice ends the whole session, its family."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (
        ForeignKeyConstraint(
            ("org_id", "session_id"), ("sessions.org_id", "sessions.id"), ondelete="CASCADE"
        ),
        UniqueConstraint("org_id", "token_hash"),
        Index("ix_refresh_tokens_token_hash", "token_hash"),
    )

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    session_id: Mapped[UUID]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    issued_at: Mapped[At]
    expires_at: Mapped[At]
    used_at: Mapped[datetime | None]


class ApiToken(Base):
    """
    A token that is sent as it is.

    A person's own carries its user's rights, narrowed to `permissions`. A service token (`user_id` null)
    belongs to a program and carries `permissions`, which its creator held.
    """

    __tablename__ = "api_tokens"
    __table_args__ = (
        ForeignKeyConstraint(*_USER, ondelete="CASCADE"),
        UniqueConstraint("org_id", "token_hash"),
        Index("ix_api_tokens_token_hash", "token_hash"),
    )

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    user_id: Mapped[UUID | None]
    created_by: Mapped[str] = mapped_column(Text, server_default="")
    networks: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")  # CIDR; empty = anywhere
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
