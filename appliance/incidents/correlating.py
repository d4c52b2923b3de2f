"""
Findings become incidents: one batch, one transaction.

The batch is read by the feed, whose position moves in the same transaction as the correlator's state,
the incidents, their links and what is published. A crash at any point therefore loses and doubles
nothing: either all of it is there, or none and the batch is read again.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail
from appliance.foundation import feed
from appliance.foundation import observability as metrics
from appliance.foundation.actors import Scope
from appliance.foundation.clock import Clock
from appliance.foundation.database import Database, driver, platform_transaction, transaction
from appliance.incidents.grouping import Correlator
from appliance.incidents.memory import Mention, Sighting, State, pack, unpack
from appliance.incidents.recording import Recorder
from appliance.incidents.worked import heed_people

log = structlog.get_logger()

CONSUMER = "correlator"
BATCH = 1_000


class Remembered(msgspec.Struct):
    """A correlator kept in memory, good as long as the stored state is still the one it saved."""

    correlator: Correlator
    saved_at: datetime | None


class Correlation:
    """
    Follows the findings of every organisation. One process in the cluster does (jobs/detect.py).

    Attributes:
        lag_seconds: Age of the oldest finding that waited when last asked.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._remembered: dict[UUID, Remembered] = {}
        self.lag_seconds = 0.0

    async def pending(self) -> list[Scope]:
        """The organisations that have findings to correlate; one question for all of them."""
        async with platform_transaction(self._database) as session:
            rows = (await session.execute(_PENDING, {"consumer": CONSUMER, "start": UUID(int=0)})).all()
        lags = [(self._clock.now() - row.since).total_seconds() for row in rows]
        self.lag_seconds = max(lags, default=0.0)
        metrics.DETECTION_LAG.set(self.lag_seconds)
        return [Scope(org_id=row.id) for row in rows]

    async def step(self, scope: Scope) -> int:
        """
        Correlate the next batch of an organisation's findings; how many there were.

        Raises:
            Unavailable: The database does not answer; nothing was changed.
        """
        try:
            async with transaction(self._database, scope) as session:
                return await self._batch(session, scope)
        except BaseException:
            # What was worked out in memory has not been committed.
            self._remembered.pop(scope.org_id, None)
            raise

    async def _batch(self, session: AsyncSession, scope: Scope) -> int:
        rows = await feed.read(session, scope, consumer=CONSUMER, table="findings", limit=BATCH)
        if not rows:
            return 0
        correlator, number = await self._load(session, scope)
        await heed_people(session, scope, correlator)
        changes = correlator.add(sighting_of(row) for row in rows)
        recorder = Recorder(session, scope, self._clock, AuditTrail(session, scope, self._clock), number)
        await recorder.record(changes)
        await self._save(session, scope, correlator, recorder.number)
        metrics.INCIDENTS.inc(recorder.number - number)
        log.info(
            "findings_correlated", findings=len(rows), groups=len(changes), opened=recorder.number - number
        )
        return len(rows)

    async def _load(self, session: AsyncSession, scope: Scope) -> tuple[Correlator, int]:
        """The correlator as last saved and the number of the last incident, held until commit."""
        row = (
            await session.execute(
                text("SELECT saved_at, incidents FROM correlator_states WHERE org_id = :org FOR UPDATE"),
                {"org": scope.org_id},
            )
        ).one_or_none()
        kept = self._remembered.get(scope.org_id)
        if kept is not None and kept.saved_at == (None if row is None else row.saved_at):
            return kept.correlator, 0 if row is None else row.incidents
        state = State() if row is None else await self._stored_state(session, scope)
        correlator = Correlator(state)
        self._remembered[scope.org_id] = Remembered(correlator, None)
        return correlator, 0 if row is None else row.incidents

    async def _stored_state(self, session: AsyncSession, scope: Scope) -> State:
        stored = await session.execute(
            text("SELECT state FROM correlator_states WHERE org_id = :org"), {"org": scope.org_id}
        )
        try:
            return unpack(stored.scalar_one())
        except ValueError as error:
            # The incidents stay; only what was still being gathered is begun anew.
            log.warning("correlator_state_begun_anew", cause=str(error))
            return State()

    async def _save(self, session: AsyncSession, scope: Scope, correlator: Correlator, number: int) -> None:
        saved_at = self._clock.now()
        await session.flush()
        connection = await driver(session)
        await connection.execute(
            "INSERT INTO correlator_states (org_id, state, incidents, saved_at) VALUES (%s, %b, %s, %s)"
            " ON CONFLICT (org_id) DO UPDATE SET state = excluded.state, incidents = excluded.incidents,"
            " saved_at = excluded.saved_at",
            (scope.org_id, pack(correlator.state), number, saved_at),
        )
        self._remembered[scope.org_id] = Remembered(correlator, saved_at)


_PENDING = text(
    "SELECT o.id, f.created_at AS since FROM organisations o"
    " LEFT JOIN feed_positions p ON p.org_id = o.id AND p.consumer = :consumer"
    " CROSS JOIN LATERAL (SELECT created_at FROM findings f WHERE f.org_id = o.id AND f.tx < app.horizon()"
    " AND (f.tx, f.id) > (coalesce(p.tx, 0), coalesce(p.id, :start)) ORDER BY f.tx, f.id LIMIT 1) AS f"
    " ORDER BY f.created_at"
)


def sighting_of(row: Row[Any]) -> Sighting:
    """What grouping needs of a stored finding."""
    return Sighting(
        id=row.id,
        source_id=row.source_id,
        rule_id=row.rule_id,
        title=row.title,
        level=row.level,
        techniques=tuple(row.techniques),
        tactics=tuple(row.tactics),
        time=microseconds(row.event_time),
        host=row.host,
        entities=mentions_of(row.entities),
    )


def mentions_of(entities: Sequence[dict[str, Any]]) -> tuple[Mention, ...]:
    return tuple(Mention(each["kind"], each["value"], each["role"], each["weak"]) for each in entities)


def microseconds(moment: datetime) -> int:
    """Since the epoch, exactly."""
    elapsed = moment - _EPOCH
    return (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
