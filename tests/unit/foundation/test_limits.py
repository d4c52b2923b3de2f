"""Flood limits without Valkey: so much at once, so much in the long run, and each for oneself."""

import pytest

from appliance.foundation import limits
from appliance.foundation.errors import Exhausted
from appliance.foundation.limits import Limit, Limits

SMALL = Limit("small", per_second=10, burst=3)


class Seconds:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Seconds()


@pytest.fixture
def counted(clock):
    return Limits(monotonic=clock)


async def taken(counted, who, times):
    count = 0
    for _ in range(times):
        try:
            await counted.take(SMALL, who)
        except Exhausted:
            continue
        count += 1
    return count


async def test_a_burst_is_let_through_and_no_more(counted):

    assert await taken(counted, "a", 10) == 3


async def test_time_gives_back_what_was_taken(counted, clock):
    await taken(counted, "a", 10)

    clock.now += 0.2

    assert await taken(counted, "a", 10) == 2


async def test_one_does_not_pay_for_another(counted):
    await taken(counted, "a", 10)

    assert await taken(counted, "b", 10) == 3


async def test_who_is_refused_is_told_when_to_come_back(counted):
    await taken(counted, "a", 3)

    with pytest.raises(Exhausted) as refused:
        await counted.take(SMALL, "a")

    assert refused.value.retry_after_seconds >= 1


async def test_memory_is_bounded(counted, monkeypatch):
    monkeypatch.setattr(limits, "_MOST_KEYS", 100)

    for number in range(1000):
        await counted.take(SMALL, str(number))

    assert len(counted._due) == 100
