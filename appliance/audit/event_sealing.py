"""
The roots of segments of events, into the chain (decision 29).

A segment's arrival is noted by the database when it is stored; its root becomes part of an entry
`events.sealed`, which is chained and signed like every other. So the checkpoints vouch for events as well.
"""

from collections.abc import Sequence
from datetime import date
from typing import Protocol
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.sealing import BY, EVENTS_SEALED
from appliance.audit.service import AuditTrail
from appliance.audit.verifier.evidence import Sources, segment_root
from appliance.foundation import feed
from appliance.foundation.actors import Scope
from appliance.foundation.clock import Clock
from appliance.foundation.database import Database, platform_transaction

log = structlog.get_logger()

CONSUMER = "audit.events"
# One entry names at most so many segments; it stays below ten kilobytes.
BATCH = 64


class Witness(Protocol):
    """What knows the stored events; telemetry implements it."""

    async def sources_of(self, segment: UUID, day: date) -> Sources | None:
        """
        How many events of each source came in that segment, and the root over them.

        None if it is the product of a merger, whose parts arrived before. Empty if nothing of it is left.
        """
        ...


class WitnessOf(Protocol):
    def __call__(self, session: AsyncSession, scope: Scope) -> Witness: ...


class EventSealing:
    """Seals segments of events of every organisation."""

    def __init__(self, database: Database, witness_of: WitnessOf, clock: Clock) -> None:
        self._database, self._witness_of, self._clock = database, witness_of, clock

    async def pending(self) -> list[UUID]:
        """The organisations whose segments wait to be sealed."""
        async with platform_transaction(self._database) as session:
            return list((await session.execute(_WAITING)).scalars())

    async def step(self, org_id: UUID) -> int:
        """Seal up to a batch of one organisation's segments; how many arrivals were dealt with."""
        scope = Scope(org_id=org_id)
        async with platform_transaction(self._database) as session:
            rows = await feed.read(
                session, scope, consumer=CONSUMER, table="audit_segment_arrivals", limit=BATCH
            )
            witness = self._witness_of(session, scope)
            found = [(row.id, await witness.sources_of(row.id, row.received_day)) for row in rows]
            self._record(session, scope, found)
            await session.execute(
                text("DELETE FROM audit_segment_arrivals WHERE org_id = :org AND id = ANY(:ids)"),
                {"org": org_id, "ids": [row.id for row in rows]},
            )
        return len(rows)

    def _record(
        self, session: AsyncSession, scope: Scope, found: Sequence[tuple[UUID, Sources | None]]
    ) -> None:
        segments = [
            [one.hex, sum(events for _, events, _ in sources), segment_root(sources).hex()]
            for one, sources in found
            if sources
        ]
        lost = [one.hex for one, sources in found if sources == []]
        if lost:
            log.error("segments_gone_before_sealing", segments=len(lost))
        if segments or lost:
            AuditTrail(session, scope, self._clock).record(EVENTS_SEALED, by=BY, segments=segments, lost=lost)


_WAITING = text("SELECT DISTINCT org_id FROM audit_segment_arrivals WHERE tx < app.horizon()")
