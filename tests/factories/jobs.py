"""What each kind of job works on, and a worker that says what became of one."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import text

from appliance.foundation import queue
from appliance.foundation.actors import Actor, Scope
from appliance.foundation.clock import SystemClock
from appliance.foundation.database import Database, platform_transaction, transaction
from appliance.foundation.ids import new_id
from appliance.foundation.models import Job
from appliance.foundation.queue import JobKind
from appliance.foundation.sealing import Sealer
from appliance.identity.mail import Message, sealed_payload
from tests.factories.objects import Objects


@dataclass
class Intake:
    """What the ingest process would take in; `resubmitted` is what a replay handed to it."""

    resubmitted: list[UUID] = field(default_factory=list)

    async def resubmit(self, org_id: UUID, *_: object, **__: object) -> None:
        self.resubmitted.append(org_id)


@dataclass
class Relay:
    """The relay; `sent` is what was handed to it."""

    sent: list[Message] = field(default_factory=list)

    async def send(self, message: Message) -> None:
        self.sent.append(message)


Maker = Callable[[Objects, Sealer], Awaitable[dict[str, Any]]]


async def _nothing(_: Objects, __: Sealer) -> dict[str, Any]:
    return {}


async def _quarantined(objects: Objects, _: Sealer) -> dict[str, Any]:
    return {"entry_id": await objects.make("entry_id")}


async def _mail(objects: Objects, sealer: Sealer) -> dict[str, Any]:
    return sealed_payload(Message("a@example.test", "x", "y"), objects.scope, uuid4(), sealer)


# What each kind works on; whether there is an object that could be somebody else's.
PAYLOADS: dict[str, tuple[Maker, bool]] = {
    "events.retention": (_nothing, False),
    "events.compaction": (_nothing, False),
    "identity.housekeeping": (_nothing, False),
    "mail.send": (_mail, True),
    "quarantine.replay": (_quarantined, True),
}


async def done(
    database: Database,
    scope: Scope,
    kind: JobKind,
    payload: dict[str, Any],
    by: Actor,
    handlers: dict[JobKind, queue.Handler],
) -> str:
    """What becomes of a row that somebody put into the table: the worker's verdict, not the asking side's."""
    clock, job_id = SystemClock(), new_id(SystemClock())
    async with transaction(database, scope) as session:
        # Before every other job, so that this worker takes it next.
        session.add(
            Job(
                org_id=scope.org_id, id=job_id, kind=kind.name, payload=payload,
                originator=msgspec.to_builtins(by), idempotency_key=str(job_id),
                not_before=datetime(2000, 1, 1, tzinfo=UTC), created_at=clock.now(),
            )
        )  # fmt: skip
    assert await queue.work_once(database, handlers, "tests")
    async with platform_transaction(database) as session:
        row = (await session.execute(text("SELECT * FROM jobs WHERE id = :id"), {"id": job_id})).one()
        await session.execute(text("UPDATE jobs SET state = 'done' WHERE id = :id"), {"id": job_id})
    if row.state == "done":
        return "done"
    return "refused" if row.state == "failed" else "not done"
