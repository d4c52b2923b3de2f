import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event as engine_event
from sqlalchemy import text

from appliance.foundation.clock import SystemClock
from appliance.foundation.database import transaction
from appliance.incidents.correlating import Correlation, microseconds
from appliance.incidents.lifecycle import Status
from appliance.incidents.schemas import QueueFilter
from tests.integration.incidents.conftest import LONG_AGO, add_finding

MINUTE = timedelta(minutes=1)


def entity(kind, value, role="subject", *, weak=False):
    return {"kind": kind, "value": value, "role": role, "weak": weak}


HOST, USER = entity("host", "wkstn-5"), entity("user", "corp\\ann")
CLAUSE = {
    "selection": "selection", "field": "TargetImage", "modifier": "endswith", "pattern": "\\lsass.exe",
    "value": "C:\\Windows\\System32\\lsass.exe", "negated": False,
    "sentence": "TargetImage ends with lsass.exe.",
}  # fmt: skip


async def commit(database, scope, *findings):
    """Findings in one transaction, as ingest commits a unit."""
    async with transaction(database, scope) as session:
        return [
            await add_finding(session, scope, **({"entities": [HOST, USER], "clauses": [CLAUSE]} | finding))
            for finding in findings
        ]


async def drain(database, scope, correlation=None):
    correlation = correlation or Correlation(database, SystemClock())
    while await correlation.step(scope):
        pass


async def queue(incidents, scope, actor, **wanted):
    async with incidents(scope) as service:
        return (await service.page(QueueFilter(**wanted), by=actor)).items


async def scalar(database, scope, query, **parameters):
    async with transaction(database, scope) as session:
        return (await session.execute(text(query), parameters)).scalar_one()


async def test_the_findings_of_an_attack_become_one_explained_incident(
    database, organisation, incidents, analyst
):
    event = uuid4()
    await commit(
        database, organisation,
        {"event": event, "rule": "r1", "title": "LSASS memory read"},
        {"event": event, "rule": "r2", "title": "Mimikatz words", "level": 4, "at": LONG_AGO + MINUTE},
        {"rule": "r3", "title": "Remote service", "tactics": ["lateral-movement"],
         "techniques": ["T1021.002"], "at": LONG_AGO + 2 * MINUTE,
         "entities": [entity("host", "srv-1"), USER]},
    )  # fmt: skip

    await drain(database, organisation)

    (incident,) = await queue(incidents, organisation, analyst)
    assert (incident.number, incident.status, incident.severity) == (1, Status.NEW, "critical")
    assert (incident.findings_count, incident.events_count) == (3, 2)
    assert incident.tactics == ["credential-access", "lateral-movement"]
    assert (incident.first_event_at, incident.last_event_at) == (LONG_AGO, LONG_AGO + 2 * MINUTE)
    assert "corp\\ann" in incident.title
    async with incidents(organisation) as service:
        detail = await service.detail(incident.id, by=analyst)
        timeline = await service.timeline(incident.id, by=analyst)
    assert {clause.rule_author for clause in detail.why.clauses} == {"A. Author"}
    assert detail.why.clauses[0].sentence == CLAUSE["sentence"]
    assert detail.why.next_steps
    assert [item.kind for item in timeline.items] == ["finding"] * 3 + ["state"]


async def test_what_was_correlated_once_is_not_correlated_again(database, organisation, incidents, analyst):
    await commit(database, organisation, {})
    correlation = Correlation(database, SystemClock())

    counts = [await correlation.step(organisation) for _ in range(3)]

    assert counts == [1, 0, 0]
    assert len(await queue(incidents, organisation, analyst)) == 1


class CrashAt:
    """A clock that dies when asked for the n-th time: a crash at every point that writes a time."""

    def __init__(self, call):
        self.left = call

    def now(self):
        self.left -= 1
        if self.left == 0:
            raise SystemExit("killed")
        return SystemClock().now()


