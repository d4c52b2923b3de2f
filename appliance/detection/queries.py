"""Reads of rules and findings."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.detection.schemas import RuleFilter
from appliance.foundation.actors import Scope

_RULES = text(
    """
    SELECT r.*, coalesce(s.enabled, true) AS enabled, m.last_match_at, m.matches_24h, m.matches_ever
    FROM rules r
    LEFT JOIN rule_settings s ON s.org_id = :org AND s.rule_id = r.rule_id
    LEFT JOIN LATERAL (
      SELECT max(last_match_at) AS last_match_at,
      sum(matches) FILTER (WHERE day >= :since)::bigint AS matches_24h,
        sum(matches)::bigint AS matches_ever
      FROM rule_matches m WHERE m.org_id = :org AND m.rule_id = r.rule_id) m ON true
    WHERE r.set_id = :set AND (r.owner_org_id IS NULL OR r.owner_org_id = :org)
      AND (:state = '' OR CASE :state WHEN 'inactive' THEN r.reason <> ''
        WHEN 'active' THEN r.reason = '' AND coalesce(s.enabled, true)
        ELSE r.reason = '' AND NOT coalesce(s.enabled, true) END)
      AND (CAST(:level AS smallint) IS NULL OR r.level = :level)
      AND (:id = '' OR r.rule_id = :id)
      AND (:text = '' OR strpos(lower(r.title), lower(:text)) > 0 OR strpos(lower(r.author), lower(:text)) > 0
        OR r.rule_id = lower(:text) OR r.meta->'techniques' ? upper(:text))
      AND (CAST(:title AS text) IS NULL OR (r.title, r.place) > (:title, :place))
    ORDER BY r.title, r.place LIMIT :limit
    """
)


async def rules(
    session: AsyncSession, scope: Scope, set_id: UUID, wanted: RuleFilter, since: date
) -> Sequence[Row[Any]]:
    """One more row than asked for, if there is one: so the caller knows whether a page follows."""
    title, place = wanted.after or (None, 0)
    parameters = {
        "org": scope.org_id, "set": set_id, "since": since, "state": wanted.state, "level": wanted.level,
        "id": wanted.rule_id, "text": wanted.text, "title": title, "place": place, "limit": wanted.limit + 1,
    }  # fmt: skip
    return (await session.execute(_RULES, parameters)).all()


async def findings_of(session: AsyncSession, scope: Scope, event_id: UUID) -> Sequence[Row[Any]]:
    found = await session.execute(
        text("SELECT * FROM findings WHERE org_id = :org AND event_id = :id ORDER BY level DESC, id"),
        {"org": scope.org_id, "id": event_id},
    )
    return found.all()
