"""Reads of sources, quarantine and batches."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.foundation.actors import Scope

_SOURCES = text(
    """
    SELECT s.id, s.name, s.format, s.listener, s.options, s.durability, s.enabled, s.hmac_key,
      d.events_24h, d.quarantined, d.duplicates, d.last_event_at, d.last_received_at,
      l.skew_us, p.lost_datagrams, p.own_log
    FROM sources s
    LEFT JOIN LATERAL (
      SELECT sum(events) FILTER (WHERE day >= :since)::bigint AS events_24h,
        sum(quarantined)::bigint AS quarantined, sum(duplicates)::bigint AS duplicates,
        max(last_event_at) AS last_event_at, max(last_received_at) AS last_received_at
      FROM source_states t WHERE t.org_id = s.org_id AND t.source_id = s.id) d ON true
    LEFT JOIN LATERAL (
      SELECT skew_us FROM source_states t WHERE t.org_id = s.org_id AND t.source_id = s.id
      ORDER BY day DESC LIMIT 1) l ON true
    LEFT JOIN LATERAL (
      SELECT sum((detail->'lost_datagrams'->>s.listener)::bigint)::bigint AS lost_datagrams,
        max(detail->>'own_log') AS own_log
      FROM process_states WHERE name = 'ingest') p ON s.listener <> ''
    WHERE s.org_id = :org AND (CAST(:id AS uuid) IS NULL OR s.id = :id)
    ORDER BY s.name, s.id
    """
)


async def sources(
    session: AsyncSession, scope: Scope, now: datetime, source_id: UUID | None = None
) -> Sequence[Row[Any]]:
    """Sources with their counts; "24 hours" is today and yesterday, which is what is counted by day."""
    since = (now - timedelta(days=1)).date()
    return (await session.execute(_SOURCES, {"org": scope.org_id, "since": since, "id": source_id})).all()


async def quarantine(
    session: AsyncSession, scope: Scope, source_id: UUID | None, before: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    query = text(
        """
        SELECT q.id, q.source_id, s.name, q.received_at, q.reason, octet_length(q.body) AS size_bytes,
          substring(q.body FROM 1 FOR 2000) AS head, q.replayed_at
        FROM quarantine q JOIN sources s ON s.org_id = q.org_id AND s.id = q.source_id
        WHERE q.org_id = :org AND (CAST(:source AS uuid) IS NULL OR q.source_id = :source)
          AND (CAST(:before AS uuid) IS NULL OR q.id < :before)
        ORDER BY q.id DESC LIMIT :limit
        """
    )
    found = await session.execute(
        query, {"org": scope.org_id, "source": source_id, "before": before, "limit": limit}
    )
    return found.all()


async def batch(session: AsyncSession, scope: Scope, batch_id: UUID) -> Row[Any] | None:
    found = await session.execute(
        text("SELECT * FROM batches WHERE org_id = :org AND id = :id"), {"org": scope.org_id, "id": batch_id}
    )
    return found.one_or_none()


async def source_names(session: AsyncSession, scope: Scope) -> dict[UUID, str]:
    found = await session.execute(
        text("SELECT id, name FROM sources WHERE org_id = :org"), {"org": scope.org_id}
    )
    return {row.id: row.name for row in found}


async def recent_fields(session: AsyncSession, scope: Scope, prefix: str) -> Sequence[Row[Any]]:
    """Field names of the last day of receipt that begin with the prefix, with how many segments have them."""
    found = await session.execute(
        text(
            """
            SELECT field, count(*) AS segments FROM segment_columns
            WHERE org_id = :org AND starts_with(lower(field), lower(:prefix)) AND NOT starts_with(field, '@')
              AND received_day = (SELECT max(received_day) FROM segments WHERE org_id = :org)
            GROUP BY field ORDER BY count(*) DESC, field LIMIT 200
            """
        ),
        {"org": scope.org_id, "prefix": prefix},
    )
    return found.all()
