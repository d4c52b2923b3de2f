"""
The directory process: every quarter of an hour it asks each directory who is still there.

Also tells, once a day, which metadata and certificates will soon be a problem. It works on one node: where
the advisory lock is held.

    python -m appliance.jobs.directory SETTINGS
"""

import asyncio
import contextlib
import time

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from appliance.foundation.clock import SystemClock
from appliance.foundation.database import Database
from appliance.foundation.errors import Unavailable
from appliance.foundation.heartbeat import beat
from appliance.foundation.sealing import Sealer
from appliance.foundation.settings import Settings
from appliance.identity.expiring import ExpiringProviders
from appliance.identity.rechecking import DirectoryRecheck
from appliance.integrations.ldap.client import DirectoryWorker
from appliance.integrations.protocols import ProviderProtocols
from appliance.jobs.running import run

log = structlog.get_logger()

LOCK = 0x58445244
EVERY_SECONDS = 900.0
_LOOK_SECONDS = 5.0


async def keep_directories(settings: Settings, stop: asyncio.Event) -> None:
    """Check directories until told to stop; an outage of the database is waited out."""
    database, worker = Database(settings, pool_size=2), DirectoryWorker()
    sealer, clock = Sealer(settings.credential("field-key")), SystemClock()
    recheck = DirectoryRecheck(database, clock, sealer=sealer, directory=worker)
    expiring = ExpiringProviders(database, clock, ProviderProtocols(settings.web.public_url))
    beating = asyncio.create_task(beat(database, settings.node, "directory", dict))
    due = 0.0
    while not stop.is_set():
        if time.monotonic() >= due:
            try:
                if await _once(database, recheck, expiring):
                    due = time.monotonic() + EVERY_SECONDS
            except (Unavailable, DBAPIError, OSError) as error:
                log.warning("directory_waits", cause=str(error))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _LOOK_SECONDS)
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)
    await worker.close()
    await database.close()


async def _once(database: Database, recheck: DirectoryRecheck, expiring: ExpiringProviders) -> bool:
    """One pass, if no other node is at it; the lock ends with its connection."""
    async with database.platform.connect() as connection:
        held = await connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LOCK})
        try:
            if not held.scalar_one():
                return False
            await connection.commit()
            await recheck.run()
            await expiring.tell()
        finally:
            await connection.invalidate()
    return True


def main() -> None:
    run("directory", keep_directories)


if __name__ == "__main__":
    main()
