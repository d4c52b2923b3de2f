"""Builds the services of one transaction: the only module that knows every domain."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cached_property
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.reading import AuditService
from appliance.audit.service import AuditTrail
from appliance.detection.service import DetectionService
from appliance.foundation.actors import Permission, Scope
from appliance.foundation.clock import Clock, SystemClock
from appliance.foundation.database import Database, transaction
from appliance.foundation.outbox import Outbox
from appliance.foundation.sealing import Sealer
from appliance.identity.account import AccountService
from appliance.identity.custom_roles import RoleService
from appliance.identity.mail import Post
from appliance.identity.organisation import OrganisationService
from appliance.identity.proposals import ProposalService
from appliance.identity.providers import ProviderService
from appliance.identity.reviews import ReviewService
from appliance.identity.service import IdentityService
from appliance.identity.session_list import SessionService
from appliance.identity.site import Site
from appliance.identity.tokens import TokenService
from appliance.incidents.service import IncidentService
from appliance.integrations.protocols import ProviderProtocols
from appliance.integrations.saml.provider import SamlServiceProvider
from appliance.telemetry.hunting import HuntService
from appliance.telemetry.postgres_store import PostgresEventStore
from appliance.telemetry.service import TelemetryService
from appliance.telemetry.witnessing import SegmentWitness


class Services:
    """Everything a door may call, bound to one transaction in one organisation."""

    def __init__(
        self, session: AsyncSession, scope: Scope, clock: Clock, sealer: Sealer, site: Site | None = None
    ) -> None:
        self.session, self.scope, self._clock, self._sealer = session, scope, clock, sealer
        self._site = site or Site()

    @cached_property
    def audit(self) -> AuditTrail:
        return AuditTrail(self.session, self.scope, self._clock)

    @cached_property
    def trail(self) -> AuditService:
        return AuditService(
            self.session,
            self.scope,
            audit=self.audit,
            clock=self._clock,
            sealer=self._sealer,
            evidence=SegmentWitness(self.session, self.scope),
        )

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self.session, self.scope, self._clock)

    @cached_property
    def events(self) -> PostgresEventStore:
        return PostgresEventStore(self.session, self.scope, self._clock)

    @cached_property
    def post(self) -> Post:
        return Post(
            self.session, self.scope, clock=self._clock, sealer=self._sealer, public_url=self._site.mail_url
        )

    @cached_property
    def identity(self) -> IdentityService:
        return IdentityService(
            self.session, self.scope, audit=self.audit, outbox=self.outbox, clock=self._clock, post=self.post
        )

    @cached_property
    def account(self) -> AccountService:
        return AccountService(
            self.session,
            self.scope,
            audit=self.audit,
            outbox=self.outbox,
            clock=self._clock,
            sealer=self._sealer,
            site=self._site,
        )

    @cached_property
    def sessions(self) -> SessionService:
        return SessionService(self.session, self.scope, self.audit, self._clock)

    @cached_property
    def tokens(self) -> TokenService:
        return TokenService(self.session, self.scope, self.audit, self._clock)

    @cached_property
    def roles(self) -> RoleService:
        return RoleService(self.session, self.scope, self.audit, self._clock)

    @cached_property
    def organisation(self) -> OrganisationService:
        return OrganisationService(self.session, self.scope, self.audit)

    @cached_property
    def providers(self) -> ProviderService:
        public_url = self._site.party.origin
        return ProviderService(
            self.session,
            self.scope,
            audit=self.audit,
            clock=self._clock,
            sealer=self._sealer,
            protocols=ProviderProtocols(public_url),
            saml=SamlServiceProvider(public_url),
        )

    @cached_property
    def reviews(self) -> ReviewService:
        return ReviewService(
            self.session, self.scope, audit=self.audit, clock=self._clock, sign=self._site.sign
        )

    @cached_property
    def proposals(self) -> ProposalService:
        return ProposalService(
            self.session,
            self.scope,
            audit=self.audit,
            outbox=self.outbox,
            clock=self._clock,
            executions={
                "audit.erase_subject": (
                    Permission.PRIVACY_ERASE,
                    lambda payload, by: self.trail.erase_subject(UUID(payload["subject_id"]), by=by),
                ),
                "incident.delete": (
                    Permission.INCIDENTS_DELETE,
                    lambda payload, by: self.incidents.delete(UUID(payload["incident_id"]), by=by),
                ),
            },
        )

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
    database: Database,
    scope: Scope,
    sealer: Sealer,
    clock: Clock | None = None,
    site: Site | None = None,
) -> AsyncGenerator[Services]:
    """Services inside one organisation; commits at the end, rolls back on any error."""
    async with transaction(database, scope) as session:
        yield Services(session, scope, clock or SystemClock(), sealer, site)
