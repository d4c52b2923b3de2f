"""The sealer: every committed entry exactly once, in commit order, whatever is killed or runs twice."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import ProgrammingError

from appliance.audit.keyring import Keyring
from appliance.audit.sealing import Sealing
from appliance.audit.service import AuditTrail
from appliance.foundation.actors import appliance
from appliance.foundation.clock import SystemClock
from appliance.foundation.database import platform_transaction, transaction
from appliance.foundation.errors import Unavailable
from appliance.foundation.settings import Audit
from tests.integration.audit.conftest import read

BY = appliance("tests")


async def chained(trail) -> list[tuple[int, str]]:
    async with platform_transaction(trail.database) as session:
        rows = await session.execute(
            text("SELECT seq, entry_id FROM audit_chain WHERE org_id = :org ORDER BY seq"), {"org": trail.org}
        )
        return [(row.seq, str(row.entry_id)) for row in rows]


async def test_an_entry_of_a_slow_transaction_is_not_lost(trail):
    async with transaction(trail.database, trail.scope) as slow:
        first = AuditTrail(slow, trail.scope, trail.clock).record("slow.done", by=BY)
        await slow.flush()
        later = await trail.write(2)
        await trail.seal()
        before = await chained(trail)
    await trail.seal()

    assert before == []
    assert [entry for _, entry in await chained(trail)] == [str(first), *map(str, later)]


async def test_places_are_numbered_without_a_gap(trail):
    await trail.write(30)
    for _ in range(3):
        await trail.seal()
        await trail.write(7)
    await trail.seal()

    assert [seq for seq, _ in await chained(trail)] == list(range(1, 52))


async def test_two_sealers_at_once_seal_every_entry_once(trail):
    await trail.write(200)
    sealers = [Sealing(trail.database, trail.keyring, Audit(), trail.clock) for _ in range(4)]

    await asyncio.gather(*(one.step(trail.org) for one in sealers for _ in range(3)), return_exceptions=True)
    await trail.seal()

    found = await chained(trail)
    assert [seq for seq, _ in found] == list(range(1, 201))
    assert len({entry for _, entry in found}) == 200
    assert (await trail.verify()).ok


async def test_a_chain_beyond_the_stored_subtrees_is_taken_up_by_a_fresh_sealer(trail):
    await trail.write(5)
    async with transaction(trail.database, trail.scope) as session:
        audit = AuditTrail(session, trail.scope, trail.clock)
        for n in range(1_500):
            audit.record("many.done", by=BY, n=n)
    await trail.seal()
    await trail.write(9)
    fresh = Sealing(trail.database, trail.keyring, Audit(checkpoint_entries=1), trail.clock)
    await fresh.step(trail.org)

    export = await trail.export(after=1_000)

    assert (await trail.verify()).ok
    assert read(await trail.export()).records >= 1_514
    assert read(export).ok
    assert read(export).records >= 1_514
    assert export.count(b"\nE ") < 600


async def test_checkpoints_come_by_time_and_by_count(trail):
    by_count = Sealing(
        trail.database, trail.keyring, Audit(checkpoint_seconds=3_600, checkpoint_entries=10), trail.clock
    )
    sizes = []
    for count in (3, 5, 4, 1):
        await trail.write(count)
        await by_count.step(trail.org)
    async with platform_transaction(trail.database) as session:
        rows = await session.execute(
            text("SELECT size FROM audit_checkpoints WHERE org_id = :org ORDER BY number"), {"org": trail.org}
        )
        sizes = list(rows.scalars())

    assert sizes == [3, 13]


async def test_nothing_is_sealed_without_the_key_in_force(trail):
    await trail.write(2)
    await trail.seal()
    await trail.write(2)

    with pytest.raises(Unavailable, match="is in force"):
        await Sealing(trail.database, Keyring(os.urandom(32)), Audit(), trail.clock).step(trail.org)

    assert len(await chained(trail)) == 2


@pytest.mark.parametrize("table", ["audit_chain", "audit_checkpoints", "audit_nodes", "audit_key_uses"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET org_id = org_id", "DELETE FROM {}", "TRUNCATE {}"])
async def test_the_chain_is_only_ever_added_to_whoever_asks(trail, owner_url, table, statement):
    engine = create_engine(owner_url)
    with engine.connect() as connection, pytest.raises(ProgrammingError, match="only ever added"):
        connection.execute(text(statement.format(table)))
    engine.dispose()
    with pytest.raises(ProgrammingError):
        async with platform_transaction(trail.database) as session:
            await session.execute(text(statement.format(table)))


async def test_the_application_cannot_add_to_the_chain(trail):
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with transaction(trail.database, trail.scope) as session:
            await session.execute(
                text(
                    "INSERT INTO audit_chain (org_id, seq, entry_id, sealed_at, leaf, head, signature)"
                    " VALUES (:org, 1, :org, 0, '', '', '')"
                ),
                {"org": trail.org},
            )


async def test_a_sealer_that_is_killed_doubles_and_skips_nothing(trail, settings, state):
    """The real process, killed a dozen times at random moments while entries keep coming."""
    config, clock = state / "xdr.toml", SystemClock()
    rng, written, kills = random.Random(7), 0, 0
    stop = asyncio.Event()

    async def keep_writing() -> int:
        count = 0
        while not stop.is_set():
            async with transaction(trail.database, trail.scope) as session:
                audit = AuditTrail(session, trail.scope, clock)
                for _ in range(20):
                    audit.record("busy.done", by=BY, n=count)
                    count += 1
            await asyncio.sleep(0.01)
        return count

    writing = asyncio.create_task(keep_writing())
    for _ in range(12):
        process = start(config)
        before = len(await chained(trail))
        await until_longer(trail, before, process)
        await asyncio.sleep(rng.random() * 0.2)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    stop.set()
    written = await writing
    process = start(config)
    deadline = time.monotonic() + 60
    while len(await chained(trail)) < written and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    process.terminate()
    status = process.wait(30)

    found = await chained(trail)
    print(f"{kills} kills, {written} entries written, {len(found)} sealed, each once")
    assert [seq for seq, _ in found] == list(range(1, written + 1))
    assert len({entry for _, entry in found}) == written
    assert (await trail.verify()).ok
    assert status == 0


def start(config) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "appliance.jobs.seal", str(config)], stderr=subprocess.DEVNULL
    )


async def until_longer(trail, before: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, "the sealer ended by itself"
        if len(await chained(trail)) > before:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("nothing was sealed for 30 s")
