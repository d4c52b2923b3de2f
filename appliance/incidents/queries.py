"""One incident: locked for a change, or read in full."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.detection.attack.table import current
from appliance.foundation.actors import Actor, Scope
from appliance.foundation.severity import Severity
from appliance.incidents.errors import IncidentNotFound
from appliance.incidents.lifecycle import Status, needs_reason, permission_for, steps_from
from appliance.incidents.models import Evidence, Incident
from appliance.incidents.schemas import (
    Closure,
    EntityRef,
    EvidenceItem,
    IncidentDetail,
    IncidentSummary,
    Named,
    NextState,
    Why,
)

MOST_ENTITIES = 100


async def lock(session: AsyncSession, scope: Scope, incident_id: UUID) -> Incident:
    """
    The incident, held until commit so that two nodes cannot both change it.

    Raises:
        IncidentNotFound: There is none in this organisation.
    """
    incident = await session.get(Incident, (scope.org_id, incident_id), with_for_update=True)
    if incident is None:
        raise IncidentNotFound(incident_id)
    return incident


async def lock_all(session: AsyncSession, scope: Scope, ids: Iterable[UUID]) -> dict[UUID, Incident]:
    """
    Incidents by id, held until commit.

    Raises:
        IncidentNotFound: There is one that this organisation has not.
    """
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    query = select(Incident).where(Incident.org_id == scope.org_id, Incident.id.in_(wanted))
    rows = await session.scalars(
        query.order_by(Incident.id).with_for_update().execution_options(populate_existing=True)
    )
    found = {incident.id: incident for incident in rows}
    for incident_id in wanted:
        if incident_id not in found:
            raise IncidentNotFound(incident_id)
    return found


async def find(session: AsyncSession, scope: Scope, incident_id: UUID) -> Incident:
    """
    The incident, to be read.

    Raises:
        IncidentNotFound: There is none in this organisation.
    """
    incident = await session.get(Incident, (scope.org_id, incident_id))
    if incident is None:
        raise IncidentNotFound(incident_id)
    return incident


async def detail(session: AsyncSession, scope: Scope, incident: Incident, by: Actor) -> IncidentDetail:
    """Everything of an incident but its lists; with the steps that `by` may take."""
    names = await user_names(session, scope, (incident.owner_id, incident.acknowledged_by))
    entities = await entities_of(session, scope, incident.id)
    return IncidentDetail(
        **msgspec.structs.asdict(summary_of(incident, names.get(incident.owner_id), entities)),
        why=msgspec.convert(incident.why, Why),
        closure=None if incident.closure is None else msgspec.convert(incident.closure, Closure),
        allowed_transitions=allowed_for(Status(incident.status), by),
        acknowledged_by=names.get(incident.acknowledged_by),
        acknowledged_at=incident.acknowledged_at,
    )


def summary_of(incident: Any, owner: Named | None, entities: list[EntityRef]) -> IncidentSummary:
    """A row of the queue; `incident` is the mapped row or a row with the same columns."""
    return IncidentSummary(
        id=incident.id,
        number=incident.number,
        title=incident.title,
        status=Status(incident.status),
        severity=Severity(incident.severity).label,
        risk=incident.risk,
        owner=owner,
        tags=list(incident.tags),
        techniques=techniques_named(incident.techniques),
        tactics=list(incident.tactics),
        entities=entities,
        findings_count=incident.findings_count,
        events_count=incident.events_count,
        first_event_at=incident.first_event_at,
        last_event_at=incident.last_event_at,
        created_at=incident.created_at,
        updated_at=incident.updated_at,
        version=incident.version,
    )


def allowed_for(status: Status, by: Actor) -> list[NextState]:
    """The steps the state machine has and the actor may take."""
    return [
        NextState(to=to, needs_reason=needs_reason(status, to))
        for to in steps_from(status)
        # Whoever may close for any reason is offered closing; which reason is checked when it is given.
        if by.may(permission_for(to, None)) or by.may(permission_for(to, "true_positive"))
    ]


def techniques_named(ids: Iterable[str]) -> list[Named]:
    """Technique ids with the names of ATT&CK v19; one that v19 does not know keeps its id as name."""
    found = [(technique_id, current(technique_id)) for technique_id in ids]
    return [
        Named(id=technique_id, name=technique_id if technique is None else technique.name)
        for technique_id, technique in found
    ]


async def user_names(
    session: AsyncSession, scope: Scope, ids: Iterable[UUID | None]
) -> dict[UUID | None, Named]:
    """The people of those ids by id."""
    wanted = list({user_id for user_id in ids if user_id is not None})
    if not wanted:
        return {}
    rows = await session.execute(
        text("SELECT id, name FROM users WHERE org_id = :org AND id = ANY(:ids)"),
        {"org": scope.org_id, "ids": wanted},
    )
    return {row.id: Named(id=str(row.id), name=row.name) for row in rows}


async def may_own(session: AsyncSession, scope: Scope, user_id: UUID) -> bool:
    row = await session.execute(
        text("SELECT status <> 'suspended' FROM users WHERE org_id = :org AND id = :id"),
        {"org": scope.org_id, "id": user_id},
    )
    return bool(row.scalar_one_or_none())


async def entities_of(session: AsyncSession, scope: Scope, incident_id: UUID) -> list[EntityRef]:
    """The entities of an incident, riskiest first, at most 100."""
    rows = await session.execute(
        text(
            "SELECT kind, value, role, weak FROM incident_entities WHERE org_id = :org AND incident_id = :id"
            " ORDER BY weak, risk DESC, kind, value LIMIT :most"
        ),
        {"org": scope.org_id, "id": incident_id, "most": MOST_ENTITIES},
    )
    return [entity_ref(row) for row in rows]


def entity_ref(row: Row[Any]) -> EntityRef:
    return EntityRef(kind=row.kind, value=row.value, role=row.role, weak=row.weak)


async def evidence(session: AsyncSession, scope: Scope, incident_id: UUID) -> list[EvidenceItem]:
    """The pinned events, latest pinned first. An analyst pins by hand, so they are few."""
    rows: Sequence[Evidence] = (
        await session.scalars(
            select(Evidence)
            .where(Evidence.org_id == scope.org_id, Evidence.incident_id == incident_id)
            .order_by(Evidence.pinned_at.desc(), Evidence.event_id)
        )
    ).all()
    return [evidence_item(row) for row in rows]


def evidence_item(row: Evidence) -> EvidenceItem:
    return EvidenceItem(
        id=row.event_id,
        event_id=row.event_id,
        reason=row.reason,
        at=row.pinned_at,
        by=Named(id=None, name=row.pinned_by),
        sha256=row.sha256,
    )
