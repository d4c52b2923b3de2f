"""Nothing acknowledged is ever lost or doubled, whatever is killed and whenever."""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from appliance.detection.sigma.rules import RuleSource
from appliance.foundation.actors import appliance
from tests.factories.stack import Stack, running_stack

BATCH_EVENTS = 50
pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def stack() -> Iterator[Stack]:
    with running_stack() as running:
        running.start("ingest")
        running.wait_for_ingest()
        yield running


@pytest.fixture
async def sender(stack: Stack) -> AsyncIterator["Sender"]:
    token = await stack.source_token("crash", "syslog")
    async with httpx.AsyncClient(base_url=stack.ingest_url, timeout=30) as client:
        yield Sender(client, token)


class Sender:
    """Sends numbered batches as a careful shipper does: again, under the same id, until acknowledged."""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self._client, self._token = client, token
        self.acknowledged: dict[int, int] = {}
        self.ids: dict[int, str] = {}
        self.padding = 0

    async def send(self, number: int) -> int:
        """The status of one try; 0 if there was no answer."""
        lines = (
            f"<13>May  1 12:00:00 host app: event {number}.{n} {random.randbytes(self.padding).hex()}".rstrip()
            + "\n"
            for n in range(BATCH_EVENTS)
        )
        headers = {"Authorization": f"Bearer {self._token}", "X-Batch-Id": f"batch-{number}"}
        try:
            answer = await self._client.post("/api/v1/ingest/crash", content="".join(lines), headers=headers)
        except httpx.TransportError:
            return 0
        if answer.status_code in (201, 202):
            self.acknowledged.setdefault(number, answer.status_code)
            self.ids.setdefault(number, answer.json()["batch_id"])
        return answer.status_code

    async def send_until_acknowledged(self, number: int) -> None:
        while await self.send(number) not in (201, 202):
            await asyncio.sleep(0.1)

    async def send_all(self, numbers: range, *, at_once: int = 8) -> None:
        gate = asyncio.Semaphore(at_once)

        async def one(number: int) -> None:
            async with gate:
                await self.send_until_acknowledged(number)

        await asyncio.gather(*(one(number) for number in numbers))


async def stored_and_matched(stack: Stack) -> tuple[int, int]:
    async with stack.services() as services:
        row = (
            await services.session.execute(
                text("SELECT coalesce(sum(events), 0) AS e, coalesce(sum(matched), 0) AS m FROM segments")
            )
        ).one()
    return int(row.e), int(row.m)


async def eventually_stored(stack: Stack, expected: int, *, within_seconds: float = 60) -> None:
    deadline = time.monotonic() + within_seconds
    while (found := await stored_and_matched(stack)) != (expected, expected):
        assert time.monotonic() < deadline, f"stored, matched = {found}, expected {expected} of each"
        await asyncio.sleep(0.5)


async def messages(stack: Stack) -> list[str]:
    """The text of every event, read back through the store."""
    from appliance.telemetry.store import Budget, Window

    found, before = [], None
    async with stack.services() as services:
        while True:
            page = await services.events.scan(None, Window(), Budget(limit=5_000, seconds=60), before=before)
            found += [str(event.fields.get("message")) for event in page.items]
            if page.next_before is None:
                return found
            before = page.next_before


def kill_tree(stack: Stack, name: str) -> None:
    for pid in stack.processes()[name]:
        os.kill(pid, signal.SIGKILL)
    stack.children[name].wait()


async def test_ingest_killed_again_and_again_loses_and_doubles_nothing(stack, sender):
    random_ = random.Random(7)
    sending = asyncio.create_task(sender.send_all(range(120)))
    for _ in range(3):
        await asyncio.sleep(random_.uniform(0.2, 1.2))
        kill_tree(stack, "ingest")
        stack.start("ingest")
        await asyncio.to_thread(stack.wait_for_ingest)

    await sending
    for number in random_.sample(range(120), 20):
        assert await sender.send(number) in (201, 202), "a retry is acknowledged like the first"

    await eventually_stored(stack, 120 * BATCH_EVENTS)
    assert sorted(await messages(stack)) == sorted(
        f"event {b}.{n}" for b in range(120) for n in range(BATCH_EVENTS)
    )


async def test_a_worker_killed_under_load_loses_and_doubles_nothing(stack, sender):
    sending = asyncio.create_task(sender.send_all(range(80)))
    for _ in range(3):
        await asyncio.sleep(0.4)
        workers = [pid for pid in stack.processes()["ingest"] if pid != stack.children["ingest"].pid]
        for pid in workers:
            os.kill(pid, signal.SIGKILL)

    await sending

    stored, matched = await stored_and_matched(stack)
    async with stack.services() as services:
        set_aside = (await services.session.execute(text("SELECT count(*) FROM quarantine"))).scalar_one()
    assert stored == matched
    # A batch whose worker died twice is set aside whole, to be replayed; nothing is in both places.
    assert stored + set_aside * BATCH_EVENTS == 80 * BATCH_EVENTS


