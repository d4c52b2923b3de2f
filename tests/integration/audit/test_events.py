"""Nothing from a source was removed or altered between two moments: proved from an export alone."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from appliance.audit.verifier.verdicts import Verdict
from appliance.composition import open_services
from appliance.foundation.actors import appliance
from appliance.foundation.database import transaction
from appliance.foundation.settings import Retention
from appliance.telemetry.compaction import Compaction
from appliance.telemetry.postgres_store import PostgresEventStore
from appliance.telemetry.retention import apply_retention
from appliance.telemetry.schemas import NewSource
from tests.factories.events import event, segment
from tests.integration.audit.conftest import Trail, read

BY = appliance("tests")
PERIOD = timedelta(minutes=10)


class Telemetry:
    """A source that sends, and another beside it."""

    def __init__(self, trail: Trail, source: UUID, other: UUID) -> None:
        self.trail, self.source, self.other = trail, source, other
        self.began = datetime.now(UTC) - timedelta(hours=1)

    async def receive(self, at: timedelta, source: UUID, *originals: bytes) -> UUID:
        """One commit of that source's events, so long after the beginning; the first event's id."""
        moment = self.began + at
        stored = segment(
            [event(n=str(n)) for n in range(len(originals))], received_ms=int(moment.timestamp() * 1000),
            source=source, originals=list(originals),
        )  # fmt: skip
        async with transaction(self.trail.database, self.trail.scope) as session:
            store = PostgresEventStore(session, self.trail.scope, self.trail.clock)
            await store.append(stored, received=int(moment.timestamp() * 1_000_000))
        return stored.event_id(0)

    async def proof(self) -> Verdict:
        """The offline verifier's verdict on the first ten minutes of the source."""
        return read(await self.export())

    async def export(self) -> bytes:
        return await self.trail.export(
            source_id=self.source, events_from=self.began, events_to=self.began + PERIOD
        )

    async def live(self) -> Verdict:
        """The service's, on the events of all sources."""
        return await self.trail.verify(events_from=self.began, events_to=self.began + PERIOD)


@pytest.fixture
async def telemetry(trail: Trail) -> Telemetry:
    async with open_services(trail.database, trail.scope, trail.sealer) as services:
        made: list[Any] = [
            await services.telemetry.create_source(NewSource(name=name), by=BY) for name in ("ours", "theirs")
        ]
    sent = Telemetry(trail, made[0].id, made[1].id)
    for minute in range(10):
        await sent.receive(
            timedelta(minutes=minute, seconds=1),
            sent.source,
            *(b"event %d of minute %d" % (n, minute) for n in range(3)),
        )
        await sent.receive(timedelta(minutes=minute, seconds=2), sent.other, b"somebody else's secret")
    await sent.receive(timedelta(minutes=11), sent.source, b"after the period")
    await trail.seal()
    return sent


async def test_a_period_of_a_source_is_proved_complete_and_unaltered(telemetry):
    verdict, live = await telemetry.proof(), await telemetry.live()

    print(f"proved from the export: {verdict.events}; where they are stored: {live.events}")
    assert verdict.ok, verdict.problem
    assert verdict.events == {"segments": 20, "events": 30}
    assert live.ok, live.problem
    assert live.events == {"segments": 20, "events": 40}


async def test_other_sources_events_are_not_shown(telemetry):
    export = await telemetry.export()

    assert b"c29tZWJvZHkgZWxzZSdzIHNlY3JldA" not in export
    assert b"ZXZlbnQgMCBvZiBtaW51dGUgMA" in export


async def test_merging_segments_changes_nothing_of_the_proof(telemetry):
    async with transaction(telemetry.trail.database, telemetry.trail.scope) as session:
        merged = await Compaction(session, telemetry.trail.scope, telemetry.trail.clock).run()
    await telemetry.trail.seal()

    verdict, live = await telemetry.proof(), await telemetry.live()

    assert merged >= 20
    assert verdict.ok, verdict.problem
    assert verdict.events == {"segments": 20, "events": 30}
    assert live.ok, live.problem


async def test_what_was_merged_before_it_was_sealed_is_sealed_by_its_parts(trail, telemetry):
    for n in range(9):
        await telemetry.receive(timedelta(minutes=9, seconds=20 + n), telemetry.source, b"late %d" % n)
    async with transaction(trail.database, trail.scope) as session:
        assert await Compaction(session, trail.scope, trail.clock).run()

    await trail.seal()

    verdict = await telemetry.proof()
    assert verdict.ok, verdict.problem
    assert verdict.events == {"segments": 29, "events": 39}