async def test_a_crash_at_any_point_loses_and_doubles_nothing(database, organisation, incidents, analyst):
    await commit(database, organisation, *({"rule": f"r{n}", "at": LONG_AGO + n * MINUTE} for n in range(5)))

    crashes = 0
    for call in range(1, 100):
        try:
            done = await Correlation(database, CrashAt(call)).step(organisation)
        except SystemExit:
            crashes += 1
            assert await scalar(database, organisation, "SELECT count(*) FROM incidents") == 0
        else:
            break

    assert (crashes > 5, done) == (True, 5)
    (incident,) = await queue(incidents, organisation, analyst)
    assert (incident.findings_count, incident.number) == (5, 1)
    assert await scalar(database, organisation, "SELECT count(*) FROM outbox") == 1
    assert (
        await scalar(
            database, organisation, "SELECT count(*) FROM audit_entries WHERE action LIKE 'incident.%'"
        )
        == 1
    )


async def test_a_correlator_that_is_restarted_goes_on_with_the_same_incident(
    database, organisation, incidents, analyst
):
    for minute in range(4):
        await commit(database, organisation, {"rule": f"r{minute}", "at": LONG_AGO + minute * MINUTE})
        await drain(database, organisation, Correlation(database, SystemClock()))

    (incident,) = await queue(incidents, organisation, analyst)
    assert incident.findings_count == 4


async def test_two_correlators_at_once_still_do_everything_once(database, organisation, incidents, analyst):
    both = [Correlation(database, SystemClock()) for _ in range(2)]

    for minute in range(10):
        await commit(database, organisation, {"rule": f"r{minute}", "at": LONG_AGO + minute * MINUTE})
        await asyncio.gather(*(each.step(organisation) for each in both))
    await drain(database, organisation)

    (incident,) = await queue(incidents, organisation, analyst)
    assert (incident.number, incident.findings_count) == (1, 10)


async def test_the_same_host_name_in_two_organisations_is_two_hosts(
    database, organisation, other_organisation, incidents, analyst
):
    correlation = Correlation(database, SystemClock())
    for scope in (organisation, other_organisation):
        await commit(database, scope, {})
        await drain(database, scope, correlation)

    for scope in (organisation, other_organisation):
        (incident,) = await queue(incidents, scope, analyst)
        assert (incident.number, incident.findings_count) == (1, 1)


async def two_incidents_and_a_link(database, scope, between=None):
    """Two machines that have nothing in common until somebody is seen on both."""
    one, two = entity("host", "one"), entity("host", "two")
    await commit(database, scope, {"entities": [one]}, {"entities": [two], "rule": "r2"})
    await drain(database, scope)
    if between is not None:
        await between()
    await commit(database, scope, {"entities": [one, entity("host", "two", "target")], "rule": "r3"})
    await drain(database, scope)


async def test_a_finding_that_links_two_incidents_merges_them(database, organisation, incidents, analyst):
    await two_incidents_and_a_link(database, organisation)

    (incident,) = await queue(incidents, organisation, analyst, status=(Status.NEW,))
    (absorbed,) = await queue(incidents, organisation, analyst, status=(Status.CLOSED,))
    assert incident.findings_count == 3
    async with incidents(organisation) as service:
        closure = (await service.detail(absorbed.id, by=analyst)).closure
        split = await service.split(absorbed.id, by=analyst)
    assert (closure.reason, closure.merged_into) == ("duplicate", incident.id)
    assert split.findings_count == 1


async def test_a_merge_keeps_the_incident_that_somebody_works_on(database, organisation, incidents, analyst):
    async def take_the_second():
        second = next(i for i in await queue(incidents, organisation, analyst) if i.number == 2)
        async with incidents(organisation) as service:
            await service.acknowledge(second.id, by=analyst)

    await two_incidents_and_a_link(database, organisation, between=take_the_second)

    (incident,) = await queue(incidents, organisation, analyst, status=(Status.ACKNOWLEDGED,))
    assert (incident.number, incident.findings_count) == (2, 3)


