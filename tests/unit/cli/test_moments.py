"""Which stretch of time is meant."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest

from appliance.cli.failures import CommandFailure, ExitCode
from appliance.cli.moments import around, stretch
from appliance.cli.session import Session
from tests.factories.api import FakeAppliance, answer, problem

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
MADE = datetime(2026, 11, 27, 9, tzinfo=UTC)


class Known(FakeAppliance):
    """One incident and one event, both of telemetry that is years old."""

    def _get_incidents(self, call):
        item = {
            "id": str(UUID(int=7)),
            "number": 7,
            "created_at": MADE.isoformat(),
            "first_event_at": "2020-01-01",
        }
        if call.path.endswith("/incidents"):
            return answer(200, {"items": [item], "next_cursor": None})
        known = call.path.endswith(item["id"])
        return answer(200, item) if known else problem(404, "incident_not_found", "no such incident")

    def _get_events(self, call):
        if call.path.endswith(str(UUID(int=8))):
            return answer(200, {"received_at": MADE.isoformat(), "event_time": "2020-01-01T00:00:00Z"})
        return problem(404, "event_not_found", "no such event")


@pytest.fixture
def session(environment) -> Session:
    return Session(environment, transport=httpx.MockTransport(Known()._answer))


@pytest.mark.parametrize("what", ["7", "#7", str(UUID(int=7)), str(UUID(int=8)), "2026-11-27T10:00:00+01:00"])
def test_around_is_the_time_at_which_the_appliance_had_to_do_with_it(session, what):
    assert around(session, what, "5m") == (MADE - timedelta(minutes=5), MADE + timedelta(minutes=5))


@pytest.mark.parametrize(
    ("what", "within", "code"),
    [
        (str(UUID(int=9)), "5m", ExitCode.NOT_FOUND),
        ("#8", "5m", ExitCode.NOT_FOUND),
        ("soon", "5m", ExitCode.USAGE),
        ("2026-11-27", "5 minutes", ExitCode.USAGE),
        ("0001-01-01", "9w", ExitCode.USAGE),
    ],
)
def test_what_nobody_knows_is_refused(session, what, within, code):
    with pytest.raises(CommandFailure) as refused:
        around(session, what, within)

    assert refused.value.code is code


@pytest.mark.parametrize(
    ("since", "until", "minutes"),
    [("", "", (-60, None)), ("15m", "", (-15, None)), ("15m", "5m", (-15, -5)), ("", "30m", (-90, -30))],
)
def test_lengths_of_time_are_counted_back_from_now(since, until, minutes):
    begin, end = stretch(since, until, NOW)

    assert begin == NOW + timedelta(minutes=minutes[0])
    assert end == (None if minutes[1] is None else NOW + timedelta(minutes=minutes[1]))
