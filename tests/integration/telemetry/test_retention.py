"""Days really go, and what was pinned really stays."""

from datetime import timedelta

from sqlalchemy import text

from appliance.composition import open_services
from appliance.foundation.clock import SystemClock
from appliance.foundation.database import platform_transaction
from appliance.foundation.settings import Retention
from appliance.telemetry.retention import apply_retention
from appliance.telemetry.store import Budget, Window
from tests.factories.events import event, segment

EVERYTHING = Budget(limit=100, seconds=30)


class Fortieth:
    """A clock forty days on."""

    def now(self):
        return SystemClock().now() + timedelta(days=40)


class Holds:
    def __init__(self, held):
        self.held = held

    async def holds(self, day):
        return day == self.held


async def store_now(database, scope, sealer):
    now = int(SystemClock().now().timestamp() * 1_000_000)
    async with open_services(database, scope, sealer) as services:
        await services.events.append(
            segment(
                [event(Image="kept.exe", time=now), event(Image="gone.exe", time=now)],
                received_ms=now // 1000,
            ),
            received=now,
        )
        found = (await services.events.scan(None, Window(), EVERYTHING)).items
        kept = next(one for one in found if one.fields["Image"] == "kept.exe")
        await services.events.pin(kept.id, by="tests", reason="evidence")
        return kept.id


async def test_an_old_day_goes_and_its_pinned_event_stays(database, organisation, sealer, tmp_path):
    kept = await store_now(database, organisation, sealer)

    done = await apply_retention(database, Retention(events_days=30), tmp_path, Fortieth())

    assert (SystemClock().now().date(), "age") in done
    async with open_services(database, organisation, sealer) as services:
        assert (await services.events.scan(None, Window(), EVERYTHING)).items == []
        assert [one.id for one in await services.events.get([kept])] == [kept]


async def test_a_held_day_stays(database, organisation, sealer, tmp_path):
    await store_now(database, organisation, sealer)

    done = await apply_retention(
        database, Retention(events_days=30), tmp_path, Fortieth(), Holds(SystemClock().now().date())
    )

    assert SystemClock().now().date() not in [day for day, _ in done]
    async with open_services(database, organisation, sealer) as services:
        assert len((await services.events.scan(None, Window(), EVERYTHING)).items) == 2
    async with platform_transaction(database) as session:
        assert (await session.execute(text("SELECT count(*) FROM app.days()"))).scalar_one() > 0
