"""
Seals the audit trail: entries into their chains, checkpoints, their way off the box; active on one node.

The loop only follows; what is done stands in `audit/sealing.py`, `audit/event_sealing.py` and
`audit/delivering.py`. Whoever holds the advisory lock is active. A process that has lost the lock without
knowing it cannot harm: a place in a chain can be taken once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from appliance.audit import keyring
from appliance.audit.delivering import Delivery, targets
from appliance.audit.event_sealing import EventSealing
from appliance.audit.sealing import BATCH, Sealing
from appliance.foundation.clock import SystemClock
from appliance.foundation.database import Database
from appliance.foundation.errors import ApplianceError, Unavailable
from appliance.foundation.heartbeat import beat
from appliance.foundation.observability import AUDIT_SEAL_LAG
from appliance.foundation.settings import Settings
from appliance.jobs.checkpoint_peers import peer_targets
from appliance.jobs.running import run
from appliance.telemetry.witnessing import SegmentWitness

log = structlog.get_logger()

# A Postgres advisory lock: whoever's session holds it is the active sealer.
LOCK = 0x5844415544
_ROUND_SECONDS = 0.5
_STANDBY_SECONDS = 2.0


async def seal(settings: Settings, stop: asyncio.Event) -> None:
    """Be the sealer when nobody else is, until told to stop; the batch in hand is finished."""
    database = Database(settings, pool_size=3)
    sealer = _Sealer(database, settings, stop)
    heart = asyncio.create_task(beat(database, settings.node, "seal", sealer.state))
    delivering = asyncio.create_task(sealer.deliver())
    try:
        await sealer.follow()
    finally:
        for task in (heart, delivering):
            task.cancel()
        await asyncio.gather(heart, delivering, return_exceptions=True)
        await database.close()


class _Sealer:
    def __init__(self, database: Database, settings: Settings, stop: asyncio.Event) -> None:
        self._database, self._stop, clock = database, stop, SystemClock()
        self._sealing = Sealing(database, keyring.loaded(settings), settings.audit, clock)
        self._events = EventSealing(database, SegmentWitness, clock)
        self._delivery = Delivery(database, [*targets(settings), *peer_targets(settings)])
        self._is_active, self._sealed, self._lag = False, 0, 0.0
        self._failing: dict[UUID, str] = {}

    def state(self) -> dict[str, object]:
        """For the status page."""
        return {
            "active": self._is_active,
            "entries": self._sealed,
            "lag_seconds": round(self._lag, 3),
            "failing_organisations": len(self._failing),
            "cause": next(iter(self._failing.values()), ""),
            "checkpoints_to": self._delivery.state(),
        }

    async def follow(self) -> None:
        while not self._stop.is_set():
            try:
                await self._try_to_lead()
            except (Unavailable, DBAPIError, OSError) as error:
                log.warning("seal_waits", cause=str(error))
            self._is_active = False
            await self._pause(_STANDBY_SECONDS)

    async def deliver(self) -> None:
        """Checkpoints off the box, beside the sealing: a receiver that hangs must not hold that up."""
        while True:
            if self._is_active:
                try:
                    await self._delivery.step()
                except (ApplianceError, DBAPIError, OSError) as error:
                    log.warning("checkpoints_wait", cause=str(error))
            await asyncio.sleep(_STANDBY_SECONDS)

    async def _try_to_lead(self) -> None:
        async with self._database.platform.connect() as connection:
            held = await connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LOCK})
            if held.scalar_one():
                await connection.commit()
                await self._sealing.start()
                self._is_active = True
                log.info("seal_active")
                try:
                    await self._lead(connection)
                finally:
                    # The lock is the session's: a pooled connection would keep it.
                    await connection.invalidate()

    async def _lead(self, connection: AsyncConnection) -> None:
        while not self._stop.is_set():
            # The lock lives as long as the session: if that is gone, so is the right to go on.
            await connection.execute(text("SELECT 1"))
            await connection.commit()
            self._lag = await self._sealing.lag_seconds()
            AUDIT_SEAL_LAG.set(self._lag)
            sealed = [await self._step(self._sealing.step, org) for org in await self._sealing.pending()]
            self._sealed += sum(sealed)
            for org_id in await self._events.pending():
                await self._step(self._events.step, org_id)
            if max(sealed, default=0) < BATCH:
                await self._pause(_ROUND_SECONDS)

    async def _step(self, step: Callable[[UUID], Awaitable[int]], org_id: UUID) -> int:
        """One batch of one organisation. What fails for one must not stop the others."""
        try:
            done = await step(org_id)
        except (ApplianceError, DBAPIError) as error:
            log.exception("sealing_failed", org_id=str(org_id), cause=str(error))
            self._failing[org_id] = str(error)
            return 0
        self._failing.pop(org_id, None)
        return done

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return


def main() -> None:
    run("seal", seal)


if __name__ == "__main__":
    main()
