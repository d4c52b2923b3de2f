"""Second factors, sign-ins half done, and the challenges that bind them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, LargeBinary, Text, UniqueConstraint, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from appliance.foundation.orm import At, Base, Id, OrgId

_USER = ("org_id", "user_id"), ("users.org_id", "users.id")


class TotpFactor(Base):
    """
    A shared secret (RFC 6238), sealed; `last_step` is the newest time step that was accepted.

    `next_secret` waits for its first code while the one in use still counts.
    """

    __tablename__ = "totp_factors"
    __table_args__ = (ForeignKeyConstraint(*_USER, ondelete="CASCADE"),)

    org_id: Mapped[OrgId]
    user_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    next_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    last_step: Mapped[int] = mapped_column(BigInteger, server_default="0")
    created_at: Mapped[At]
    confirmed_at: Mapped[datetime | None]


class RecoveryCode(Base):
    __tablename__ = "recovery_codes"
    __table_args__ = (
        ForeignKeyConstraint(*_USER, ondelete="CASCADE"),
        UniqueConstraint("org_id", "user_id", "code_hash"),
    )

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    user_id: Mapped[UUID]
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    used_at: Mapped[datetime | None]


class Passkey(Base):
    """A WebAuthn credential; only its public key is here."""

    __tablename__ = "passkeys"
    __table_args__ = (
        ForeignKeyConstraint(*_USER, ondelete="CASCADE"),
        UniqueConstraint("org_id", "credential_id"),
    )

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    user_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(Text)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    transports: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[At]
    last_used_at: Mapped[datetime | None]


class Challenge(Base):
    """What an authenticator must sign; taken once, by deleting the row."""

    __tablename__ = "challenges"
    __table_args__ = (ForeignKeyConstraint(*_USER, ondelete="CASCADE"),)

    org_id: Mapped[OrgId]
    user_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    purpose: Mapped[str] = mapped_column(Text, primary_key=True)
    challenge: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[At]


class PendingSignIn(Base):
    """The first factor was right and a further step is asked for. Opens nothing by itself."""

    __tablename__ = "pending_sign_ins"
    __table_args__ = (
        ForeignKeyConstraint(*_USER, ondelete="CASCADE"),
        Index("ix_pending_sign_ins_token_hash", "token_hash"),
    )

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    user_id: Mapped[UUID]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    kind: Mapped[str] = mapped_column(Text)
    methods: Mapped[list[str]] = mapped_column(ARRAY(Text))
    expires_at: Mapped[At]
    failures: Mapped[int] = mapped_column(server_default="0")
    used_at: Mapped[datetime | None]
    provider_id: Mapped[UUID | None]
    provider_subject: Mapped[str] = mapped_column(Text, server_default="")
    provider_session: Mapped[str] = mapped_column(Text, server_default="")


class FormerPassword(Base):
    """For profiles that refuse the last few passwords again."""

    __tablename__ = "former_passwords"
    __table_args__ = (ForeignKeyConstraint(*_USER, ondelete="CASCADE"),)

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    user_id: Mapped[UUID]
    password_hash: Mapped[str] = mapped_column(Text)
    set_at: Mapped[At]
