"""The real process, killed while it works."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text

from appliance.foundation.database import transaction
from tests.integration.incidents.conftest import LONG_AGO, add_finding
from tests.integration.incidents.test_correlating import MINUTE, entity

ROOT = Path(__file__).resolve().parents[3]
FINDINGS = 120


async def start(settings) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "appliance.jobs.detect", str(settings.state_dir / "xdr.toml"),
        cwd=ROOT, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip


async def eventually(condition: Callable[[], Awaitable[bool]], *, within_seconds: float) -> None:
    deadline = asyncio.get_running_loop().time() + within_seconds
    while not await condition():
        assert asyncio.get_running_loop().time() < deadline, "it did not come to pass"
        await asyncio.sleep(0.1)


async def counted(database, scope, query) -> int:
    async with transaction(database, scope) as session:
        return (await session.execute(text(query))).scalar_one()


async def test_killed_again_and_again_it_loses_and_doubles_nothing(settings, database, organisation):
    async def commit(number):
        async with transaction(database, organisation) as session:
            # Twelve machines attacked two days apart each: twelve incidents, ten findings each.
            machine, step = divmod(number, 10)
            await add_finding(
                session, organisation, rule=f"r{step}", entities=[entity("host", f"h{machine}")],
                at=LONG_AGO + machine * timedelta(days=2) + step * MINUTE,
            )  # fmt: skip
            await session.execute(text("SELECT pg_notify('xdr_findings', '')"))

    process = await start(settings)
    for number in range(FINDINGS):
        await commit(number)
        if number % 30 == 29:
            await asyncio.sleep(0.3)
            process.kill()
            await process.wait()
            process = await start(settings)

    async def all_linked():
        return await counted(database, organisation, "SELECT count(*) FROM incident_findings") >= FINDINGS

    await eventually(all_linked, within_seconds=60)
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 20) == 0
    assert await counted(database, organisation, "SELECT count(*) FROM incident_findings") == FINDINGS
    assert await counted(database, organisation, "SELECT count(*) FROM incidents") == 12
    assert await counted(database, organisation, "SELECT sum(findings_count) FROM incidents") == FINDINGS
    assert await counted(database, organisation, "SELECT max(number) FROM incidents") == 12
    assert (
        await counted(database, organisation, "SELECT count(*) FROM outbox WHERE kind = 'incident.opened'")
        == 12
    )


async def test_of_two_processes_one_waits_and_takes_over(settings, database, organisation):
    async def linked(number):
        return await counted(database, organisation, "SELECT count(*) FROM incident_findings") == number

    async def commit(rule):
        async with transaction(database, organisation) as session:
            await add_finding(session, organisation, rule=rule, entities=[entity("host", "h")])

    first = await start(settings)
    await commit("r1")
    await eventually(lambda: linked(1), within_seconds=60)
    second = await start(settings)
    first.kill()
    await first.wait()
    await commit("r2")
    await eventually(lambda: linked(2), within_seconds=60)

    second.terminate()
    assert await asyncio.wait_for(second.wait(), 20) == 0
    assert await counted(database, organisation, "SELECT count(*) FROM incidents") == 1
