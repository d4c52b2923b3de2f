"""What can be read of incidents, behind permissions."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from appliance.foundation.actors import Actor, Permission, Scope
from appliance.foundation.schema import Page
from appliance.incidents import history, queries, triage
from appliance.incidents.models import Incident
from appliance.incidents.schemas import (
    EvidenceItem,
    FindingItem,
    IncidentDetail,
    IncidentSummary,
    NoteItem,
    QueueCounts,
    QueueFilter,
    TimelineItem,
)


class IncidentReads:
    """Bound to one transaction and, by its scope, to one organisation."""

    def __init__(self, session: AsyncSession, scope: Scope) -> None:
        self._session, self._scope = session, scope

    async def page(
        self, wanted: QueueFilter, *, by: Actor, cursor: str | None = None, limit: int = 50
    ) -> Page[IncidentSummary]:
        """A page of the triage queue."""
        by.require(Permission.INCIDENTS_VIEW)
        return await triage.page(self._session, self._scope, wanted, by, cursor=cursor, limit=limit)

    async def counts(self, *, by: Actor) -> QueueCounts:
        """What stands above the queue."""
        by.require(Permission.INCIDENTS_VIEW)
        return await triage.counts(self._session, self._scope)

    async def detail(self, incident_id: UUID, *, by: Actor) -> IncidentDetail:
        """
        Everything of an incident but its lists.

        Raises:
            IncidentNotFound: There is none.
        """
        return await self._detail(await self._seen(incident_id, by), by)

    async def timeline(
        self, incident_id: UUID, *, by: Actor, cursor: str | None = None, limit: int = 50
    ) -> Page[TimelineItem]:
        """Findings and deeds, earliest first."""
        await self._seen(incident_id, by)
        return await history.timeline(self._session, self._scope, incident_id, cursor=cursor, limit=limit)

    async def findings(
        self, incident_id: UUID, *, by: Actor, cursor: str | None = None, limit: int = 50
    ) -> Page[FindingItem]:
        """The findings, by event time."""
        await self._seen(incident_id, by)
        return await history.findings(self._session, self._scope, incident_id, cursor=cursor, limit=limit)

    async def notes(
        self, incident_id: UUID, *, by: Actor, cursor: str | None = None, limit: int = 50
    ) -> Page[NoteItem]:
        """What people wrote, earliest first."""
        await self._seen(incident_id, by)
        return await history.notes(self._session, self._scope, incident_id, cursor=cursor, limit=limit)

    async def evidence(self, incident_id: UUID, *, by: Actor) -> Page[EvidenceItem]:
        """The pinned events, latest first."""
        await self._seen(incident_id, by)
        return Page(items=await queries.evidence(self._session, self._scope, incident_id))

    async def _seen(self, incident_id: UUID, by: Actor) -> Incident:
        by.require(Permission.INCIDENTS_VIEW)
        return await queries.find(self._session, self._scope, incident_id)

    async def _detail(self, incident: Incident, by: Actor) -> IncidentDetail:
        await self._session.flush()
        return await queries.detail(self._session, self._scope, incident, by)
