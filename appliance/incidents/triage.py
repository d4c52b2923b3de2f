"""
The triage queue: a page of incidents by a filter, and the counts above it.

Invariants:
- A page is read by keyset, never by offset: the thousandth costs what the first does.
- The states asked for are spelled as equality branches, each walking an index in the order of the page,
  so that the queue stays fast when nearly everything is closed.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.foundation.actors import Actor, Scope
from appliance.foundation.errors import Invalid
from appliance.foundation.schema import Page
from appliance.foundation.severity import Severity
from appliance.incidents.lifecycle import Status
from appliance.incidents.paging import NumberPlace, TimePlace, bounded, cursor_of, place_of
from appliance.incidents.queries import entity_ref, summary_of, user_names
from appliance.incidents.schemas import EntityRef, IncidentSummary, QueueCounts, QueueFilter, Sort

_ORDER: dict[Sort, tuple[str, bool]] = {
    Sort.RISK: ("risk", True),
    Sort.NEWEST: ("last_event_at", True),
    Sort.UPDATED: ("updated_at", True),
    Sort.CREATED: ("created_at", True),
    Sort.OLDEST: ("created_at", False),
    Sort.SEVERITY: ("severity", True),
}
_OPEN = frozenset(Status) - {Status.CLOSED}
_SHOWN_ENTITIES = 6
_LONGEST_Q = 200


async def page(
    session: AsyncSession, scope: Scope, wanted: QueueFilter, by: Actor, *, cursor: str | None, limit: int
) -> Page[IncidentSummary]:
    """
    One page of the queue.

    Raises:
        Invalid: The cursor, the limit, the owner or the text searched for cannot be right.
    """
    column, descending = _ORDER[wanted.sort]
    parameters: dict[str, Any] = {"org": scope.org_id, "limit": bounded(limit) + 1}
    conditions = _conditions(wanted, by, parameters)
    is_number = column in {"risk", "severity"}
    place = place_of(cursor, NumberPlace) if is_number else place_of(cursor, TimePlace)
    if place is not None:
        conditions.append(f"({column}, id) {'<' if descending else '>'} (:after, :after_id)")
        parameters |= {"after": place.value, "after_id": place.id}
    direction = "DESC" if descending else "ASC"
    order = f"ORDER BY {column} {direction}, id {direction} LIMIT :limit"
    branches = [
        f"(SELECT * FROM incidents WHERE {' AND '.join(['org_id = :org', branch, *conditions])} {order})"  # noqa: S608 — see _branches
        for branch in _branches(wanted, parameters)
    ]
    query = f"SELECT * FROM ({' UNION ALL '.join(branches)}) AS queue {order}"  # noqa: S608 — see _branches
    rows = (await session.execute(text(query), parameters)).all()
    items = await _items(session, scope, rows[:limit])
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(items=items, next_cursor=None if last is None else cursor_of(getattr(last, column), last.id))


def _branches(wanted: QueueFilter, parameters: dict[str, Any]) -> list[str]:
    """Conditions that between them say which states; only names from this module enter the SQL."""
    states = frozenset(wanted.status) or frozenset(Status)
    if states == _OPEN:
        return ["is_open"]
    if states == frozenset(Status):
        return ["is_open", "NOT is_open"]
    ordered = sorted(states)
    parameters |= {f"status{place}": state for place, state in enumerate(ordered)}
    return [f"status = :status{place}" for place in range(len(ordered))]


def _conditions(wanted: QueueFilter, by: Actor, parameters: dict[str, Any]) -> list[str]:
    conditions = []
    if wanted.severity:
        parameters["severities"] = [int(Severity.named(label)) for label in wanted.severity]
        conditions.append("severity = ANY(:severities)")
    if wanted.owner == "none":
        conditions.append("owner_id IS NULL")
    elif wanted.owner:
        parameters["owner"] = _owner(wanted.owner, by)
        conditions.append("owner_id = :owner")
    if wanted.tag:
        parameters["tag"] = wanted.tag
        conditions.append(":tag = ANY(tags)")
    if wanted.q:
        conditions.append(_text_condition(wanted.q.strip(), parameters))
    return conditions


def _owner(owner: str, by: Actor) -> UUID | None:
    if owner == "me":
        return by.id
    try:
        return UUID(owner)
    except ValueError as error:
        raise Invalid(f'owner is a user id, "me" or "none", not {owner!r}') from error


def _text_condition(q: str, parameters: dict[str, Any]) -> str:
    if len(q) > _LONGEST_Q:
        raise Invalid(f"a search in titles holds at most {_LONGEST_Q} characters")
    number = q.removeprefix("#")
    if number.isascii() and number.isdigit() and int(number) < 2**62:
        parameters["number"] = int(number)
        return "number = :number"
    escaped = q.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    parameters["q"] = f"%{escaped}%"
    return "title ILIKE :q"


async def _items(session: AsyncSession, scope: Scope, rows: Any) -> list[IncidentSummary]:
    names = await user_names(session, scope, {row.owner_id for row in rows})
    entities = await _entities(session, scope, [row.id for row in rows])
    return [summary_of(row, names.get(row.owner_id), entities.get(row.id, [])) for row in rows]


async def _entities(session: AsyncSession, scope: Scope, ids: list[UUID]) -> dict[UUID, list[EntityRef]]:
    """The riskiest few of each incident of a page."""
    found: dict[UUID, list[EntityRef]] = {}
    if not ids:
        return found
    rows = await session.execute(
        text(
            "SELECT w.id, e.kind, e.value, e.role, e.weak FROM unnest(CAST(:ids AS uuid[])) AS w (id)"
            " CROSS JOIN LATERAL (SELECT kind, value, role, weak FROM incident_entities"
            " WHERE org_id = :org AND incident_id = w.id"
            " ORDER BY weak, risk DESC, kind, value LIMIT :most) AS e"
        ),
        {"org": scope.org_id, "ids": ids, "most": _SHOWN_ENTITIES},
    )
    for row in rows:
        found.setdefault(row.id, []).append(entity_ref(row))
    return found


async def counts(session: AsyncSession, scope: Scope) -> QueueCounts:
    """How many incidents in each state, and of the open ones in each severity and without owner."""
    rows = (
        await session.execute(
            text(
                "SELECT status, severity, owner_id IS NULL AS unowned, count(*) AS n FROM incidents"
                " WHERE org_id = :org GROUP BY 1, 2, 3"
            ),
            {"org": scope.org_id},
        )
    ).all()
    opened = [row for row in rows if row.status != Status.CLOSED]
    return QueueCounts(
        by_status={state: sum(row.n for row in rows if row.status == state) for state in Status},
        by_severity={
            level.label: sum(row.n for row in opened if row.severity == level) for level in Severity
        },
        open=sum(row.n for row in opened),
        unowned=sum(row.n for row in opened if row.unowned),
    )
