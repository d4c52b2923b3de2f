"""An identity provider as the rest works with it: its configuration as a struct, its secret opened."""

from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.foundation.actors import Scope
from appliance.foundation.sealing import Sealer
from appliance.identity.federation_errors import ProviderNotFound
from appliance.identity.federation_models import IdentityProvider
from appliance.identity.federation_schemas import GroupRole, Kind, ProviderConfig
from appliance.identity.ports import ServiceKey

TABLE, COLUMN = "identity_providers", "secret"


class Known(msgspec.Struct, frozen=True):
    """A provider of an organisation. Its repr shows no secret."""

    org_id: UUID
    id: UUID
    kind: Kind
    name: str
    config: ProviderConfig
    secret: str
    certificate: str
    has_scim: bool

    def __repr__(self) -> str:
        return f"Known(id={self.id}, kind={self.kind!r})"

    @property
    def scope(self) -> Scope:
        return Scope(org_id=self.org_id)

    @property
    def mapping(self) -> list[GroupRole]:
        return self.config.group_roles

    @property
    def key(self) -> ServiceKey:
        """What we sign with (SAML)."""
        return ServiceKey(self.secret, self.certificate)


async def known(session: AsyncSession, scope: Scope, sealer: Sealer, provider_id: UUID) -> Known:
    """
    The provider of that id, enabled or not.

    Raises:
        ProviderNotFound: The organisation has none.
    """
    row = await session.get(IdentityProvider, (scope.org_id, provider_id))
    if row is None:
        raise ProviderNotFound(f"no identity provider {provider_id}; see `xdr idp list`")
    return opened(row, sealer)


async def all_known(session: AsyncSession, scope: Scope, sealer: Sealer, *, kind: Kind) -> list[Known]:
    """Every enabled provider of a kind, by name."""
    rows = await session.execute(
        select(IdentityProvider)
        .where(
            IdentityProvider.org_id == scope.org_id, IdentityProvider.enabled, IdentityProvider.kind == kind
        )
        .order_by(IdentityProvider.name)
    )
    return [opened(row, sealer) for row in rows.scalars()]


def opened(row: IdentityProvider, sealer: Sealer) -> Known:
    secret = b""
    if row.secret:
        secret = sealer.open(row.secret, table=TABLE, column=COLUMN, org_id=row.org_id, row_id=row.id)
    return Known(
        org_id=row.org_id, id=row.id, kind=msgspec.convert(row.kind, Kind), name=row.name,
        config=msgspec.convert(row.config, ProviderConfig), secret=secret.decode(),
        certificate=row.certificate, has_scim=row.scim_token_hash is not None,
    )  # fmt: skip


def sealed(sealer: Sealer, secret: str, org_id: UUID, provider_id: UUID) -> bytes:
    return sealer.seal(secret.encode(), table=TABLE, column=COLUMN, org_id=org_id, row_id=provider_id)
