"""A process says that it lives, and what it is doing, every few seconds."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import structlog
from sqlalchemy import text

from appliance.foundation.database import Database, platform_transaction
from appliance.foundation.errors import Unavailable

log = structlog.get_logger()

BEAT_SECONDS = 5.0
LOST_SECONDS = 20.0

_BEAT = text(
    "INSERT INTO process_states (node, name, beat_at, detail)"
    " VALUES (:node, :name, now(), CAST(:detail AS jsonb))"
    " ON CONFLICT (node, name) DO UPDATE SET beat_at = excluded.beat_at, detail = excluded.detail"
)


async def beat(database: Database, node: str, name: str, detail: Callable[[], dict[str, Any]]) -> None:
    """For ever; an outage of the database is waited out."""
    while True:
        try:
            async with platform_transaction(database) as session:
                said = msgspec.json.encode(detail()).decode()
                await session.execute(_BEAT, {"node": node, "name": name, "detail": said})
        except Unavailable as error:
            log.warning("heartbeat_not_written", process=name, cause=str(error))
        await asyncio.sleep(BEAT_SECONDS)
