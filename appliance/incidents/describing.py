"""
What incidents say of themselves, brought up to date: why, title, risk, entities.

Invariants:
- One statement of a kind for all incidents of a batch.
- Only entities that the batch named are written again: nothing else changes what they weigh.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.detection.attack.table import TACTICS
from appliance.foundation.actors import Scope
from appliance.foundation.clock import Clock
from appliance.foundation.severity import Severity
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
from appliance.incidents.memory import EntityCount, Group
from appliance.incidents.models import Incident

_MOST_STORED_ENTITIES = 100
_ASKED_ENTITIES = 4
_ASKED_KINDS = frozenset({"host", "user", "address"})

Say = Callable[[Incident, str, str, str], None]


class _Described(msgspec.Struct):
    """An incident with what its group knows, and the group's entities, riskiest first."""

    incident: Incident
    change: Change
    entities: list[EntityCount]

    @property
    def group(self) -> Group:
        return self.change.group

    @property
    def asked(self) -> list[EntityCount]:
        """Those of which it is said in how many other incidents they are."""
        telling = [each for each in self.entities if not each.weak and each.kind in _ASKED_KINDS]
        return telling[:_ASKED_ENTITIES]


class Describer:
    """Bound to one transaction. `say` adds to an incident's timeline."""

    def __init__(self, session: AsyncSession, scope: Scope, clock: Clock, say: Say) -> None:
        self._session, self._scope, self._clock, self._say = session, scope, clock, say

    async def describe(self, changed: Sequence[tuple[Incident, Change]]) -> None:
        """Write what each incident's group now says of it."""
        described = [_Described(incident, change, riskiest(change.group)) for incident, change in changed]
        await self._write_entities(described)
        examples = await self._examples(described)
        matches = await self._matches(described)
        others = await self._others(described)
        for each in described:
            history = History(matches=matches, others=others.get(each.incident.id, {}))
            self._describe(each, examples, history)

    def _describe(self, each: _Described, examples: dict[UUID, Example], history: History) -> None:
        incident, group = each.incident, each.group
        wanted = [group.rules[rule_id].example for rule_id in weightiest_rules(group)]
        found = [examples[finding_id] for finding_id in wanted if finding_id in examples]
        incident.why = msgspec.to_builtins(explain(group, found, history, each.entities))
        incident.title = title_of(group, each.entities)
        incident.risk = group_risk(group)
        if not incident.severity_is_manual and group.severity > incident.severity:
            self._say(incident, "severity", f"Severity {Severity(group.severity).label}", "by a new finding")
            incident.severity = group.severity
        incident.techniques = sorted({*incident.techniques, *group.techniques})
        incident.tactics = [each for each in TACTICS if each in group.tactics or each in incident.tactics]
        incident.first_event_at = min(incident.first_event_at, instant(group.shown_first))
        incident.last_event_at = max(incident.last_event_at, instant(group.shown_last))
        incident.updated_at = self._clock.now()

    async def _write_entities(self, described: Sequence[_Described]) -> None:
        # Two groups can go on in one incident, which people merged: the later one's word stands.
        rows = {
            (each.incident.id, entity.kind, entity.value): (entity, entity_risk(each.group, entity))
            for each in described
            for entity in each.entities[:_MOST_STORED_ENTITIES]
            if each.change.absorbed or (entity.kind, entity.value) in each.change.named
        }
        await self._session.execute(
            _ENTITIES,
            {
                "org": self._scope.org_id,
                "incidents": [incident_id for incident_id, _, _ in rows],
                "kinds": [kind for _, kind, _ in rows],
                "values": [value for _, _, value in rows],
                "roles": [entity.role for entity, _ in rows.values()],
                "weak": [entity.weak for entity, _ in rows.values()],
                "risks": [risk.risk for _, risk in rows.values()],
                "reasons": [msgspec.json.encode(risk.reasons).decode() for _, risk in rows.values()],
            },
        )

    async def _examples(self, described: Sequence[_Described]) -> dict[UUID, Example]:
        """The first findings of the weightiest rules of each."""
        wanted = {
            group.rules[rule_id].example
            for group in (each.group for each in described)
            for rule_id in weightiest_rules(group)
        }
        rows = await self._session.execute(
            text(
                "SELECT id, rule_id, title, author, techniques, clauses FROM findings"
                " WHERE org_id = :org AND id = ANY(:ids)"
            ),
            {"org": self._scope.org_id, "ids": list(wanted)},
        )
        return {
            row.id: Example(row.id, row.rule_id, row.title, row.author, tuple(row.techniques), row.clauses)
            for row in rows
        }

    async def _matches(self, described: Sequence[_Described]) -> dict[str, int]:
        """How often their weightiest rules have matched, ever."""
        wanted = {rule_id for each in described for rule_id in weightiest_rules(each.group)}
        rows = await self._session.execute(
            text(
                "SELECT rule_id, sum(matches) AS n FROM rule_matches"
                " WHERE org_id = :org AND rule_id = ANY(:rules) GROUP BY rule_id"
            ),
            {"org": self._scope.org_id, "rules": sorted(wanted)},
        )
        return {row.rule_id: int(row.n) for row in rows}

    async def _others(self, described: Sequence[_Described]) -> dict[UUID, dict[tuple[str, str], int]]:
        """In how many other incidents the riskiest entities of each incident are."""
        asked = {
            (each.incident.id, entity.kind, entity.value): None for each in described for entity in each.asked
        }
        rows = await self._session.execute(
            _OTHERS,
            {
                "org": self._scope.org_id,
                "incidents": [incident_id for incident_id, _, _ in asked],
                "kinds": [kind for _, kind, _ in asked],
                "values": [value for _, _, value in asked],
            },
        )
        found: dict[UUID, dict[tuple[str, str], int]] = {}
        for row in rows:
            found.setdefault(row.incident_id, {})[row.kind, row.value] = row.n
        return found


_ENTITIES = text(
    "INSERT INTO incident_entities AS e (org_id, incident_id, kind, value, role, weak, risk, reasons)"
    " SELECT :org, incident_id, kind, value, role, weak, risk, CAST(reasons AS jsonb)"
    " FROM unnest(CAST(:incidents AS uuid[]), CAST(:kinds AS text[]), CAST(:values AS text[]),"
    " CAST(:roles AS text[]), CAST(:weak AS boolean[]), CAST(:risks AS int[]), CAST(:reasons AS text[]))"
    " AS n (incident_id, kind, value, role, weak, risk, reasons) ORDER BY incident_id, kind, value"
    " ON CONFLICT (org_id, incident_id, kind, value) DO UPDATE SET role = excluded.role,"
    " weak = excluded.weak, risk = excluded.risk, reasons = excluded.reasons"
    " WHERE (e.risk, e.reasons) IS DISTINCT FROM (excluded.risk, excluded.reasons)"
)
_OTHERS = text(
    "SELECT a.incident_id, a.kind, a.value, (SELECT count(*) FROM incident_entities e WHERE e.org_id = :org"
    " AND e.kind = a.kind AND e.value = a.value AND e.incident_id <> a.incident_id) AS n"
    " FROM unnest(CAST(:incidents AS uuid[]), CAST(:kinds AS text[]), CAST(:values AS text[]))"
    " AS a (incident_id, kind, value)"
)


def instant(microseconds: int) -> datetime:
    """An aware time out of microseconds since the epoch, exactly."""
    return datetime.fromtimestamp(microseconds // 1_000_000, UTC).replace(
        microsecond=microseconds % 1_000_000
    )
