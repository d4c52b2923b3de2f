"""Says, once a day, which providers' metadata or certificates will soon keep people out."""

import msgspec
import structlog
from sqlalchemy import select

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Scope, appliance
from appliance.foundation.clock import Clock
from appliance.foundation.database import Database, organisation_ids, transaction
from appliance.foundation.outbox import Outbox
from appliance.identity.federation_models import IdentityProvider
from appliance.identity.federation_schemas import ProviderConfig
from appliance.identity.ports import Protocols

log = structlog.get_logger()


class ExpiringProviders:
    def __init__(self, database: Database, clock: Clock, protocols: Protocols) -> None:
        self._database, self._clock, self._protocols = database, clock, protocols

    async def tell(self) -> int:
        """How many providers were told of now; each is once a day."""
        told = 0
        for org_id in await organisation_ids(self._database):
            told += await self._tell_in(Scope(org_id=org_id))
        return told

    async def _tell_in(self, scope: Scope) -> int:
        now, told = self._clock.now(), 0
        async with transaction(self._database, scope) as session:
            rows = await session.execute(
                select(IdentityProvider)
                .where(IdentityProvider.org_id == scope.org_id, IdentityProvider.enabled)
                .with_for_update()
            )
            for row in rows.scalars():
                facts = self._protocols.facts(msgspec.convert(row.config, ProviderConfig), now)
                if not facts.warnings or row.warned_on == now.date():
                    continue
                row.warned_on, told = now.date(), told + 1
                log.warning("identity_provider_expiring", provider=str(row.id), warnings=facts.warnings)
                AuditTrail(session, scope, self._clock).record(
                    "identity_provider.expiring", by=appliance("directory"), subject=row.id,
                    warnings=facts.warnings,
                )  # fmt: skip
                Outbox(session, scope, self._clock).publish(
                    "identity_provider_expiring", provider_id=str(row.id), warnings=facts.warnings
                )
        return told
