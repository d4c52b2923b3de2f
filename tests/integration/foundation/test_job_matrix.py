"""
Every kind of job, whoever asked for it, on own and foreign objects: what its declaration says.

A kind cannot be made without a declaration (`JobKind`), and one that is added without a line here fails.
"""

import importlib
import pkgutil
from uuid import uuid4

import pytest

import appliance as product
from appliance.composition import open_services
from appliance.foundation import queue
from appliance.foundation.actors import Actor, ActorKind, appliance
from appliance.foundation.clock import SystemClock
from appliance.foundation.database import transaction
from appliance.foundation.errors import NotPermitted
from appliance.foundation.queue import JobKind
from appliance.identity.roles import permissions_of, roles
from appliance.jobs import replays
from appliance.jobs.scheduler import TIMETABLE, Workshop
from tests.factories.jobs import PAYLOADS, Intake, Relay, done
from tests.factories.objects import Objects


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
    monkeypatch.setattr("appliance.jobs.scheduler.SMTPMailer", lambda _: Relay())
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
                said = await done(database, organisation, kind, payload, by, handlers)
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
