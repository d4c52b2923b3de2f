"""The gate with a clock that tests move, and people in front of it."""

import pytest

from appliance.foundation.database import Database
from appliance.foundation.sealing import Sealer
from appliance.foundation.settings import Settings
from appliance.identity.signin import Gate
from tests.factories.people import Crowd, FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def gate(database: Database, settings: Settings, clock: FakeClock) -> Gate:
    return Gate(database, clock, settings.web, b"pepper of the tests")


@pytest.fixture
def crowd(database: Database, sealer: Sealer, gate: Gate, clock: FakeClock) -> Crowd:
    return Crowd(database, sealer, gate, clock)
