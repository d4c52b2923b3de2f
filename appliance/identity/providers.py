"""
Identity providers within one organisation: making, changing and removing them.

Secrets go in sealed and never come out. Whoever maps a group to a role must hold what the role allows.
"""

from uuid import UUID

import msgspec
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Actor, Permission, Scope
from appliance.foundation.clock import Clock
from appliance.foundation.errors import Conflict, Invalid, NotPermitted
from appliance.foundation.ids import new_id
from appliance.foundation.sealing import Sealer
from appliance.foundation.tokens import hash_of, new_token
from appliance.identity.federation_errors import ProviderNotFound, ProviderTaken
from appliance.identity.federation_models import ExternalIdentity, IdentityProvider
from appliance.identity.federation_schemas import (
    Kind,
    NewProvider,
    ProviderChange,
    ProviderConfig,
    ProviderSummary,
    SamlConfig,
    ScimToken,
)
from appliance.identity.last_admin import keep_a_super_admin
from appliance.identity.models import RoleAssignment, Session, User
from appliance.identity.ports import Protocols, SamlVerifier
from appliance.identity.provider_rows import sealed
from appliance.identity.roles import custom_roles, permissions_of, roles

SCIM_PREFIX = "xdr_scm"
_PREFIX_SHOWN = 16
_MOST_PROVIDERS = 50
# What concerns the mapping only is told apart in the audit trail; documents would drown it.
_LONG = ("metadata", "jwks", "ca_certificates")


