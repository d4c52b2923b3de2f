from datetime import timedelta

import pytest
from sqlalchemy import text

from appliance.foundation.database import transaction
from appliance.foundation.errors import Invalid, NotPermitted
from appliance.incidents.lifecycle import Status
from appliance.incidents.schemas import QueueFilter, Sort
from tests.integration.incidents.conftest import LONG_AGO, add_incident

OPEN = tuple(state for state in Status if state is not Status.CLOSED)


async def read_all(incidents, scope, wanted, actor, limit=2):
    seen, cursor = [], None
    async with incidents(scope) as service:
        while True:
            page = await service.page(wanted, by=actor, cursor=cursor, limit=limit)
            seen += page.items
            cursor = page.next_cursor
            if cursor is None:
                return seen


async def test_the_queue_shows_the_open_incidents_worst_first(database, organisation, incidents, reader):
    for risk, status in ((10, "new"), (90, "new"), (50, "contained"), (99, "closed"), (50, "acknowledged")):
        await add_incident(database, organisation, risk=risk, status=status)

    seen = await read_all(incidents, organisation, QueueFilter(status=OPEN), reader)

    assert [each.risk for each in seen] == [90, 50, 50, 10]


@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize("states", [(), OPEN, (Status.NEW, Status.CLOSED), (Status.CONTAINED,)])
async def test_pages_of_every_order_miss_and_repeat_nothing(
    database, organisation, incidents, reader, sort, states
):
    expected = set()
    for place in range(9):
        status = ("new", "closed", "contained")[place % 3]
        moment = LONG_AGO + timedelta(hours=place // 2)
        added = await add_incident(
            database, organisation, findings=0, status=status, risk=place // 2, severity=place % 4,
            created_at=moment, updated_at=moment, last_event_at=moment,
        )  # fmt: skip
        if not states or status in states:
            expected.add(added)

    seen = await read_all(incidents, organisation, QueueFilter(status=states, sort=sort), reader)

    assert [each.id for each in seen] == list(dict.fromkeys(each.id for each in seen))
    assert {each.id for each in seen} == expected
    keys = {Sort.RISK: "risk", Sort.NEWEST: "last_event_at", Sort.OLDEST: "created_at"}
    if sort in keys:
        values = [getattr(each, keys[sort]) for each in seen]
        assert values == sorted(values, reverse=sort is not Sort.OLDEST)


async def test_the_queue_is_filtered_by_owner_severity_tag_title_and_number(
    database, organisation, incidents, analyst, admin
):
    mine = await add_incident(database, organisation, owner_id=analyst.id, number=101)
    tagged = await add_incident(
        database, organisation, tags=["vip"], severity=4, title="100%_sure", number=102
    )

    async def found(**wanted):
        return {each.id for each in await read_all(incidents, organisation, QueueFilter(**wanted), analyst)}

    assert await found(owner="me") == await found(owner=str(analyst.id)) == {mine}
    assert await found(owner="none") == {tagged}
    assert await found(severity=("critical",)) == await found(tag="vip") == {tagged}
    assert await found(q="CREDENTIAL") == {mine}
    assert await found(q="100%_S") == {tagged}
    assert await found(q="%") == {tagged}
    assert await found(q="#102") == {tagged}
    assert await found(owner="me", tag="vip") == set()


@pytest.mark.parametrize("wanted", [{"owner": "x"}, {"q": "x" * 300}])
async def test_a_filter_that_cannot_be_right_is_refused(database, organisation, incidents, reader, wanted):
    async with incidents(organisation) as service:
        with pytest.raises(Invalid):
            await service.page(QueueFilter(**wanted), by=reader)


async def test_each_organisation_sees_its_own_queue(
    database, organisation, other_organisation, incidents, reader
):
    mine = await add_incident(database, organisation)
    await add_incident(database, other_organisation)

    seen = await read_all(incidents, organisation, QueueFilter(), reader)
    async with incidents(organisation) as service:
        counts = await service.counts(by=reader)

    assert [each.id for each in seen] == [mine]
    assert (counts.open, counts.by_status["new"], counts.by_severity["high"]) == (1, 1, 1)


async def test_counts_above_the_queue_are_of_what_is_open(database, organisation, incidents, reader, analyst):
    await add_incident(database, organisation, status="closed", severity=4)
    await add_incident(database, organisation, owner_id=analyst.id, severity=2)
    await add_incident(database, organisation, status="contained", severity=2)

    async with incidents(organisation) as service:
        counts = await service.counts(by=reader)

    assert (counts.open, counts.unowned) == (2, 1)
    assert counts.by_status == {"new": 1, "acknowledged": 0, "in_progress": 0, "contained": 1, "closed": 1}
    assert (counts.by_severity["medium"], counts.by_severity["critical"]) == (2, 0)


async def test_whoever_may_not_view_sees_nothing(database, organisation, incidents, reader):
    nobody = type(reader)(kind=reader.kind, id=reader.id, name="nobody", permissions=frozenset())
    incident_id = await add_incident(database, organisation)

    async with incidents(organisation) as service:
        for read in (
            service.page(QueueFilter(), by=nobody),
            service.counts(by=nobody),
            service.detail(incident_id, by=nobody),
            service.timeline(incident_id, by=nobody),
            service.findings(incident_id, by=nobody),
            service.evidence(incident_id, by=nobody),
        ):
            with pytest.raises(NotPermitted):
                await read


async def test_the_default_queue_walks_its_index(database, organisation, reader):
    for place in range(40):
        await add_incident(database, organisation, findings=0, risk=place)

    async with transaction(database, organisation) as session:
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        await session.execute(text("SET LOCAL enable_sort = off"))
        plan = await session.execute(
            text(
                "EXPLAIN SELECT * FROM incidents WHERE org_id = :org AND is_open"
                " ORDER BY risk DESC, id DESC LIMIT 50"
            ),
            {"org": organisation.org_id},
        )
        assert "ix_incidents_queue" in "\n".join(plan.scalars())
