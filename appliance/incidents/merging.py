"""
Merging two incidents and undoing it: only links move, nothing is copied or lost.

A link remembers the incident it came from (`origin_id`) the first time it moves; the absorbed incident
stays, closed as a duplicate, and its closure names where it went.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.detection.attack.table import TACTICS
from appliance.foundation.actors import Scope
from appliance.incidents.errors import UnfitForMerge
from appliance.incidents.lifecycle import CloseReason, Status
from appliance.incidents.models import Incident
from appliance.incidents.schemas import Named


def ensure_some(others: Mapping[UUID, Incident], incident_id: UUID) -> None:
    """
    Stop a merge of an incident with nothing but itself.

    Raises:
        UnfitForMerge: There is nothing to merge.
    """
    if not others:
        raise UnfitForMerge(f"name incidents other than {incident_id} to merge into it")


def merged_into(incident: Incident) -> UUID:
    """
    The incident it became part of.

    Raises:
        UnfitForMerge: It is not part of another.
    """
    found = (incident.closure or {}).get("merged_into")
    if found is None:
        raise UnfitForMerge(f"incident #{incident.number} is not merged into another")
    return UUID(found)


async def absorb(
    session: AsyncSession, scope: Scope, into: Incident, other: Incident, *, by: Named, at: datetime
) -> None:
    """Move the links of `other` to `into` and close it as a duplicate. Both are locked by the caller."""
    await session.flush()
    await session.execute(
        text(
            "UPDATE incident_findings SET incident_id = :into, origin_id = coalesce(origin_id, incident_id)"
            " WHERE org_id = :org AND incident_id = :other"
        ),
        {"org": scope.org_id, "into": into.id, "other": other.id},
    )
    await session.execute(
        text(
            "INSERT INTO incident_entities AS e (org_id, incident_id, kind, value, role, weak, risk, reasons)"
            " SELECT org_id, :into, kind, value, role, weak, risk, reasons FROM incident_entities"
            " WHERE org_id = :org AND incident_id = :other"
            " ON CONFLICT (org_id, incident_id, kind, value) DO UPDATE SET"
            " risk = greatest(e.risk, excluded.risk),"
            " reasons = CASE WHEN excluded.risk > e.risk THEN excluded.reasons ELSE e.reasons END"
        ),
        {"org": scope.org_id, "into": into.id, "other": other.id},
    )
    other.status, other.is_open = Status.CLOSED, False
    other.closure = {
        "reason": CloseReason.DUPLICATE.value,
        "note": f"merged into #{into.number}",
        "by": {"id": by.id, "name": by.name},
        "at": at.isoformat(),
        "merged_into": str(into.id),
    }
    into.risk = max(into.risk, other.risk)
    if not into.severity_is_manual:
        into.severity = max(into.severity, other.severity)
    await recount(session, scope, into)


async def release(session: AsyncSession, scope: Scope, into: Incident, other: Incident) -> None:
    """Give `other` its findings back and reopen it. Its own entities never left it."""
    await session.flush()
    await session.execute(text(_RETURN), {"org": scope.org_id, "into": into.id, "other": other.id})
    other.status, other.is_open, other.closure = Status.IN_PROGRESS, True, None
    await recount(session, scope, into)
    await recount(session, scope, other)


# Inside: the incident, what was merged into it, and so on down.
_RETURN = """
WITH RECURSIVE inside (id) AS (
  SELECT CAST(:other AS uuid) UNION SELECT i.id FROM incidents i JOIN inside ON i.org_id = :org
    AND NOT i.is_open AND i.closure->>'merged_into' = inside.id::text)
UPDATE incident_findings SET incident_id = :other, origin_id = nullif(origin_id, :other)
WHERE org_id = :org AND incident_id = :into AND origin_id IN (SELECT id FROM inside)
"""


async def recount(session: AsyncSession, scope: Scope, incident: Incident) -> None:
    """Counts, times, techniques and tactics anew from the links."""
    row = (
        await session.execute(
            text(
                "SELECT count(*) AS findings, count(DISTINCT f.event_id) AS events,"
                " min(f.event_time) AS first, max(f.event_time) AS last,"
                " ARRAY(SELECT DISTINCT unnest(g.techniques) FROM incident_findings m JOIN findings g"
                " ON g.org_id = m.org_id AND g.id = m.finding_id"
                " WHERE m.org_id = :org AND m.incident_id = :id ORDER BY 1) AS techniques,"
                " ARRAY(SELECT DISTINCT unnest(g.tactics) FROM incident_findings m JOIN findings g"
                " ON g.org_id = m.org_id AND g.id = m.finding_id"
                " WHERE m.org_id = :org AND m.incident_id = :id) AS tactics"
                " FROM incident_findings l JOIN findings f ON f.org_id = l.org_id AND f.id = l.finding_id"
                " WHERE l.org_id = :org AND l.incident_id = :id"
            ),
            {"org": scope.org_id, "id": incident.id},
        )
    ).one()
    incident.findings_count, incident.events_count = row.findings, row.events
    if row.findings:
        incident.first_event_at, incident.last_event_at = row.first, row.last
        incident.techniques = list(row.techniques)
        incident.tactics = [tactic for tactic in TACTICS if tactic in row.tactics]