async def test_two_incidents_that_are_both_worked_on_are_linked_but_not_merged(
    database, organisation, incidents, analyst
):
    async def take_both():
        async with incidents(organisation) as service:
            for each in (await service.page(QueueFilter(), by=analyst)).items:
                await service.acknowledge(each.id, by=analyst)

    await two_incidents_and_a_link(database, organisation, between=take_both)

    found = await queue(incidents, organisation, analyst, status=(Status.ACKNOWLEDGED,))
    assert sorted(each.findings_count for each in found) == [1, 2]
    async with incidents(organisation) as service:
        titles = [item.title for item in (await service.timeline(found[0].id, by=analyst)).items]
    assert any(title.startswith("Linked to #") for title in titles)


async def close(incidents, scope, actor, reason):
    async with incidents(scope) as service:
        (incident,) = (await service.page(QueueFilter(status=(Status.NEW,)), by=actor)).items
        await service.transition(incident.id, Status.CLOSED, by=actor, reason=reason)


async def test_more_of_what_was_dismissed_stays_quiet_and_something_else_does_not(
    database, organisation, incidents, admin
):
    await commit(database, organisation, {"rule": "r1"})
    await drain(database, organisation)
    await close(incidents, organisation, admin, "false_positive")

    await commit(database, organisation, {"rule": "r1", "at": LONG_AGO + MINUTE})
    await drain(database, organisation)
    quiet = await queue(incidents, organisation, admin)
    await commit(database, organisation, {"rule": "r2", "at": LONG_AGO + 2 * MINUTE})
    await drain(database, organisation)

    assert [(each.status, each.findings_count) for each in quiet] == [(Status.CLOSED, 2)]
    (news,) = await queue(incidents, organisation, admin, status=(Status.NEW,))
    assert (news.number, news.findings_count) == (2, 1)


async def test_what_follows_an_attack_that_was_closed_as_real_is_a_new_incident(
    database, organisation, incidents, admin
):
    await commit(database, organisation, {"rule": "r1"})
    await drain(database, organisation)
    await close(incidents, organisation, admin, "true_positive")

    await commit(database, organisation, {"rule": "r1", "at": LONG_AGO + MINUTE})
    await drain(database, organisation)

    (news,) = await queue(incidents, organisation, admin, status=(Status.NEW,))
    assert (news.number, news.findings_count) == (2, 1)


async def test_what_joins_an_incident_merged_by_hand_joins_where_it_went(
    database, organisation, incidents, admin
):
    far = LONG_AGO - timedelta(days=9)
    await commit(database, organisation, {"at": far})
    await drain(database, organisation)
    await commit(database, organisation, {"rule": "r2"})
    await drain(database, organisation)
    first, second = sorted(await queue(incidents, organisation, admin), key=lambda each: each.number)
    async with incidents(organisation) as service:
        await service.merge(first.id, [second.id], by=admin)

    await commit(database, organisation, {"rule": "r3", "at": LONG_AGO + MINUTE})
    await drain(database, organisation)

    (whole,) = await queue(incidents, organisation, admin, status=(Status.NEW,))
    assert (whole.id, whole.findings_count) == (first.id, 3)


async def test_a_severity_set_by_hand_is_not_raised_again(database, organisation, incidents, analyst):
    await commit(database, organisation, {"level": 2})
    await drain(database, organisation)
    (incident,) = await queue(incidents, organisation, analyst)
    async with incidents(organisation) as service:
        await service.set_severity(incident.id, "low", by=analyst)

    await commit(database, organisation, {"level": 4, "rule": "r2", "at": LONG_AGO + MINUTE})
    await drain(database, organisation)

    (incident,) = await queue(incidents, organisation, analyst)
    assert (incident.severity, incident.findings_count, incident.version) == ("low", 2, 2)


async def test_small_findings_alone_open_no_incident(database, organisation, incidents, analyst):
    await commit(database, organisation, {"level": 0}, {"level": 1, "rule": "r2"})

    await drain(database, organisation)

    assert await queue(incidents, organisation, analyst) == []


