"""
Every kind of job, whoever asked for it, on own and foreign objects: what its declaration says.

A kind cannot be made without a declaration (`JobKind`), and one that is added without a line here fails.
"""

import importlib
import pkgutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from sqlalchemy import text

import appliance as product
from appliance.composition import open_services
from appliance.foundation import queue
from appliance.foundation.actors import Actor, ActorKind, Scope, appliance
from appliance.foundation.clock import SystemClock
from appliance.foundation.database import Database, platform_transaction, transaction
from appliance.foundation.errors import NotPermitted
from appliance.foundation.ids import new_id
from appliance.foundation.models import Job
from appliance.foundation.queue import JobKind
from appliance.foundation.sealing import Sealer
from appliance.identity.mail import Message, sealed_payload
from appliance.identity.roles import permissions_of, roles
from appliance.jobs import replays
from appliance.jobs.scheduler import TIMETABLE, Workshop
from tests.factories.objects import Objects


@dataclass
class Intake:
    """What the ingest process would take in; `resubmitted` is what a replay handed to it."""

    resubmitted: list[UUID] = field(default_factory=list)

    async def resubmit(self, org_id: UUID, *_: object, **__: object) -> None:
        self.resubmitted.append(org_id)


@dataclass
class Post:
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


def declared_kinds() -> dict[str, JobKind]:
    """Every `JobKind` of the product."""
    found: dict[str, JobKind] = {}
    for module in pkgutil.walk_packages(product.__path__, "appliance."):
        if not module.name.startswith(("appliance.migrations", "appliance.web.ui")):
            loaded = vars(importlib.import_module(module.name)).values()
            found |= {one.name: one for one in loaded if isinstance(one, JobKind)}
    return found


@pytest.fixture
def intake() -> Intake:
    return Intake()


@pytest.fixture
def handlers(database, settings, sealer, intake, monkeypatch) -> dict[JobKind, queue.Handler]:
    monkeypatch.setattr("appliance.jobs.scheduler.SMTPMailer", lambda _: Post())
    return Workshop(database, settings).handlers | replays.handlers(database, intake, sealer)


def askers() -> list[Actor]:
    """A person of each role, a token that may nothing, and the appliance itself."""
    people = [Actor(ActorKind.USER, uuid4(), role, permissions_of([role])) for role in roles()]
    return [*people, Actor(ActorKind.TOKEN, uuid4(), "token", frozenset()), appliance("scheduler")]


def test_every_kind_of_job_is_worked_and_tried_here(handlers):
    declared = declared_kinds()

    assert set(declared) == set(PAYLOADS)
    assert {kind.name for kind in handlers} == set(declared)
    assert all(kind.permission is None for _, kind in TIMETABLE)


async def test_each_kind_of_job_is_done_for_whom_its_declaration_says(
    database, sealer, organisation, other_organisation, handlers, intake, count_combinations
):
    tried, wrong = 0, []
    for name, kind in declared_kinds().items():
        make, has_object = PAYLOADS[name]
        for by in askers():
            for is_own in (True, False) if has_object else (True,):
                whose = organisation if is_own else other_organisation
                async with open_services(database, whose, sealer) as services:
                    payload = await make(Objects(services, whose, by), sealer)
                said = await _done(database, organisation, kind, payload, by, handlers)
                expected = "refused" if not _may(kind, by) else "done" if is_own else "not done"
                tried += 1
                if said != expected:
                    wrong.append(
                        f"{name} for {by.name}, {'own' if is_own else 'foreign'}: {said}, not {expected}"
                    )

    count_combinations("jobs", tried, len(wrong))
    assert wrong == []
    assert set(intake.resubmitted) == {organisation.org_id}


async def test_who_may_not_have_it_done_cannot_even_ask(database, organisation):
    for kind in declared_kinds().values():
        for by in (one for one in askers() if not _may(kind, one)):
            async with transaction(database, organisation) as session:
                with pytest.raises(NotPermitted):
                    await queue.Queue(session, organisation, SystemClock()).enqueue(kind, {}, by=by, key="x")


def _may(kind: JobKind, by: Actor) -> bool:
    return by.kind is ActorKind.SYSTEM if kind.permission is None else by.may(kind.permission)


async def _done(
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
