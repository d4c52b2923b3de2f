"""
What goes when: by age, and by the share of the disk, the oldest day first (decision 9).

Pinned events are copies of their own and stay. A day that a hold names stays too, and the next one is
looked at; the console shows how far history reaches and which of the two bounds decided.
"""

import shutil
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Scope, appliance
from appliance.foundation.clock import Clock
from appliance.foundation.database import Database, platform_transaction
from appliance.foundation.queue import JobKind
from appliance.foundation.settings import Retention
from appliance.telemetry.store import HoldCheck

log = structlog.get_logger()

RETENTION_JOB = JobKind("events.retention", permission=None)
BY = appliance("retention", frozenset())


class StoredDay(msgspec.Struct, frozen=True):
    day: date
    size_bytes: int


def days_to_drop(
    days: Sequence[StoredDay], today: date, retention: Retention, used_bytes: int, total_bytes: int
) -> list[tuple[date, str]]:
    """
    Which days go, oldest first, and why: "age" or "space".

    Args:
        days: What is stored, oldest first. Today and yesterday never go.
        used_bytes: In use on the volume that holds the events, of `total_bytes`.
    """
    oldest_kept = today - timedelta(days=retention.events_days)
    allowed = total_bytes * retention.disk_share_percent // 100
    dropped: list[tuple[date, str]] = []
    for stored in days:
        if stored.day >= today - timedelta(days=1):
            break
        if stored.day < oldest_kept:
            dropped.append((stored.day, "age"))
        elif used_bytes > allowed:
            dropped.append((stored.day, "space"))
        else:
            break
        used_bytes -= stored.size_bytes
    return dropped


async def apply_retention(
    database: Database, retention: Retention, volume: Path, clock: Clock, holds: HoldCheck | None = None
) -> list[tuple[date, str]]:
    """Drop what has to go, one day per transaction, and say which."""
    disk = shutil.disk_usage(volume)
    async with platform_transaction(database) as session:
        rows: Sequence[Any] = (await session.execute(text("SELECT day, size_bytes FROM app.days()"))).all()
    days = [StoredDay(row.day, row.size_bytes) for row in rows]
    done = []
    for day, why in days_to_drop(days, clock.now().date(), retention, disk.used, disk.total):
        async with platform_transaction(database) as session:
            if holds is not None and await holds.holds(day):
                continue
            await _tell(session, day, why, clock)
            await session.execute(text("SELECT app.drop_day(:day)"), {"day": day})
        log.info("day_dropped", day=str(day), why=why)
        done.append((day, why))
    return done


async def _tell(session: AsyncSession, day: date, why: str, clock: Clock) -> None:
    """A record for each organisation that had events that day: an absence that is no gap in the evidence."""
    rows = await session.execute(
        text(
            "SELECT org_id, count(*) AS segments, sum(events) AS events FROM segments"
            " WHERE received_day = :day GROUP BY org_id"
        ),
        {"day": day},
    )
    for row in rows.all():
        AuditTrail(session, Scope(org_id=row.org_id), clock).record(
            "events.day_dropped", by=BY, day=day.isoformat(), why=why, segments=row.segments,
            events=int(row.events),
        )  # fmt: skip
    await session.flush()
