"""What happened in an incident: findings at their event time, people's deeds at theirs; notes apart."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.foundation.actors import Scope
from appliance.foundation.schema import Page
from appliance.foundation.severity import Severity
from appliance.incidents.paging import TimePlace, bounded, cursor_of, place_of
from appliance.incidents.queries import techniques_named
from appliance.incidents.schemas import FindingItem, Named, NoteItem, TimelineItem

_KEYSET = "(CAST(:after AS timestamptz) IS NULL OR ({at}, {id}) > (:after, CAST(:after_id AS uuid)))"

_FINDINGS = f"""
SELECT f.* FROM incident_findings l JOIN findings f ON f.org_id = l.org_id AND f.id = l.finding_id
WHERE l.org_id = :org AND l.incident_id = :incident
  AND {_KEYSET.format(at="l.event_time", id="l.finding_id")}
ORDER BY l.event_time, l.finding_id LIMIT :limit
"""  # noqa: S608 — a constant
_TIMELINE = f"""
SELECT * FROM (
  (SELECT f.id, f.event_time AS at, 'finding' AS kind, f.title, f.summary AS detail, NULL::uuid AS actor_id,
     '' AS actor_name, f.event_id, f.id AS finding_id, f.level, f.techniques
   FROM ({_FINDINGS}) AS f)
  UNION ALL
  (SELECT t.id, t.at, t.kind, t.title, t.detail, t.actor_id, t.actor_name, NULL, NULL, NULL, '{{}}'
   FROM incident_timeline t WHERE t.org_id = :org AND t.incident_id = :incident
     AND {_KEYSET.format(at="t.at", id="t.id")}
   ORDER BY t.at, t.id LIMIT :limit)
) AS merged ORDER BY at, id LIMIT :limit
"""  # noqa: S608 — a constant
_NOTES = f"""
SELECT * FROM incident_timeline t WHERE t.org_id = :org AND t.incident_id = :incident AND t.kind = 'note'
  AND {_KEYSET.format(at="t.at", id="t.id")}
ORDER BY t.at, t.id LIMIT :limit
"""  # noqa: S608 — a constant


async def timeline(
    session: AsyncSession, scope: Scope, incident_id: UUID, *, cursor: str | None, limit: int
) -> Page[TimelineItem]:
    """Findings and deeds merged, earliest first."""
    rows = await _rows(session, scope, _TIMELINE, incident_id, cursor=cursor, limit=limit)
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(
        items=[_timeline_item(row) for row in rows[:limit]],
        next_cursor=None if last is None else cursor_of(last.at, last.id),
    )


async def findings(
    session: AsyncSession, scope: Scope, incident_id: UUID, *, cursor: str | None, limit: int
) -> Page[FindingItem]:
    """The findings of an incident by event time, with the clauses that matched."""
    rows = await _rows(session, scope, _FINDINGS, incident_id, cursor=cursor, limit=limit)
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(
        items=[_finding_item(row) for row in rows[:limit]],
        next_cursor=None if last is None else cursor_of(last.event_time, last.id),
    )


async def notes(
    session: AsyncSession, scope: Scope, incident_id: UUID, *, cursor: str | None, limit: int
) -> Page[NoteItem]:
    """What people wrote, earliest first."""
    rows = await _rows(session, scope, _NOTES, incident_id, cursor=cursor, limit=limit)
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(
        items=[NoteItem(id=row.id, at=row.at, by=_actor(row), text=row.detail) for row in rows[:limit]],
        next_cursor=None if last is None else cursor_of(last.at, last.id),
    )


async def _rows(
    session: AsyncSession, scope: Scope, query: str, incident_id: UUID, *, cursor: str | None, limit: int
) -> list[Row[Any]]:
    place = place_of(cursor, TimePlace)
    parameters = {
        "org": scope.org_id,
        "incident": incident_id,
        "after": None if place is None else place.value,
        "after_id": None if place is None else place.id,
        "limit": bounded(limit) + 1,
    }
    return list((await session.execute(text(query), parameters)).all())


def _timeline_item(row: Row[Any]) -> TimelineItem:
    return TimelineItem(
        id=row.id,
        at=row.at,
        kind=row.kind,
        title=row.title,
        detail=row.detail or None,
        actor=_actor(row),
        event_id=row.event_id,
        finding_id=row.finding_id,
        level=None if row.level is None else Severity(row.level).label,
        techniques=techniques_named(row.techniques),
    )


def _actor(row: Row[Any]) -> Named | None:
    if not row.actor_name:
        return None
    return Named(id=None if row.actor_id is None else str(row.actor_id), name=row.actor_name)


def _finding_item(row: Row[Any]) -> FindingItem:
    return FindingItem(
        id=row.id,
        rule_id=row.rule_id,
        rule_title=row.title,
        rule_author=row.author,
        rule_version=row.rule_version,
        set_version=row.rule_set,
        level=Severity(row.level).label,
        event_id=row.event_id,
        event_time=row.event_time,
        host=row.host,
        techniques=techniques_named(row.techniques),
        tactics=list(row.tactics),
        clauses=list(row.clauses),
        entities=list(row.entities),
    )
