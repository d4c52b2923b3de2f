"""
Writes what the correlator found into the tables: incidents, links, timeline, outbox.

A batch opens and touches dozens of incidents. What costs is the number of statements, so each statement is
about all incidents of the batch.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Scope, appliance
from appliance.foundation.clock import Clock
from appliance.foundation.ids import new_id
from appliance.foundation.outbox import Outbox
from appliance.incidents import merging
from appliance.incidents.describing import Describer, instant
from appliance.incidents.grouping import Change
from appliance.incidents.lifecycle import Status
from appliance.incidents.memory import Group
from appliance.incidents.models import Incident, TimelineEntry
from appliance.incidents.queries import lock, lock_all
from appliance.incidents.schemas import Named

BY = appliance("correlator")
_CORRELATOR = Named(id=None, name=BY.name)
_CONNECTED = "Later findings connect the two."


class Recorder:
    """Bound to one transaction. `number` is that of the organisation's last incident."""

    def __init__(
        self, session: AsyncSession, scope: Scope, clock: Clock, audit: AuditTrail, number: int
    ) -> None:
        self._session, self._scope, self._clock, self._audit = session, scope, clock, audit
        self._outbox = Outbox(session, scope, clock)
        self.number = number

    async def record(self, changes: Sequence[Change]) -> None:
        """Bring the incidents of a batch to what their groups now are."""
        opened = [self._open(change.group) for change in changes if change.group.incident is None]
        await self._session.flush()
        incidents = {incident.id: incident for incident in opened}
        known = [_incident_of(change) for change in changes if _incident_of(change) not in incidents]
        incidents |= await lock_all(self._session, self._scope, known)
        await self._link(changes, incidents)
        for change in changes:
            incident = incidents[_incident_of(change)]
            for absorbed in change.absorbed:
                incident = await self._absorb(incident, absorbed)
            incidents[incident.id] = incident
            change.group.incident = incident.id
        await Describer(self._session, self._scope, self._clock, self._say).describe(
            [(incidents[_incident_of(change)], change) for change in changes]
        )
        for incident in opened:
            self._announce(incident)
        await self._session.flush()

    def _open(self, group: Group) -> Incident:
        self.number += 1
        now = self._clock.now()
        incident = Incident(
            org_id=self._scope.org_id, id=new_id(self._clock), number=self.number, title="",
            status=Status.NEW, is_open=True, severity=group.severity, severity_is_manual=False, risk=0,
            tags=[], techniques=[], tactics=[], findings_count=0, events_count=0,
            first_event_at=instant(group.shown_first), last_event_at=instant(group.shown_last),
            created_at=now, updated_at=now, why={"summary": ""}, version=1,
        )  # fmt: skip
        self._session.add(incident)
        group.incident = incident.id
        return incident

    def _announce(self, incident: Incident) -> None:
        self._say(incident, "state", "Opened by the correlator", incident.title)
        self._audit.record("incident.opened", by=BY, subject=incident.id, number=incident.number)
        self._outbox.publish(
            "incident.opened", incident_id=str(incident.id), severity=incident.severity, risk=incident.risk
        )

    async def _link(self, changes: Sequence[Change], incidents: Mapping[UUID, Incident]) -> None:
        """Links are unique by finding: a finding is in one incident, however often it is read."""
        links = [
            (finding_id, _incident_of(change), instant(time))
            for change in changes
            for finding_id, time in change.linked.items()
        ]
        parameters = {
            "org": self._scope.org_id,
            "ids": [finding_id for finding_id, _, _ in links],
            "incidents": [incident_id for _, incident_id, _ in links],
            "times": [time for _, _, time in links],
        }
        fresh = (await self._session.execute(_LINK, parameters)).all()
        if not fresh:
            return
        parameters |= {"ids": [row.finding_id for row in fresh]}
        parameters |= {"incidents": [row.incident_id for row in fresh]}
        for row in fresh:
            incidents[row.incident_id].findings_count += 1
        for row in await self._session.execute(_NEW_EVENTS, parameters):
            incidents[row.incident_id].events_count += row.events

    async def _absorb(self, incident: Incident, absorbed_id: UUID) -> Incident:
        """The incident that goes on: both in one, unless both are somebody's work already."""
        if absorbed_id == incident.id:
            return incident
        other = await lock(self._session, self._scope, absorbed_id)
        if not other.is_open or not incident.is_open:
            return incident
        if _is_worked(other):
            if _is_worked(incident):
                for one, another in ((incident, other), (other, incident)):
                    self._say(one, "state", f"Linked to #{another.number}", _CONNECTED)
                return incident
            incident, other = other, incident
        now = self._clock.now()
        await merging.absorb(self._session, self._scope, incident, other, by=_CORRELATOR, at=now)
        other.version += 1
        other.updated_at = now
        self._say(incident, "state", f"#{other.number} merged into this", _CONNECTED)
        self._say(other, "state", f"Merged into #{incident.number}", _CONNECTED)
        self._audit.record("incident.merged", by=BY, subject=incident.id, absorbed=other.id)
        self._outbox.publish("incident.merged", incident_id=str(incident.id), absorbed_id=str(other.id))
        return incident

    def _say(self, incident: Incident, kind: str, title: str, detail: str) -> None:
        self._session.add(
            TimelineEntry(
                org_id=self._scope.org_id, id=new_id(self._clock), incident_id=incident.id,
                at=self._clock.now(), kind=kind, title=title, detail=detail,
                actor_id=None, actor_name=BY.name,
            )
        )  # fmt: skip


_LINK = text(
    "INSERT INTO incident_findings (org_id, finding_id, incident_id, event_time)"
    " SELECT :org, id, incident_id, at"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:incidents AS uuid[]), CAST(:times AS timestamptz[]))"
    " AS l (id, incident_id, at)"
    " ON CONFLICT (org_id, finding_id) DO NOTHING RETURNING finding_id, incident_id"
)
# An event whose other findings were linked before is not counted again.
_NEW_EVENTS = text(
    "SELECT n.incident_id, count(DISTINCT f.event_id) AS events"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:incidents AS uuid[])) AS n (id, incident_id)"
    " JOIN findings f ON f.org_id = :org AND f.id = n.id"
    " WHERE NOT EXISTS (SELECT FROM findings g JOIN incident_findings l"
    " ON l.org_id = g.org_id AND l.finding_id = g.id"
    " WHERE g.org_id = f.org_id AND g.event_id = f.event_id AND l.incident_id = n.incident_id"
    " AND NOT g.id = ANY(CAST(:ids AS uuid[]))) GROUP BY n.incident_id"
)


def _incident_of(change: Change) -> UUID:
    assert change.group.incident is not None, "opened before it is recorded"
    return change.group.incident


def _is_worked(incident: Incident) -> bool:
    return incident.status != Status.NEW or incident.owner_id is not None