async def test_a_rule_that_matched_nowhere_else_is_called_rare_and_a_common_one_is_counted(
    database, organisation, incidents, analyst
):
    async with transaction(database, organisation) as session:
        for rule, matches in (("r1", 1), ("r2", 700)):
            await session.execute(
                text("INSERT INTO rule_matches VALUES (:org, :rule, '2026-01-01', :matches, now())"),
                {"org": organisation.org_id, "rule": rule, "matches": matches},
            )
    await commit(database, organisation, {"rule": "r1", "title": "Rare"}, {"rule": "r2", "title": "Common"})

    await drain(database, organisation)

    (incident,) = await queue(incidents, organisation, analyst)
    async with incidents(organisation) as service:
        said = " ".join(each.sentence for each in (await service.detail(incident.id, by=analyst)).why.rarity)
    assert "“Rare” has matched nothing else" in said
    assert "“Common” has matched 700 times in this organisation, 1 of them here." in said


def test_microseconds_are_exact():
    assert microseconds(LONG_AGO + timedelta(microseconds=1)) == 1_588_373_732_000_001


async def test_an_unreadable_state_is_begun_anew_and_said(database, organisation, incidents, analyst):
    await commit(database, organisation, {})
    await drain(database, organisation)
    async with transaction(database, organisation) as session:
        await session.execute(text("UPDATE correlator_states SET state = 'broken'"))

    await commit(database, organisation, {"rule": "r2", "at": LONG_AGO + MINUTE})
    await drain(database, organisation)

    assert sorted(each.number for each in await queue(incidents, organisation, analyst)) == [1, 2]


@pytest.mark.parametrize("missing", [UUID(int=0)])
async def test_a_finding_without_entities_is_an_incident_too(
    database, organisation, incidents, analyst, missing
):
    await commit(database, organisation, {"entities": [], "clauses": [], "source": missing})

    await drain(database, organisation)

    (incident,) = await queue(incidents, organisation, analyst)
    assert incident.title.startswith("Credential access: LSASS memory read")


async def test_a_batch_of_many_incidents_takes_no_more_statements_than_one_of_few(database, organisation):
    said = []
    engine_event.listen(database.app.sync_engine, "before_cursor_execute", lambda *call: said.append(call[2]))
    correlation, counts = Correlation(database, SystemClock()), []
    for incidents_at_once in (1, 2, 40):  # the first finds no state yet
        hosts = [entity("host", f"h{incidents_at_once}-{n}") for n in range(incidents_at_once)]
        await commit(database, organisation, *({"host": h["value"], "entities": [h]} for h in hosts))
        said.clear()

        await drain(database, organisation, correlation)

        counts.append(len(said))

    assert counts[2] == counts[1]
    alone = "SELECT count(DISTINCT title) FROM incidents WHERE findings_count = 1 AND events_count = 1"
    assert await scalar(database, organisation, alone) == 43


async def test_two_groups_that_go_on_in_one_incident_are_recorded_in_one_batch(
    database, organisation, incidents, admin
):
    hosts = [entity("host", "one"), entity("host", "two")]
    await commit(database, organisation, *({"host": h["value"], "entities": [h]} for h in hosts))
    correlation = Correlation(database, SystemClock())
    await drain(database, organisation, correlation)
    one, two = await queue(incidents, organisation, admin)
    async with incidents(organisation) as service:
        await service.merge(one.id, [two.id], by=admin)

    shared = entity("file", "c:\\x", "target")
    await commit(
        database, organisation,
        *({"host": h["value"], "entities": [h, shared], "rule": "r2", "at": LONG_AGO + MINUTE} for h in hosts),
    )  # fmt: skip
    await drain(database, organisation, correlation)

    (incident,) = await queue(incidents, organisation, admin, status=(Status.NEW,))
    assert (incident.findings_count, incident.events_count) == (4, 4)
    stored = "SELECT count(*) FROM incident_entities WHERE incident_id = :id AND value = 'c:\\x'"
    assert await scalar(database, organisation, stored, id=incident.id) == 1
