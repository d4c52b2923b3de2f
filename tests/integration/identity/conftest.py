"""The ways in, with a clock that tests move, and people in front of them."""

import pytest

from appliance.foundation.database import Database
from appliance.foundation.sealing import Sealer
from appliance.foundation.settings import Settings
from appliance.identity.access_tokens import AccessTokens
from appliance.identity.admission import Admission
from appliance.identity.password_lists import BreachedPasswords
from appliance.identity.refreshing import Refreshing
from appliance.identity.second_step import SecondStep
from appliance.identity.signin import Gate
from tests.factories.people import Crowd, FakeClock

PEPPER = b"pepper of the tests"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def breached(tmp_path) -> BreachedPasswords:
    return BreachedPasswords(tmp_path / "breached")


@pytest.fixture
def gate(database: Database, settings: Settings, clock: FakeClock, breached) -> Gate:
    return Gate(database, clock, settings.web, pepper=PEPPER, breached=breached)


@pytest.fixture
def access_tokens(database: Database, sealer: Sealer, clock: FakeClock) -> AccessTokens:
    return AccessTokens(database, sealer, clock, "https://xdr.test")


@pytest.fixture
def admission(database: Database, settings: Settings, clock: FakeClock, access_tokens) -> Admission:
    return Admission(database, clock, settings.web, access_tokens)


@pytest.fixture
def second_step(database: Database, settings: Settings, clock: FakeClock, sealer: Sealer) -> SecondStep:
    return SecondStep(database, clock, settings.web, pepper=PEPPER, sealer=sealer)


@pytest.fixture
def refreshing(database: Database, clock: FakeClock) -> Refreshing:
    return Refreshing(database, clock, PEPPER)


@pytest.fixture
def crowd(database, sealer, gate, clock, admission, second_step) -> Crowd:
    return Crowd(database, sealer, gate, clock, admission, second_step)