class ProviderService:
    """Bound to one transaction."""

    def __init__(
        self,
        session: AsyncSession,
        scope: Scope,
        *,
        audit: AuditTrail,
        clock: Clock,
        sealer: Sealer,
        protocols: Protocols,
        saml: SamlVerifier,
    ) -> None:
        self._session, self._scope, self._audit, self._clock = session, scope, audit, clock
        self._sealer, self._protocols, self._saml = sealer, protocols, saml

    async def all(self, *, by: Actor) -> list[ProviderSummary]:
        """Every provider by name, without secrets."""
        by.require(Permission.USERS_VIEW)
        rows = await self._session.execute(
            select(IdentityProvider)
            .where(IdentityProvider.org_id == self._scope.org_id)
            .order_by(IdentityProvider.name)
        )
        return [await self._summary(row) for row in rows.scalars()]

    async def get(self, provider_id: UUID, *, by: Actor) -> ProviderSummary:
        """
        One provider, without its secret.

        Raises:
            ProviderNotFound: There is none.
        """
        by.require(Permission.USERS_VIEW)
        return await self._summary(await self._row(provider_id))

    async def create(self, new: NewProvider, *, by: Actor) -> ProviderSummary:
        """
        Raises:
            Invalid: The configuration cannot work; says why.
            NotPermitted: A group would get a role that its giver lacks.
            ProviderTaken: There is one of that name.
        """
        by.require(Permission.IDENTITY_PROVIDERS_EDIT)
        await self._ensure_usable(new.config, by=by)
        if len(await self.all(by=by)) >= _MOST_PROVIDERS:
            raise Conflict(f"there are {_MOST_PROVIDERS} identity providers already")
        now, provider_id = self._clock.now(), new_id(self._clock)
        row = IdentityProvider(
            org_id=self._scope.org_id, id=provider_id, kind=_kind(new.config), name=new.name.strip(),
            enabled=new.enabled, shown=new.shown, config=msgspec.to_builtins(new.config), secret=b"",
            certificate="", created_at=now, changed_at=now,
        )  # fmt: skip
        self._keep_secret(row, new.config, new.secret)
        await self._add(row)
        self._audit.record(
            "identity_provider.created", by=by, subject=row.id, kind=row.kind, name=row.name,
            enabled=row.enabled, config=_audited(new.config),
        )  # fmt: skip
        return await self._summary(row)

    async def change(self, provider_id: UUID, wanted: ProviderChange, *, by: Actor) -> ProviderSummary:
        """
        Raises:
            Invalid: The configuration cannot work, or is of another kind.
            NotPermitted: A group would get a role that its giver lacks.
        """
        by.require(Permission.IDENTITY_PROVIDERS_EDIT)
        row = await self._row(provider_id)
        before = {"name": row.name, "enabled": row.enabled, "shown": row.shown}
        config_before = _config(row)
        if wanted.config is not None:
            if _kind(wanted.config) != row.kind:
                raise Invalid(f"{row.name} is of the kind {row.kind}; make another provider instead")
            await self._ensure_usable(wanted.config, by=by)
            row.config = msgspec.to_builtins(wanted.config)
        for name in ("name", "enabled", "shown"):
            if (value := getattr(wanted, name)) is not None:
                setattr(row, name, value)
        if wanted.secret is not None:
            self._keep_secret(row, _config(row), wanted.secret)
        if wanted.enabled is False:
            await self._end_sessions(provider_id, "provider_disabled")
        row.changed_at = self._clock.now()
        await self._flush(row)
        self._audit.record(
            "identity_provider.changed", by=by, subject=row.id, secret_changed=wanted.secret is not None,
            before=before | {"config": _audited(config_before)},
            after={name: getattr(row, name) for name in before} | {"config": _audited(_config(row))},
        )  # fmt: skip
        return await self._summary(row)

    async def remove(self, provider_id: UUID, *, by: Actor) -> None:
        """
        Away with it: whom it vouched for is signed out, and signs in by it no more.

        Raises:
            LastSuperAdmin: Nobody would be left to administer the organisation.
        """
        by.require(Permission.IDENTITY_PROVIDERS_EDIT)
        row = await self._row(provider_id)
        await self._end_sessions(provider_id, "provider_removed")
        vouched = select(ExternalIdentity.user_id).where(
            ExternalIdentity.org_id == self._scope.org_id, ExternalIdentity.provider_id == provider_id
        )
        people = set((await self._session.execute(vouched)).scalars())
        await keep_a_super_admin(self._session, self._scope, without=people, now=self._clock.now())
        await self._session.execute(
            update(User)
            .where(
                User.org_id == self._scope.org_id,
                User.id.in_(people),
                User.origin != "local",
                User.status == "active",
            )
            .values(status="deactivated")
            .execution_options(synchronize_session=False)
        )
        await self._session.execute(
            delete(RoleAssignment).where(
                RoleAssignment.org_id == self._scope.org_id, RoleAssignment.origin == str(provider_id)
            )
        )
        await self._session.delete(row)
        self._audit.record(
            "identity_provider.removed", by=by, subject=provider_id, kind=row.kind, name=row.name
        )

    async def issue_scim_token(self, provider_id: UUID, *, by: Actor) -> ScimToken:
        """A token for the provider's provisioning client, shown this once; an earlier one stops working."""
        by.require(Permission.IDENTITY_PROVIDERS_EDIT)
        row = await self._row(provider_id)
        token = new_token(SCIM_PREFIX)
        row.scim_token_hash, row.changed_at = hash_of(token), self._clock.now()
        self._audit.record("identity_provider.scim_token_issued", by=by, subject=provider_id)
        return ScimToken(token=token, prefix=token[:_PREFIX_SHOWN])

    async def revoke_scim_token(self, provider_id: UUID, *, by: Actor) -> None:
        """Provisioning stops at the next request."""
        by.require(Permission.IDENTITY_PROVIDERS_EDIT)
        row = await self._row(provider_id)
        row.scim_token_hash, row.changed_at = None, self._clock.now()
        self._audit.record("identity_provider.scim_token_revoked", by=by, subject=provider_id)

    def _keep_secret(self, row: IdentityProvider, config: ProviderConfig, secret: str) -> None:
        if isinstance(config, SamlConfig):
            if secret:
                raise Invalid("a SAML provider has no secret; its metadata is all there is to give")
            key = self._saml.new_key(row.id, self._clock.now())
            secret, row.certificate = key.private, key.certificate
        row.secret = sealed(self._sealer, secret, row.org_id, row.id) if secret else b""

    async def _ensure_usable(self, config: ProviderConfig, *, by: Actor) -> None:
        own = await custom_roles(self._session, self._scope)
        known = [*roles(), *own]
        wanted = [line.role for line in config.group_roles]
        if unknown := sorted(set(wanted) - set(known)):
            raise Invalid(f"no role {', '.join(unknown)}; there are {', '.join(known)}")
        if beyond := permissions_of(wanted, own) - by.permissions:
            raise NotPermitted(f"{by.name} cannot give away {', '.join(sorted(beyond))}")
        self._protocols.check(config)

    async def _end_sessions(self, provider_id: UUID, reason: str) -> None:
        await self._session.execute(
            update(Session)
            .where(
                Session.org_id == self._scope.org_id,
                Session.provider_id == provider_id,
                Session.revoked_at.is_(None),
            )
            .values(revoked_at=self._clock.now(), revoked_reason=reason)
        )

    async def _row(self, provider_id: UUID) -> IdentityProvider:
        row = await self._session.get(
            IdentityProvider, (self._scope.org_id, provider_id), with_for_update=True
        )
        if row is None:
            raise ProviderNotFound(f"no identity provider {provider_id}; see `xdr idp list`")
        return row

    async def _add(self, row: IdentityProvider) -> None:
        try:
            async with self._session.begin_nested():
                self._session.add(row)
        except IntegrityError as error:
            raise ProviderTaken(f"there is an identity provider {row.name!r} already") from error

    async def _flush(self, row: IdentityProvider) -> None:
        name = row.name
        try:
            async with self._session.begin_nested():
                await self._session.flush()
        except IntegrityError as error:
            raise ProviderTaken(f"there is an identity provider {name!r} already") from error

    async def _summary(self, row: IdentityProvider) -> ProviderSummary:
        config, now = _config(row), self._clock.now()
        people = await self._session.execute(
            select(func.count()).where(
                ExternalIdentity.org_id == self._scope.org_id,
                ExternalIdentity.provider_id == row.id,
                ExternalIdentity.active,
            )
        )
        return ProviderSummary(
            id=row.id, kind=_kind(config), name=row.name, enabled=row.enabled, shown=row.shown,
            has_secret=bool(row.secret), has_scim_token=row.scim_token_hash is not None, config=config,
            addresses=self._protocols.addresses(row.id, config), facts=self._protocols.facts(config, now),
            people=people.scalar_one(), created_at=row.created_at, changed_at=row.changed_at,
        )  # fmt: skip


def _config(row: IdentityProvider) -> ProviderConfig:
    return msgspec.convert(row.config, ProviderConfig)  # type: ignore[no-any-return]  # of a union


def _kind(config: ProviderConfig) -> Kind:
    return msgspec.convert(config.__struct_config__.tag, Kind)  # type: ignore[no-any-return]  # of a literal


def _audited(config: ProviderConfig) -> dict[str, object]:
    """Everything that decides who gets in; of documents only how long they are."""
    said = msgspec.to_builtins(config)
    return {name: f"{len(value)} characters" if name in _LONG else value for name, value in said.items()}
