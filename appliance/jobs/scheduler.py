"""
One table of (trigger, job kind), active on one node.

A tick does no work: it turns each due (job, due time), missed ones included, into one row of the queue
under a unique key. Two schedulers, or one with a wrong clock, therefore cannot run a job twice.
"""

import asyncio
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from appliance.audit.admitting import admit
from appliance.foundation import queue
from appliance.foundation.actors import Scope, appliance
from appliance.foundation.clock import SystemClock
from appliance.foundation.database import Database, organisation_ids, platform_transaction, transaction
from appliance.foundation.errors import ApplianceError, Unavailable
from appliance.foundation.heartbeat import beat
from appliance.foundation.sealing import Sealer
from appliance.foundation.settings import Settings
from appliance.identity.housekeeping import HOUSEKEEPING_JOB, Housekeeping
from appliance.identity.mail import MAIL_JOB, opened
from appliance.integrations.smtp.mailer import SMTPMailer
from appliance.jobs.running import run
from appliance.telemetry.compaction import COMPACTION_JOB, Compaction
from appliance.telemetry.retention import RETENTION_JOB, apply_retention

log = structlog.get_logger()

# A Postgres advisory lock: whoever's session holds it is the active scheduler.
LOCK = 0x58445253
TIMETABLE = (
    (CronTrigger(minute=10, timezone=UTC), RETENTION_JOB),
    (CronTrigger(minute="*/5", timezone=UTC), COMPACTION_JOB),
    (CronTrigger(minute="*/10", timezone=UTC), HOUSEKEEPING_JOB),
)
_CATCH_UP = timedelta(days=2)
_LOOK_SECONDS = 2.0


async def schedule(settings: Settings, stop: asyncio.Event) -> None:
    """Be the scheduler when nobody else is; work the queue in any case."""
    database = Database(settings, pool_size=3)
    tasks = [
        asyncio.create_task(_lead(database, settings)),
        asyncio.create_task(_work(database, settings)),
        asyncio.create_task(_admit(database, settings)),
        asyncio.create_task(beat(database, settings.node, "scheduler", dict)),
    ]
    await stop.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await database.close()


async def _lead(database: Database, settings: Settings) -> None:
    while True:
        try:
            async with database.platform.connect() as connection:
                try:
                    await _lead_with(database, settings, connection)
                finally:
                    # The lock belongs to the session, and a pooled session would live on with it.
                    await connection.invalidate()
        except (Unavailable, DBAPIError, OSError) as error:
            log.warning("scheduler_waits", cause=str(error))
        await asyncio.sleep(_LOOK_SECONDS)


async def _lead_with(database: Database, settings: Settings, connection: AsyncConnection) -> None:
    held = await connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LOCK})
    if held.scalar_one():
        await connection.commit()
        await _tick_while_held(database, settings, connection)


async def _tick_while_held(database: Database, settings: Settings, connection: AsyncConnection) -> None:
    epoch = await _new_epoch(database, settings.node)
    log.info("scheduler_active", epoch=epoch)
    wake = AsyncIOScheduler(timezone=UTC)
    for trigger, kind in TIMETABLE:
        wake.add_job(_enqueue, trigger, args=(database, kind), misfire_grace_time=None, coalesce=False)
    for _, kind in TIMETABLE:
        await _enqueue(database, kind)
    wake.start()
    try:
        while True:
            # The lock lives as long as the session: if that is gone, so is the right to tick.
            await connection.execute(text("SELECT 1"))
            await connection.commit()
            await asyncio.sleep(_LOOK_SECONDS)
    finally:
        wake.shutdown(wait=False)


async def _new_epoch(database: Database, node: str) -> int:
    async with platform_transaction(database) as session:
        made = await session.execute(
            text(
                "INSERT INTO scheduler_epoch AS e (epoch, node, taken_at) VALUES (1, :node, now())"
                " ON CONFLICT (only_one) DO UPDATE SET epoch = e.epoch + 1, node = :node, taken_at = now()"
                " RETURNING epoch"
            ),
            {"node": node},
        )
        return int(made.scalar_one())


async def _enqueue(database: Database, kind: queue.JobKind) -> None:
    """A row for each due time since yesterday that has none: what was missed is caught up once."""
    trigger = next(trigger for trigger, named in TIMETABLE if named == kind)
    clock = SystemClock()
    for org_id in await organisation_ids(database):
        async with transaction(database, Scope(org_id=org_id)) as session:
            waiting = queue.Queue(session, Scope(org_id=org_id), clock)
            due = _last_due(trigger, clock.now())
            await waiting.enqueue(kind, {}, by=appliance("scheduler"), key=f"{kind.name}:{due.isoformat()}")


def _last_due(trigger: CronTrigger, now: datetime) -> datetime:
    due = now - _CATCH_UP
    while (following := trigger.get_next_fire_time(due, due + timedelta(microseconds=1))) is not None:
        if following > now:
            return due
        due = following
    return due


async def _admit(database: Database, settings: Settings) -> None:
    """What was done on this node without the database enters the trail, on every node for itself."""
    while True:
        try:
            await admit(database, settings.state_dir, SystemClock())
        except (ApplianceError, DBAPIError, OSError) as error:
            log.warning("audit_entries_wait", cause=str(error))
        await asyncio.sleep(_LOOK_SECONDS)


async def _work(database: Database, settings: Settings) -> None:
    await queue.work(database, Workshop(database, settings).handlers, settings.node)


class Workshop:
    """What is done for each kind of job: `handlers`."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._settings, self._clock = database, settings, SystemClock()
        self._sealer = Sealer(settings.credential("field-key"))
        self.handlers: dict[queue.JobKind, queue.Handler] = {
            RETENTION_JOB: self._retain,
            COMPACTION_JOB: self._compact,
            HOUSEKEEPING_JOB: self._keep_house,
            MAIL_JOB: self._send_mail,
        }

    async def _retain(self, _: queue.Claimed) -> None:
        await apply_retention(self._database, self._settings.retention, self._settings.state_dir, self._clock)

    async def _compact(self, job: queue.Claimed) -> None:
        merged = 1
        while merged:  # each pass is a transaction of its own
            async with transaction(self._database, job.scope) as session:
                merged = await Compaction(session, job.scope, self._clock).run()

    async def _keep_house(self, job: queue.Claimed) -> None:
        await Housekeeping(self._database, self._clock, self._sealer).run(job.scope)

    async def _send_mail(self, job: queue.Claimed) -> None:
        await SMTPMailer(self._settings).send(opened(job.payload, job.scope, self._sealer))


def main() -> None:
    run("scheduler", schedule)


if __name__ == "__main__":
    main()
