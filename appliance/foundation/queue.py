"""
Work that outlives its asker (decision 20).

A service enqueues in its own transaction; a worker claims with SKIP LOCKED under a lease and works with
the originator's rights. A crash lets the lease run out and another worker takes over, so a job must be
idempotent. `idempotency_key` makes asking twice the same as asking once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.foundation.actors import Actor, Scope
from appliance.foundation.clock import Clock
from appliance.foundation.database import Database, platform_transaction
from appliance.foundation.errors import ApplianceError, Unavailable
from appliance.foundation.ids import new_id
from appliance.foundation.models import Job

LEASE = timedelta(minutes=2)
MOST_ATTEMPTS = 5
_LOOK_SECONDS = 2.0
JOBS_CHANNEL = "xdr_jobs"


class Claimed(msgspec.Struct, frozen=True):
    """A job in hand until its lease runs out."""

    org_id: UUID
    id: UUID
    kind: str
    payload: dict[str, Any]
    originator: Actor
    attempts: int

    @property
    def scope(self) -> Scope:
        return Scope(org_id=self.org_id)


class Queue:
    """The asking side: bound to one transaction."""

    def __init__(self, session: AsyncSession, scope: Scope, clock: Clock) -> None:
        self._session, self._scope, self._clock = session, scope, clock

    async def enqueue(self, kind: str, payload: dict[str, Any], *, by: Actor, key: str) -> UUID:
        """The job's id; the earlier one's if the same key was enqueued before."""
        now, job_id = self._clock.now(), new_id(self._clock)
        made = await self._session.execute(
            insert(Job)
            .values(
                org_id=self._scope.org_id,
                id=job_id,
                kind=kind,
                payload=payload,
                originator=msgspec.to_builtins(by),
                idempotency_key=key,
                not_before=now,
                created_at=now,
            )
            .on_conflict_do_update(
                index_elements=["org_id", "idempotency_key"], set_={"idempotency_key": key}
            )
            .returning(Job.id)
        )
        await self._session.execute(text(f"SELECT pg_notify('{JOBS_CHANNEL}', '')"))
        return made.scalar_one()


async def claim(database: Database, kinds: tuple[str, ...], worker: str) -> Claimed | None:
    """The next job of these kinds that is due, or whose worker was lost."""
    async with platform_transaction(database) as session:
        row = (
            await session.execute(_CLAIM, {"kinds": list(kinds), "worker": worker, "lease": LEASE})
        ).first()
    if row is None:
        return None
    return Claimed(
        org_id=row.org_id,
        id=row.id,
        kind=row.kind,
        payload=row.payload,
        originator=msgspec.convert(row.originator, Actor),
        attempts=row.attempts,
    )


async def finish(database: Database, job: Claimed, *, failure: str = "") -> None:
    """Done, or failed: then it is tried again later, five times at most."""
    state = "done" if not failure else "failed" if job.attempts >= MOST_ATTEMPTS else "queued"
    async with platform_transaction(database) as session:
        await session.execute(
            _FINISH,
            {
                "org": job.org_id,
                "id": job.id,
                "state": state,
                "failure": msgspec.json.encode([failure] if failure else []).decode(),
                "wait": timedelta(seconds=2**job.attempts),
            },
        )


async def work(
    database: Database, kinds: tuple[str, ...], worker: str, do: Callable[[Claimed], Awaitable[None]]
) -> None:
    """Do jobs of these kinds, one after the other, for ever; an outage of the database is waited out."""
    while True:
        try:
            job = await claim(database, kinds, worker)
            if job is None:
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            try:
                await do(job)
            except ApplianceError as error:
                await finish(database, job, failure=str(error))
            else:
                await finish(database, job)
        except Unavailable:
            await asyncio.sleep(_LOOK_SECONDS)


_CLAIM = text(
    """
    UPDATE jobs SET state = 'running', worker = :worker, attempts = attempts + 1, lease_until = now() + :lease
    WHERE (org_id, id) = (
      SELECT org_id, id FROM jobs
      WHERE kind = ANY(:kinds) AND state IN ('queued', 'running') AND not_before <= now()
        AND (state = 'queued' OR lease_until < now())
      ORDER BY not_before FOR UPDATE SKIP LOCKED LIMIT 1)
    RETURNING *
    """
)
_FINISH = text(
    """
    UPDATE jobs SET state = :state, lease_until = NULL, failures = failures || CAST(:failure AS jsonb),
      not_before = now() + :wait, ended_at = CASE WHEN :state <> 'queued' THEN now() END
    WHERE org_id = :org AND id = :id
    """
)
