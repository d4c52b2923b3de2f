"""The test button: what of a provider's configuration works, and what to do about the rest."""

from uuid import UUID

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Actor, Permission, Scope
from appliance.foundation.clock import Clock
from appliance.foundation.database import Database, transaction
from appliance.foundation.errors import Unavailable
from appliance.foundation.sealing import Sealer
from appliance.identity.federation_schemas import Report, Step
from appliance.identity.ports import Protocols
from appliance.identity.provider_rows import known


class ProviderTests:
    """No transaction is held while a provider is waited for."""

    def __init__(self, database: Database, clock: Clock, *, sealer: Sealer, protocols: Protocols) -> None:
        self._database, self._clock = database, clock
        self._sealer, self._protocols = sealer, protocols

    async def run(self, scope: Scope, provider_id: UUID, *, by: Actor) -> Report:
        """
        Try everything that can be tried without a person.

        Raises:
            ProviderNotFound: There is none.
        """
        by.require(Permission.IDENTITY_PROVIDERS_EDIT)
        async with transaction(self._database, scope) as session:
            provider = await known(session, scope, self._sealer, provider_id)
        try:
            steps = await self._protocols.probe(provider.config, provider.secret)
        except Unavailable as error:
            steps = [Step(name="test", state="failed", said=str(error), next="try again")]
        report = Report(ok=all(step.state != "failed" for step in steps), steps=steps)
        async with transaction(self._database, scope) as session:
            AuditTrail(session, scope, self._clock).record(
                "identity_provider.tested", by=by, subject=provider_id, ok=report.ok,
                failed=[step.name for step in steps if step.state == "failed"],
            )  # fmt: skip
        return report
