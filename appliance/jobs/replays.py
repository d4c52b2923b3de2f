"""Reads quarantined pieces again, when somebody asked for it, with that person's rights."""

from uuid import UUID

from appliance.composition import open_services
from appliance.detection.ingestion import Ingestion
from appliance.foundation import queue
from appliance.foundation.database import Database
from appliance.foundation.sealing import Sealer
from appliance.telemetry.service import REPLAY_JOB


async def work_replays(database: Database, intake: Ingestion, sealer: Sealer, worker: str) -> None:
    """For ever."""
    await queue.work(database, handlers(database, intake, sealer), worker)


def handlers(database: Database, intake: Ingestion, sealer: Sealer) -> dict[queue.JobKind, queue.Handler]:
    """What is done for each kind of job of the ingest process."""

    async def replay(job: queue.Claimed) -> None:
        await _replay(database, intake, sealer, job)

    return {REPLAY_JOB: replay}


async def _replay(database: Database, intake: Ingestion, sealer: Sealer, job: queue.Claimed) -> None:
    entry_id = UUID(job.payload["entry_id"])
    async with open_services(database, job.scope, sealer) as services:
        source_id, body = await services.telemetry.take_from_quarantine(entry_id, by=job.originator)
    # The job's id makes it one batch, however often the job is tried.
    await intake.resubmit(job.org_id, source_id, body, batch_id=f"replay:{job.id}")
