"""
Work that outlives its asker (decision 20).

A service enqueues in its own transaction; a worker claims with SKIP LOCKED under a lease and works with
the originator's rights. A crash lets the lease run out and another worker takes over, so a job must be
idempotent. `idempotency_key` makes asking twice the same as asking once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.foundation.actors import Actor, ActorKind, Permission, Scope
from appliance.foundation.clock import Clock
from appliance.foundation.database import Database, platform_transaction
from appliance.foundation.errors import ApplianceError, NotPermitted, Unavailable
from appliance.foundation.ids import new_id
from appliance.foundation.models import Job

LEASE = timedelta(minutes=2)
MOST_ATTEMPTS = 5
_LOOK_SECONDS = 2.0
JOBS_CHANNEL = "xdr_jobs"

log = structlog.get_logger()


class JobKind(msgspec.Struct, frozen=True):
    """
    A kind of work, and who may ask for it.

    Attributes:
        permission: What whoever asks must hold; None where only the appliance itself asks.
    """

    name: str
    permission: Permission | None

    def admit(self, by: Actor) -> None:
        """
        Stop whoever may not have such work done.

        Raises:
            NotPermitted: The actor lacks the permission, or is not the appliance where only that may ask.
        """
        if self.permission is not None:
            by.require(self.permission)
        elif by.kind is not ActorKind.SYSTEM:
            raise NotPermitted(f"{by.name} cannot ask for {self.name}; the appliance does by itself")


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


Handler = Callable[[Claimed], Awaitable[None]]


class Queue:
    """The asking side: bound to one transaction."""

    def __init__(self, session: AsyncSession, scope: Scope, clock: Clock) -> None:
        self._session, self._scope, self._clock = session, scope, clock

    async def enqueue(self, kind: JobKind, payload: dict[str, Any], *, by: Actor, key: str) -> UUID:
        """
        The job's id; the earlier one's if the same key was enqueued before.

        Raises:
            NotPermitted: The actor may not have such work done.
        """
        kind.admit(by)
        now, job_id = self._clock.now(), new_id(self._clock)
        made = await self._session.execute(
            insert(Job)
            .values(
                org_id=self._scope.org_id,
                id=job_id,
                kind=kind.name,
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


async def claim(database: Database, kinds: Collection[str], worker: str) -> Claimed | None:
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


async def finish(database: Database, job: Claimed, *, failure: str = "", is_final: bool = False) -> None:
    """Done, or failed: then it is tried again later, five times at most, unless that cannot help."""
    ends = is_final or job.attempts >= MOST_ATTEMPTS
    state = "done" if not failure else "failed" if ends else "queued"
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


async def work(database: Database, handlers: Mapping[JobKind, Handler], worker: str) -> None:
    """Do jobs of these kinds, one after the other, for ever; an outage of the database is waited out."""
    while True:
        try:
            if not await work_once(database, handlers, worker):
                await asyncio.sleep(_LOOK_SECONDS)
        except Unavailable:
            await asyncio.sleep(_LOOK_SECONDS)


async def work_once(database: Database, handlers: Mapping[JobKind, Handler], worker: str) -> bool:
    """
    Do the next job of these kinds; whether there was one.

    Whoever asked is held to the kind's permission once more, so that a row that came about otherwise than by
    `Queue.enqueue` has nothing done that its originator may not.
    """
    by_name = {kind.name: (kind, do) for kind, do in handlers.items()}
    job = await claim(database, list(by_name), worker)
    if job is None:
        return False
    kind, do = by_name[job.kind]
    try:
        kind.admit(job.originator)
        await do(job)
    except NotPermitted as error:
        log.warning("job_refused", kind=job.kind, job=str(job.id), cause=str(error))
        await finish(database, job, failure=str(error), is_final=True)
    except ApplianceError as error:
        await finish(database, job, failure=str(error))
    else:
        await finish(database, job)
    return True


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