@pytest.mark.parametrize("is_merged", [False, True])
async def test_a_removed_segment_is_named(telemetry, forge, is_merged):
    gone = await telemetry.receive(timedelta(minutes=5, seconds=30), telemetry.source, b"the one that tells")
    await telemetry.trail.seal()
    assert (await telemetry.proof()).ok
    if is_merged:
        async with transaction(telemetry.trail.database, telemetry.trail.scope) as session:
            await Compaction(session, telemetry.trail.scope, telemetry.trail.clock).run()
        await forge("DELETE FROM segments WHERE org_id = %s", telemetry.trail.org)
        await forge("DELETE FROM segment_columns WHERE org_id = %s", telemetry.trail.org)
    else:
        await forge("DELETE FROM segments WHERE org_id = %s AND id = %s", telemetry.trail.org, gone)

    found = {"offline": await telemetry.proof(), "service": await telemetry.live()}

    for verifier, verdict in found.items():
        assert verdict.problem is not None, verifier
        print(f"{verifier}: {verdict.problem.kind}: {verdict.problem.message}")
        assert verdict.problem.kind == "events_missing"
        assert is_merged or verdict.problem.segment == gone.hex


async def test_altered_bytes_are_named_by_their_segment(telemetry, forge):
    target = await telemetry.receive(timedelta(minutes=5, seconds=30), telemetry.source, b"it was me")
    other = segment([event(n="0")], source=telemetry.source, originals=[b"not me!!!"])
    await telemetry.trail.seal()

    await forge("UPDATE segments SET originals = %s WHERE id = %s", other.originals, target)

    for verdict in (await telemetry.proof(), await telemetry.live()):
        assert verdict.problem is not None
        assert (verdict.problem.kind, verdict.problem.segment) == ("events_altered", target.hex)


async def test_an_event_given_to_another_source_is_named(telemetry, forge):
    target = await telemetry.receive(timedelta(minutes=5, seconds=30), telemetry.source, b"it was me")
    moved = segment([event(n="0")], source=telemetry.other, originals=[b"it was me"])
    await telemetry.trail.seal()

    await forge(
        "UPDATE segment_columns SET body = %s WHERE segment_id = %s AND field = '@source'",
        moved.columns["@source"],
        target,
    )

    for verdict in (await telemetry.proof(), await telemetry.live()):
        assert verdict.problem is not None
        assert (verdict.problem.kind, verdict.problem.segment) == ("events_altered", target.hex)


async def test_a_segment_that_was_put_in_later_is_named(telemetry, forge):
    await telemetry.receive(timedelta(minutes=5, seconds=30), telemetry.source, b"made up")
    await forge("DELETE FROM audit_segment_arrivals WHERE org_id = %s", telemetry.trail.org)

    verdict = await telemetry.live()

    assert verdict.problem is not None
    assert verdict.problem.kind == "events_altered"


async def test_a_day_that_retention_took_is_no_gap(trail, telemetry, tmp_path):
    telemetry.trail.clock.advance(days=10)
    dropped = await apply_retention(trail.database, Retention(events_days=5), tmp_path, trail.clock)
    await trail.seal()

    verdict, live = await telemetry.proof(), await telemetry.live()

    assert dropped
    assert verdict.ok, verdict.problem
    assert verdict.events == {"segments": 0, "events": 0}
    assert live.ok, live.problem


async def test_a_resent_copy_is_not_counted(trail, telemetry):
    key = bytes(16)
    for n in range(2):
        moment = telemetry.began + timedelta(minutes=7, seconds=30 + n)
        stored = segment(
            [event(key=key, n="a"), event(n=f"{n}")], received_ms=int(moment.timestamp() * 1000), source=telemetry.source
        )  # fmt: skip
        async with transaction(trail.database, trail.scope) as session:
            store = PostgresEventStore(session, trail.scope, trail.clock)
            await store.append(stored, received=int(moment.timestamp() * 1_000_000))
    await trail.seal()

    verdict = await telemetry.proof()

    assert verdict.ok, verdict.problem
    assert verdict.events == {"segments": 22, "events": 33}
