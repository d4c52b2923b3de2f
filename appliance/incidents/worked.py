"""
What people have decided since: the correlator must not undo it.

- Merged by hand: the group goes on in the incident it was merged into.
- Closed as no attack: more of the same joins the closed incident quietly; a rule that was not in it
  opens another.
- Closed as an attack: whatever comes now is news, in an incident of its own.
"""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.foundation.actors import Scope
from appliance.incidents.grouping import Correlator
from appliance.incidents.lifecycle import CloseReason

_MOST_MERGES = 32


async def heed_people(session: AsyncSession, scope: Scope, correlator: Correlator) -> None:
    """Bring the groups in line with what became of their incidents."""
    groups = [group for group in correlator.state.groups.values() if group.incident is not None]
    closed = await _closed(session, scope, [group.incident for group in groups if group.incident])
    for group in groups:
        incident = group.incident
        for _ in range(_MOST_MERGES):
            reason, merged_into = closed.get(incident, (None, None)) if incident else (None, None)
            if merged_into is None:
                break
            incident = merged_into
            closed |= await _closed(session, scope, [incident])
        group.incident = incident
        group.dismissed = reason is not None and reason != CloseReason.TRUE_POSITIVE
        if reason == CloseReason.TRUE_POSITIVE:
            correlator.retire(group.id)


async def _closed(
    session: AsyncSession, scope: Scope, ids: list[UUID]
) -> dict[UUID | None, tuple[str | None, UUID | None]]:
    """Close reason, and where it was merged into, of those that are closed."""
    if not ids:
        return {}
    rows = await session.execute(
        text(
            "SELECT id, closure->>'reason' AS reason, CAST(closure->>'merged_into' AS uuid) AS merged_into"
            " FROM incidents WHERE org_id = :org AND id = ANY(:ids) AND NOT is_open"
        ),
        {"org": scope.org_id, "ids": ids},
    )
    return {row.id: (row.reason, row.merged_into) for row in rows}
