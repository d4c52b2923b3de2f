"""Identity providers, whom they vouch for, sign-ins on their way, and what was used up."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, Text, UniqueConstraint, Uuid, false, true
from sqlalchemy.orm import Mapped, mapped_column

from appliance.foundation.orm import At, Base, Id, Json, OrgId

_PROVIDER = ("org_id", "provider_id"), ("identity_providers.org_id", "identity_providers.id")
_USER = ("org_id", "user_id"), ("users.org_id", "users.id")


class IdentityProvider(Base):
    """
    A directory, a SAML or an OpenID Connect provider.

    `secret` is sealed: the service account's password, the client secret, or our private key (SAML).
    `certificate` is the public half of the latter.
    """

    __tablename__ = "identity_providers"
    __table_args__ = (
        ForeignKeyConstraint(("org_id",), ("organisations.id",)),
        UniqueConstraint("org_id", "name"),
        Index("ix_identity_providers_scim_token_hash", "scim_token_hash"),
    )

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    enabled: Mapped[bool] = mapped_column(server_default=false())
    shown: Mapped[bool] = mapped_column(server_default=true())
    config: Mapped[Json]
    secret: Mapped[bytes] = mapped_column(LargeBinary, server_default="")
    certificate: Mapped[str] = mapped_column(Text, server_default="")
    scim_token_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    warned_on: Mapped[date | None]
    created_at: Mapped[At]
    changed_at: Mapped[At]


class ExternalIdentity(Base):
    """
    Whom a provider means by a subject. The pair is the key; an e-mail is never one (ASVS 6.8.1).

    `active` false: the provider ended the account; `detail` is what SCIM sent and wants to hear again.
    """

    __tablename__ = "external_identities"
    __table_args__ = (
        ForeignKeyConstraint(*_PROVIDER, ondelete="CASCADE"),
        ForeignKeyConstraint(*_USER, ondelete="CASCADE"),
        UniqueConstraint("org_id", "provider_id", "subject"),
        UniqueConstraint("org_id", "provider_id", "user_id"),
    )

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    provider_id: Mapped[UUID]
    user_id: Mapped[UUID]
    subject: Mapped[str] = mapped_column(Text)
    active: Mapped[bool] = mapped_column(server_default=true())
    detail: Mapped[Json] = mapped_column(server_default="{}")
    created_at: Mapped[At]
    changed_at: Mapped[At]
    checked_at: Mapped[At]


class SignOnRequest(Base):
    """A question to a provider that waits for its answer: bound to one browser, good once."""

    __tablename__ = "sign_on_requests"
    __table_args__ = (
        ForeignKeyConstraint(*_PROVIDER, ondelete="CASCADE"),
        UniqueConstraint("org_id", "provider_id", "request_id"),
    )

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    provider_id: Mapped[UUID]
    request_id: Mapped[str] = mapped_column(Text)  # the AuthnRequest's ID; OpenID Connect's state
    browser_hash: Mapped[bytes] = mapped_column(LargeBinary)
    secrets: Mapped[bytes] = mapped_column(LargeBinary)  # sealed: nonce and code verifier
    next_path: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[At]
    used_at: Mapped[datetime | None]


class SpentAssertion(Base):
    """An assertion that let somebody in; it never does so again (ASVS 6.8.3)."""

    __tablename__ = "spent_assertions"
    __table_args__ = (
        ForeignKeyConstraint(*_PROVIDER, ondelete="CASCADE"),
        Index("ix_spent_assertions_expires_at", "expires_at"),
    )

    org_id: Mapped[OrgId]
    provider_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    assertion_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    expires_at: Mapped[At]


class ScimGroup(Base):
    __tablename__ = "scim_groups"
    __table_args__ = (
        ForeignKeyConstraint(*_PROVIDER, ondelete="CASCADE"),
        UniqueConstraint("org_id", "provider_id", "name"),
    )

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    provider_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(Text)
    external_id: Mapped[str] = mapped_column(Text, server_default="")
    created_at: Mapped[At]
    changed_at: Mapped[At]


class ScimMember(Base):
    __tablename__ = "scim_members"
    __table_args__ = (
        ForeignKeyConstraint(
            ("org_id", "group_id"), ("scim_groups.org_id", "scim_groups.id"), ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ("org_id", "identity_id"),
            ("external_identities.org_id", "external_identities.id"),
            ondelete="CASCADE",
        ),
        Index(None, "org_id", "identity_id"),
    )

    org_id: Mapped[OrgId]
    group_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    identity_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    display: Mapped[str] = mapped_column(Text, server_default="")  # as the client named the member
