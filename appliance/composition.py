"""Builds the services of one transaction: the only module that knows every domain."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cached_property

from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail
from appliance.detection.service import DetectionService
from appliance.foundation.actors import Scope
from appliance.foundation.clock import Clock, SystemClock
from appliance.foundation.database import Database, transaction
from appliance.foundation.outbox import Outbox
from appliance.foundation.sealing import Sealer
from appliance.identity.service import IdentityService
from appliance.incidents.service import IncidentService
from appliance.telemetry.hunting import HuntService
from appliance.telemetry.postgres_store import PostgresEventStore
from appliance.telemetry.service import TelemetryService


class Services:
    """Everything a door may call, bound to one transaction in one organisation."""

    def __init__(self, session: AsyncSession, scope: Scope, clock: Clock, sealer: Sealer) -> None:
        self.session, self.scope, self._clock, self._sealer = session, scope, clock, sealer

    @cached_property
    def audit(self) -> AuditTrail:
        return AuditTrail(self.session, self.scope, self._clock)

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self.session, self.scope, self._clock)

    @cached_property
    def events(self) -> PostgresEventStore:
        return PostgresEventStore(self.session, self.scope, self._clock)

    @cached_property
    def identity(self) -> IdentityService:
        return IdentityService(self.session, self.scope, self.audit, self._clock)

    @cached_property
    def telemetry(self) -> TelemetryService:
        return TelemetryService(self.session, self.scope, self.audit, self._clock, self._sealer)

    @cached_property
    def hunting(self) -> HuntService:
        return HuntService(self.session, self.scope, self.events)

    @cached_property
    def detection(self) -> DetectionService:
        return DetectionService(self.session, self.scope, self.audit, self._clock)

    @cached_property
    def incidents(self) -> IncidentService:
        return IncidentService(
            self.session,
            self.scope,
            audit=self.audit,
            outbox=self.outbox,
            clock=self._clock,
            store=self.events,
        )


@asynccontextmanager
async def open_services(
    database: Database, scope: Scope, sealer: Sealer, clock: Clock | None = None
) -> AsyncGenerator[Services]:
    """Services inside one organisation; commits at the end, rolls back on any error."""
    async with transaction(database, scope) as session:
        yield Services(session, scope, clock or SystemClock(), sealer)
