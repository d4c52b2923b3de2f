"""
Findings into incidents, as they are committed: active on one node of the cluster.

The loop only follows; what is done with a batch stands in `incidents/correlating.py`. Whoever holds the
advisory lock is active. A process that has lost the lock without knowing it cannot harm: feed position
and state are locked in the transaction that moves them.
"""

import asyncio
import time
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from appliance.detection.committing import FINDINGS_CHANNEL
from appliance.foundation.actors import Scope
from appliance.foundation.clock import SystemClock
from appliance.foundation.database import Database
from appliance.foundation.errors import ApplianceError, Unavailable
from appliance.foundation.feed import Wakeups, wakeups
from appliance.foundation.heartbeat import beat
from appliance.foundation.settings import Settings
from appliance.incidents.correlating import Correlation
from appliance.jobs.running import run

log = structlog.get_logger()

# A Postgres advisory lock: whoever's session holds it is the active correlator.
LOCK = 0x58444554
_ROUND_SECONDS = 0.5
_STANDBY_SECONDS = 2.0


async def detect(settings: Settings, stop: asyncio.Event) -> None:
    """Be the correlator when nobody else is, until told to stop; the batch in hand is finished."""
    database = Database(settings, pool_size=3)
    follower = _Follower(database, stop)
    heart = asyncio.create_task(beat(database, settings.node, "detect", follower.state))
    try:
        await follower.follow()
    finally:
        heart.cancel()
        await asyncio.gather(heart, return_exceptions=True)
        await database.close()


class _Follower:
    def __init__(self, database: Database, stop: asyncio.Event) -> None:
        self._database, self._stop = database, stop
        self._correlation = Correlation(database, SystemClock())
        self._is_active, self._findings = False, 0
        self._failing: set[UUID] = set()

    def state(self) -> dict[str, object]:
        """For the status page."""
        return {
            "active": self._is_active,
            "findings": self._findings,
            "lag_seconds": round(self._correlation.lag_seconds, 3),
            "failing_organisations": len(self._failing),
        }

    async def follow(self) -> None:
        async with wakeups(self._database, FINDINGS_CHANNEL) as woken:
            while not self._stop.is_set():
                try:
                    await self._try_to_lead(woken)
                except (Unavailable, DBAPIError, OSError) as error:
                    log.warning("detect_waits", cause=str(error))
                self._is_active = False
                await self._pause(_STANDBY_SECONDS)

    async def _try_to_lead(self, woken: Wakeups) -> None:
        async with self._database.platform.connect() as connection:
            held = await connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LOCK})
            if held.scalar_one():
                await connection.commit()
                self._is_active = True
                log.info("detect_active")
                try:
                    await self._lead(connection, woken)
                finally:
                    # The lock is the session's: a pooled connection would keep it.
                    await connection.invalidate()

    async def _lead(self, connection: AsyncConnection, woken: Wakeups) -> None:
        while not self._stop.is_set():
            # The lock lives as long as the session: if that is gone, so is the right to go on.
            await connection.execute(text("SELECT 1"))
            await connection.commit()
            began = time.monotonic()
            more = [await self._step(scope) for scope in await self._correlation.pending()]
            if not any(more):
                await woken.wait()
            # Findings come with every commit. Larger bites cost less, and half a second is soon enough.
            await self._pause(max(0.0, began + _ROUND_SECONDS - time.monotonic()))

    async def _step(self, scope: Scope) -> int:
        """One batch of one organisation. What fails for one must not stop the others."""
        try:
            done = await self._correlation.step(scope)
        except Unavailable:
            raise
        except (ApplianceError, DBAPIError) as error:
            log.exception("correlation_failed", org_id=str(scope.org_id), cause=str(error))
            self._failing.add(scope.org_id)
            return 0
        self._failing.discard(scope.org_id)
        self._findings += done
        return done

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return


def main() -> None:
    run("detect", detect)


if __name__ == "__main__":
    main()
