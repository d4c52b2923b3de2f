"""A background task of a process does not end by failing."""

import asyncio

import pytest

from appliance.jobs.ingest import kept_going


async def test_what_fails_is_begun_again_until_it_ends():
    begun = []

    async def work() -> None:
        begun.append(1)
        if len(begun) < 3:
            raise FileNotFoundError("gone")

    await asyncio.wait_for(kept_going(work, pause_seconds=0), 5)

    assert len(begun) == 3


async def test_what_is_told_to_stop_stops():
    task = asyncio.create_task(kept_going(asyncio.Event().wait, pause_seconds=0))
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
