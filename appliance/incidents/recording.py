"""Writes what the correlator found into the tables: incidents, links, entities, timeline, outbox."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail
from appliance.detection.attack.table import TACTICS
from appliance.foundation.actors import Scope, appliance
from appliance.foundation.clock import Clock
from appliance.foundation.ids import new_id
from appliance.foundation.outbox import Outbox
from appliance.foundation.severity import Severity
from appliance.incidents import merging
from appliance.incidents.explaining import (
    Example,
    History,
    entity_risk,
    explain,
    group_risk,
    riskiest,
    title_of,
    weightiest_rules,
)
from appliance.incidents.grouping import Change
from appliance.incidents.lifecycle import Status
from appliance.incidents.memory import Group
from appliance.incidents.models import Incident, TimelineEntry
from appliance.incidents.queries import lock
from appliance.incidents.schemas import Named

BY = appliance("correlator")
_CORRELATOR = Named(id=None, name=BY.name)
_CONNECTED = "Later findings connect the two."
_MOST_STORED_ENTITIES = 100
_ASKED_ENTITIES = 4


class Recorder:
    """Bound to one transaction. `number` is that of the organisation's last incident."""

    def __init__(
        self, session: AsyncSession, scope: Scope, clock: Clock, audit: AuditTrail, number: int
    ) -> None:
        self._session, self._scope, self._clock, self._audit = session, scope, clock, audit
        self._outbox = Outbox(session, scope, clock)
        self.number = number

    async def record(self, change: Change) -> None:
        """Bring one incident to what its group now is."""
        group = change.group
        is_new = group.incident is None
        incident = self._open(group) if is_new else await self._locked(group)
        await self._session.flush()
        await self._link(incident, change)
        for absorbed in change.absorbed:
            incident = await self._absorb(incident, absorbed)
        group.incident = incident.id
        await self._describe(incident, group)
        if is_new:
            self._say(incident, "state", "Opened by the correlator", incident.title)
            self._audit.record("incident.opened", by=BY, subject=incident.id, number=incident.number)
            self._outbox.publish(
                "incident.opened",
                incident_id=str(incident.id),
                severity=incident.severity,
                risk=incident.risk,
            )
        await self._session.flush()

    def _open(self, group: Group) -> Incident:
        self.number += 1
        now = self._clock.now()
        incident = Incident(
            org_id=self._scope.org_id, id=new_id(self._clock), number=self.number, title="",
            status=Status.NEW, is_open=True, severity=group.severity, severity_is_manual=False, risk=0,
            tags=[], techniques=[], tactics=[], findings_count=0, events_count=0,
            first_event_at=_instant(group.shown_first), last_event_at=_instant(group.shown_last),
            created_at=now, updated_at=now, why={"summary": ""}, version=1,
        )  # fmt: skip
        self._session.add(incident)
        group.incident = incident.id
        return incident

    async def _locked(self, group: Group) -> Incident:
        assert group.incident is not None
        return await lock(self._session, self._scope, group.incident)

    async def _link(self, incident: Incident, change: Change) -> None:
        """Links are unique by finding: a finding is in one incident, however often it is read."""
        linked = {finding_id: _instant(time) for finding_id, time in change.linked.items()}
        parameters = {
            "org": self._scope.org_id,
            "incident": incident.id,
            "ids": list(linked),
            "times": list(linked.values()),
        }
        fresh = list((await self._session.execute(_LINK, parameters)).scalars())
        if fresh:
            events = await self._session.execute(_NEW_EVENTS, parameters | {"ids": fresh})
            incident.findings_count += len(fresh)
            incident.events_count += events.scalar_one()

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

    async def _describe(self, incident: Incident, group: Group) -> None:
        examples = await self._examples(group)
        why = explain(group, examples, await self._history(incident, group))
        incident.why = msgspec.to_builtins(why)
        incident.title = title_of(group)
        incident.risk = group_risk(group)
        if not incident.severity_is_manual and group.severity > incident.severity:
            self._say(incident, "severity", f"Severity {Severity(group.severity).label}", "by a new finding")
            incident.severity = group.severity
        incident.techniques = sorted({*incident.techniques, *group.techniques})
        incident.tactics = [each for each in TACTICS if each in group.tactics or each in incident.tactics]
        incident.first_event_at = min(incident.first_event_at, _instant(group.shown_first))
        incident.last_event_at = max(incident.last_event_at, _instant(group.shown_last))
        incident.updated_at = self._clock.now()
        await self._write_entities(incident, group)

    async def _write_entities(self, incident: Incident, group: Group) -> None:
        entities = riskiest(group)[:_MOST_STORED_ENTITIES]
        risks = [entity_risk(group, entity) for entity in entities]
        await self._session.execute(
            _ENTITIES,
            {
                "org": self._scope.org_id,
                "incident": incident.id,
                "kinds": [each.kind for each in entities],
                "values": [each.value for each in entities],
                "roles": [each.role for each in entities],
                "weak": [each.weak for each in entities],
                "risks": [each.risk for each in risks],
                "reasons": [msgspec.json.encode(each.reasons).decode() for each in risks],
            },
        )

    async def _examples(self, group: Group) -> list[Example]:
        """The first finding of each of the weightiest rules, weightiest first."""
        wanted = [group.rules[rule_id].example for rule_id in weightiest_rules(group)]
        rows = await self._session.execute(
            text(
                "SELECT id, rule_id, title, author, techniques, clauses FROM findings"
                " WHERE org_id = :org AND id = ANY(:ids)"
            ),
            {"org": self._scope.org_id, "ids": wanted},
        )
        found = {
            row.id: Example(row.id, row.rule_id, row.title, row.author, tuple(row.techniques), row.clauses)
            for row in rows
        }
        return [found[finding_id] for finding_id in wanted if finding_id in found]

    async def _history(self, incident: Incident, group: Group) -> History:
        matches = await self._session.execute(
            text(
                "SELECT rule_id, sum(matches) AS n FROM rule_matches"
                " WHERE org_id = :org AND rule_id = ANY(:rules) GROUP BY rule_id"
            ),
            {"org": self._scope.org_id, "rules": weightiest_rules(group)},
        )
        asked = [
            entity
            for entity in riskiest(group)
            if not entity.weak and entity.kind in {"host", "user", "address"}
        ][:_ASKED_ENTITIES]
        others = await self._session.execute(
            _OTHERS,
            {
                "org": self._scope.org_id,
                "incident": incident.id,
                "kinds": [each.kind for each in asked],
                "values": [each.value for each in asked],
            },
        )
        return History(
            matches={row.rule_id: int(row.n) for row in matches},
            others={(row.kind, row.value): row.n for row in others},
        )

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
    " SELECT :org, id, :incident, at"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:times AS timestamptz[])) AS l (id, at)"
    " ON CONFLICT (org_id, finding_id) DO NOTHING RETURNING finding_id"
)
# An event whose other findings were linked before is not counted again.
_NEW_EVENTS = text(
    "SELECT count(DISTINCT f.event_id) FROM findings f WHERE f.org_id = :org AND f.id = ANY(:ids)"
    " AND NOT EXISTS (SELECT FROM findings g JOIN incident_findings l"
    " ON l.org_id = g.org_id AND l.finding_id = g.id"
    " WHERE g.org_id = f.org_id AND g.event_id = f.event_id AND l.incident_id = :incident"
    " AND NOT g.id = ANY(:ids))"
)
_ENTITIES = text(
    "INSERT INTO incident_entities AS e (org_id, incident_id, kind, value, role, weak, risk, reasons)"
    " SELECT :org, :incident, kind, value, role, weak, risk, CAST(reasons AS jsonb)"
    " FROM unnest(CAST(:kinds AS text[]), CAST(:values AS text[]), CAST(:roles AS text[]),"
    " CAST(:weak AS boolean[]), CAST(:risks AS int[]), CAST(:reasons AS text[]))"
    " AS n (kind, value, role, weak, risk, reasons) ORDER BY kind, value"
    " ON CONFLICT (org_id, incident_id, kind, value) DO UPDATE SET role = excluded.role,"
    " weak = excluded.weak, risk = excluded.risk, reasons = excluded.reasons"
    " WHERE (e.risk, e.reasons) IS DISTINCT FROM (excluded.risk, excluded.reasons)"
)
_OTHERS = text(
    "SELECT a.kind, a.value, (SELECT count(*) FROM incident_entities e WHERE e.org_id = :org"
    " AND e.kind = a.kind AND e.value = a.value AND e.incident_id <> :incident) AS n"
    " FROM unnest(CAST(:kinds AS text[]), CAST(:values AS text[])) AS a (kind, value)"
)


def _is_worked(incident: Incident) -> bool:
    return incident.status != Status.NEW or incident.owner_id is not None


def _instant(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds // 1_000_000, UTC).replace(
        microsecond=microseconds % 1_000_000
    )
