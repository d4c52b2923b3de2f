"""Jobs: each tick once, whoever ticks; a lost worker's job goes to another."""

import asyncio
from datetime import timedelta

from sqlalchemy import text

from appliance.foundation import queue
from appliance.foundation.actors import appliance
from appliance.foundation.clock import SystemClock
from appliance.foundation.database import platform_transaction, transaction
from appliance.foundation.queue import JobKind
from appliance.jobs.scheduler import TIMETABLE, _enqueue, _last_due

BY = appliance("tests")


async def enqueue(database, scope, kind, key):
    async with transaction(database, scope) as session:
        return await queue.Queue(session, scope, SystemClock()).enqueue(
            JobKind(kind, None), {"n": 1}, by=BY, key=key
        )


async def test_asking_twice_is_asking_once(database, organisation):
    first = await enqueue(database, organisation, "test.once", "same")
    second = await enqueue(database, organisation, "test.once", "same")

    assert first == second


async def test_of_two_workers_one_gets_the_job(database, organisation):
    job_id = await enqueue(database, organisation, "test.race", "race")

    claimed = await asyncio.gather(*(queue.claim(database, ("test.race",), f"w{n}") for n in range(4)))

    assert [job.id for job in claimed if job is not None] == [job_id]


async def test_a_lost_workers_job_goes_to_another_when_its_lease_has_run_out(database, organisation):
    job_id = await enqueue(database, organisation, "test.lost", "lost")
    await queue.claim(database, ("test.lost",), "dies")
    assert await queue.claim(database, ("test.lost",), "waits") is None
    async with platform_transaction(database) as session:
        await session.execute(
            text("UPDATE jobs SET lease_until = now() - interval '1 s' WHERE id = :id"), {"id": job_id}
        )

    again = await queue.claim(database, ("test.lost",), "takes over")

    assert again is not None
    assert again.attempts == 2
    assert again.originator == BY


async def test_a_failed_job_waits_before_it_is_tried_again_and_says_why(database, organisation):
    job_id = await enqueue(database, organisation, "test.fails", "fails")
    job = await queue.claim(database, ("test.fails",), "w")

    await queue.finish(database, job, failure="the disk is full")

    async with platform_transaction(database) as session:
        row = (await session.execute(text("SELECT * FROM jobs WHERE id = :id"), {"id": job_id})).one()
    assert row.state == "queued"
    assert row.failures == ["the disk is full"]
    assert await queue.claim(database, ("test.fails",), "w") is None


async def test_two_schedulers_enqueue_each_tick_once(database, organisation):
    kind = TIMETABLE[0][1]

    await asyncio.gather(*(_enqueue(database, kind) for _ in range(3)))

    async with transaction(database, organisation) as session:
        count = await session.execute(
            text("SELECT count(*) FROM jobs WHERE org_id = :org AND kind = :kind"),
            {"org": organisation.org_id, "kind": kind.name},
        )
        assert count.scalar_one() == 1


def test_a_missed_tick_is_the_latest_that_was_due():
    now = SystemClock().now()

    for trigger, _ in TIMETABLE:
        due = _last_due(trigger, now)
        assert now - timedelta(hours=1) <= due <= now