async def test_while_the_database_is_away_batches_are_spooled_and_stored_later(stack, sender):
    await sender.send_all(range(20))
    stack.postgres.kill()

    await sender.send_all(range(20, 60))
    spooled = [number for number, status in sender.acknowledged.items() if status == 202]
    stack.postgres.start()

    assert len(spooled) >= 40, "with the database away the answer is 202"
    await eventually_stored(stack, 60 * BATCH_EVENTS)
    assert sorted(await messages(stack)) == sorted(
        f"event {b}.{n}" for b in range(60) for n in range(BATCH_EVENTS)
    )


async def test_database_and_ingest_killed_together_lose_nothing_acknowledged(stack, sender):
    sending = asyncio.create_task(sender.send_all(range(60)))
    await asyncio.sleep(0.5)
    stack.postgres.kill()
    await asyncio.sleep(0.5)
    kill_tree(stack, "ingest")
    stack.postgres.start()
    stack.start("ingest")
    await asyncio.to_thread(stack.wait_for_ingest)

    await sending

    await eventually_stored(stack, 60 * BATCH_EVENTS)
    assert sorted(await messages(stack)) == sorted(
        f"event {b}.{n}" for b in range(60) for n in range(BATCH_EVENTS)
    )


async def test_with_database_and_spool_both_unable_the_sender_is_told_to_wait(stack, sender):
    await sender.send(0)
    spool = stack.settings.state_dir / "spool"
    stack.postgres.kill()
    spool.rename(spool.with_name("gone"))
    spool.write_text("no directory")

    assert await sender.send(1) == 503
    spool.unlink()
    spool.with_name("gone").rename(spool)
    stack.postgres.start()
    await sender.send_until_acknowledged(1)

    await eventually_stored(stack, 2 * BATCH_EVENTS)


async def test_new_rules_under_load_drop_no_event_and_match_every_one(stack, sender):
    sending = asyncio.create_task(sender.send_all(range(100), at_once=4))
    rule = """
title: Event that ends in seven
id: 0b9a4a0e-6f0b-4b59-9c64-6f1f6f1e7a77
status: test
author: Mini-XDR Appliance
logsource: {product: linux}
detection: {selection: {message|endswith: '.7'}, condition: selection}
level: low
"""
    await asyncio.sleep(0.5)
    async with stack.services() as services:
        await services.detection.import_rules(
            [RuleSource("seven.yml", rule)], origin="test", by=appliance("test")
        )
    await sending
    await sender.send_all(range(100, 160))
    async with stack.services() as services:
        sets = (
            (await services.session.execute(text("SELECT DISTINCT rule_set FROM segments"))).scalars().all()
        )

    await eventually_stored(stack, 160 * BATCH_EVENTS)
    assert len(sets) == 2, "events met the old set, or the new one"
    async with stack.services() as services:
        proof = await services.session.execute(
            text(
                "SELECT rule_set, sum(events) AS stored, sum(matched) AS matched FROM segments GROUP BY rule_set"
            )
        )
        assert all(row.stored == row.matched > 0 for row in proof)
        found = (await services.session.execute(text("SELECT count(*) FROM findings"))).scalar_one()
    assert found > 0


@pytest.fixture(params=[".", "postgres"], ids=["of everything", "of the database"])
def small(request) -> Iterator[tuple[Stack, Path]]:
    """A stack, and a folder of it on a volume of its own that is soon full."""
    with running_stack(small=request.param) as running:
        running.start("ingest")
        running.wait_for_ingest()
        yield running, running.folder / request.param


@pytest.mark.skipif(os.getuid() != 0, reason="a volume is mounted, which takes root")
async def test_a_full_disk_loses_and_doubles_nothing_that_was_acknowledged(small):
    stack, volume = small
    token = await stack.source_token("crash", "syslog")
    async with httpx.AsyncClient(base_url=stack.ingest_url, timeout=30) as client:
        sender = Sender(client, token)
        sender.padding = 2_000
        before = [await sender.send(number) for number in range(20)]
        ballast = filled(volume)
        meanwhile = [await sender.send(number) for number in range(20, 420)]

        ballast.unlink()
        if not stack.postgres.is_running():
            stack.postgres.start()
        sender.padding = 0
        for number in range(420, 430):
            await sender.send_until_acknowledged(number)

    assert set(before) == {201}
    assert {202, 503} & set(meanwhile), "the disk was full"
    assert set(meanwhile) <= {201, 202, 503}
    await eventually_stored(stack, len(sender.acknowledged) * BATCH_EVENTS)
    found = sorted(" ".join(message.split()[:2]) for message in await messages(stack))
    assert found == sorted(f"event {b}.{n}" for b in sender.acknowledged for n in range(BATCH_EVENTS))


def filled(volume: Path) -> Path:
    """A file that takes whatever room is left."""
    ballast = volume / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1_048_576))
    return ballast
