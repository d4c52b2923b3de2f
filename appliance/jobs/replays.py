"""Reads quarantined pieces again, when somebody asked for it, with that person's rights."""

import asyncio
from uuid import UUID

from appliance.composition import open_services
from appliance.detection.ingestion import Ingestion
from appliance.foundation import queue
from appliance.foundation.database import Database
from appliance.foundation.errors import ApplianceError, Unavailable
from appliance.foundation.sealing import Sealer
from appliance.telemetry.service import REPLAY_JOB

_LOOK_SECONDS = 2.0


async def work_replays(database: Database, intake: Ingestion, sealer: Sealer, worker: str) -> None:
    """For ever."""
    while True:
        try:
            job = await queue.claim(database, (REPLAY_JOB,), worker)
        except Unavailable:
            job = None
        if job is None:
            await asyncio.sleep(_LOOK_SECONDS)
            continue
        try:
            await _replay(database, intake, sealer, job)
        except ApplianceError as error:
            await queue.finish(database, job, failure=str(error))
        else:
            await queue.finish(database, job)


async def _replay(database: Database, intake: Ingestion, sealer: Sealer, job: queue.Claimed) -> None:
    entry_id = UUID(job.payload["entry_id"])
    async with open_services(database, job.scope, sealer) as services:
        source_id, body = await services.telemetry.take_from_quarantine(entry_id, by=job.originator)
    # The job's id makes it one batch, however often the job is tried.
    await intake.resubmit(job.org_id, source_id, body, batch_id=f"replay:{job.id}")
