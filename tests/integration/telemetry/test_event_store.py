"""The conformance suite of the EventStore port: every adapter passes it, with a twin organisation beside."""

from hashlib import blake2b
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from appliance.composition import open_services
from appliance.foundation.clock import SystemClock
from appliance.telemetry import query
from appliance.telemetry.compaction import Compaction
from appliance.telemetry.errors import EventNotFound
from appliance.telemetry.store import Budget, Window
from tests.factories.events import NOON, event, segment

EVERYTHING = Budget(limit=1000, seconds=30)


def key(number: int) -> bytes:
    return blake2b(str(number).encode(), digest_size=16).digest()


async def test_what_was_appended_is_found_and_its_original_is_exact(services):
    raw = b'\x00\xff{"odd": "\xed\xa0\x80"}'
    stored = segment([event(Image="a.exe"), event(Image="b.exe")], originals=[raw, b"second"])

    appended = await services.events.append(stored, received=NOON)
    page = await services.events.scan(query.Is(field="Image", value="A.EXE"), Window(), EVERYTHING)

    assert appended.stored == 2
    assert [found.fields["Image"] for found in page.items] == ["a.exe"]
    assert await services.events.original(page.items[0].id) == raw


async def test_a_resent_event_changes_nothing(services):
    await services.events.append(segment([event(n="1", key=key(1)), event(n="2", key=key(2))]), received=NOON)

    again = await services.events.append(
        segment([event(n="2", key=key(2)), event(n="3", key=key(3))]), received=NOON
    )
    page = await services.events.scan(None, Window(), EVERYTHING)

    assert again.stored == 1
    assert again.duplicates == {0}
    assert sorted(str(found.fields["n"]) for found in page.items) == ["1", "2", "3"]


async def test_an_event_resent_after_midnight_changes_nothing(services):
    await services.events.append(segment([event(key=key(7))]), received=NOON)

    day = 86_400_000_000
    again = await services.events.append(
        segment([event(key=key(7))], received_ms=(NOON + day) // 1000), received=NOON + day
    )

    assert again.stored == 0


async def test_a_unit_stored_twice_under_its_ids_is_stored_once(services):
    stored = segment([event(n="1"), event(n="2")])
    await services.events.append(stored, received=NOON)

    again = await services.events.append(stored, received=NOON)

    assert again.stored == 0


async def test_pages_follow_each_other_without_gap_or_double(services):
    for second in range(7):
        at = NOON + second * 1_000_000
        await services.events.append(
            segment([event(n=f"{second}.{i}", time=at) for i in range(5)], received_ms=at // 1000),
            received=at,
        )

    seen, before = [], None
    while True:
        page = await services.events.scan(None, Window(), Budget(limit=4, seconds=30), before=before)
        seen += [found.fields["n"] for found in page.items]
        if page.next_before is None:
            break
        before = page.next_before

    assert seen == [f"{second}.{i}" for second in reversed(range(7)) for i in reversed(range(5))]


async def test_the_window_is_of_event_time(services):
    await services.events.append(
        segment([event(n="old", time=NOON - 10), event(n="new", time=NOON)]), received=NOON
    )

    page = await services.events.scan(None, Window(start=NOON), EVERYTHING)

    assert [found.fields["n"] for found in page.items] == ["new"]


async def test_a_histogram_counts_every_event_once(services):
    times = [NOON + n * 1_000_000 for n in range(60)]
    await services.events.append(segment([event(time=at) for at in times]), received=NOON)

    found = await services.events.histogram(
        None, Window(start=NOON, end=NOON + 60_000_000), EVERYTHING, buckets=6
    )

    assert [bucket.count for bucket in found.buckets] == [10] * 6
    assert await services.events.count(None, Window(), EVERYTHING) == (60, True)


async def test_a_pinned_event_outlives_its_day(services):
    await services.events.append(segment([event(Image="kept.exe")], originals=[b"exact"]), received=NOON)
    event_id = (await services.events.scan(None, Window(), EVERYTHING)).items[0].id

    await services.events.pin(event_id, by="analyst", reason="evidence")
    for table in ("segments", "segment_columns", "events"):
        await services.session.execute(text(f"DELETE FROM {table}"))

    assert (await services.events.get([event_id]))[0].fields["Image"] == "kept.exe"
    assert await services.events.original(event_id) == b"exact"


async def test_another_organisation_sees_nothing_of_it(database, organisation, other_organisation, sealer):
    async with open_services(database, organisation, sealer) as ours:
        await ours.events.append(segment([event(Image="secret.exe", key=key(9))]), received=NOON)
        event_id = (await ours.events.scan(None, Window(), EVERYTHING)).items[0].id

    async with open_services(database, other_organisation, sealer) as theirs:
        assert (await theirs.events.scan(None, Window(), EVERYTHING)).items == []
        assert await theirs.events.count(None, Window(), EVERYTHING) == (0, True)
        assert await theirs.events.get([event_id]) == []
        with pytest.raises(EventNotFound):
            await theirs.events.original(event_id)
        with pytest.raises(EventNotFound):
            await theirs.events.pin(event_id, by="x", reason="y")
        same_key = await theirs.events.append(segment([event(key=key(9))]), received=NOON)
        assert same_key.stored == 1, "a key of one organisation says nothing to another"


async def test_merged_segments_hold_the_same_events_under_the_same_ids(services, organisation):
    for second in range(12):
        at = NOON + second * 1_000_000
        await services.events.append(
            segment(
                [event(n=f"{second}.{i}", time=at, Image=f"{i}.exe") for i in range(3)],
                received_ms=at // 1000,
            ),
            received=at,
        )
    resent = segment([event(n="x", key=key(1)), event(n="y", key=key(1))], received_ms=NOON // 1000 + 20_000)
    await services.events.append(resent, received=NOON + 20_000_000)
    before = await services.events.scan(None, Window(), EVERYTHING)
    originals = {one.id: await services.events.original(one.id) for one in before.items}

    merged = await Compaction(services.session, organisation, SystemClock()).run()

    after = await services.events.scan(None, Window(), EVERYTHING)
    assert merged == 13
    assert after.segments == 1
    assert after.items == before.items
    assert {one.id: await services.events.original(one.id) for one in after.items} == originals
    assert await services.events.get([one.id for one in before.items]) == before.items
    sums = (await services.session.execute(text("SELECT sum(events), sum(matched) FROM segments"))).one()
    assert tuple(sums) == (37, 37)


async def test_pages_go_on_through_a_merge(services, organisation):
    for second in range(10):
        at = NOON + second * 1_000_000
        await services.events.append(
            segment([event(n=f"{second}.{i}") for i in range(3)], received_ms=at // 1000), received=at
        )
    first = await services.events.scan(None, Window(), Budget(limit=7, seconds=30))
    await Compaction(services.session, organisation, SystemClock()).run()

    seen, before = [one.fields["n"] for one in first.items], first.next_before
    while before is not None:
        page = await services.events.scan(None, Window(), Budget(limit=4, seconds=30), before=before)
        seen += [one.fields["n"] for one in page.items]
        before = page.next_before

    assert sorted(seen) == sorted(f"{s}.{i}" for s in range(10) for i in range(3))


async def test_an_unknown_event_is_not_found(services):
    assert await services.events.get([UUID(int=NOON // 1000 << 80), uuid4()]) == []


def test_the_clock_is_utc():
    assert SystemClock().now().utcoffset().total_seconds() == 0
