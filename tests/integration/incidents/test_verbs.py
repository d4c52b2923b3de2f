import asyncio
from hashlib import sha256
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from appliance.foundation.clock import SystemClock
from appliance.foundation.database import transaction
from appliance.foundation.errors import Conflict, Invalid, NotFound, NotPermitted
from appliance.foundation.ids import segment_base
from appliance.incidents.errors import OwnerUnknown, ReasonMissing, TransitionNotAllowed, VersionMismatch
from appliance.incidents.lifecycle import Status
from appliance.incidents.schemas import BulkAction, BulkRequest, IncidentChange
from appliance.telemetry.events import Event
from appliance.telemetry.postgres_store import PostgresEventStore
from appliance.telemetry.segments import SegmentWriter
from tests.integration.incidents.conftest import add_incident


async def audited(database, scope, incident_id):
    async with transaction(database, scope) as session:
        rows = await session.execute(
            text(
                "SELECT action FROM audit_entries WHERE convert_from(body, 'UTF8') LIKE :id ORDER BY at, id"
            ),
            {"id": f"%{incident_id}%"},
        )
        return list(rows.scalars())


async def published(database, scope):
    async with transaction(database, scope) as session:
        return list((await session.execute(text("SELECT kind FROM outbox ORDER BY id"))).scalars())


async def test_acknowledging_says_who_and_when_and_leaves_a_trail(database, organisation, incidents, analyst):
    incident_id = await add_incident(database, organisation)

    async with incidents(organisation) as service:
        done = await service.acknowledge(incident_id, by=analyst, note="mine")

    assert (done.status, done.version) == (Status.ACKNOWLEDGED, 2)
    assert done.acknowledged_by.id == str(analyst.id)
    assert await audited(database, organisation, incident_id) == ["incident.acknowledged"]
    assert await published(database, organisation) == ["incident.acknowledged"]
    async with incidents(organisation) as service:
        last = (await service.timeline(incident_id, by=analyst)).items[-1]
    assert (last.kind, last.detail, last.actor.name) == ("state", "mine", analyst.name)


async def test_of_two_analysts_at_once_only_one_wins(database, organisation, incidents, analyst, admin):
    incident_id = await add_incident(database, organisation)

    async def take(actor):
        async with incidents(organisation) as service:
            return await service.acknowledge(incident_id, by=actor)

    results = await asyncio.gather(take(analyst), take(admin), return_exceptions=True)

    assert sorted(type(each).__name__ for each in results) == ["IncidentDetail", "TransitionNotAllowed"]
    assert await audited(database, organisation, incident_id) == ["incident.acknowledged"]


async def test_another_organisations_incident_does_not_exist(
    database, organisation, other_organisation, incidents, admin
):
    foreign = await add_incident(database, other_organisation)

    async with incidents(organisation) as service:
        for verb in (
            service.detail(foreign, by=admin),
            service.timeline(foreign, by=admin),
            service.findings(foreign, by=admin),
            service.notes(foreign, by=admin),
            service.evidence(foreign, by=admin),
            service.acknowledge(foreign, by=admin),
            service.transition(foreign, Status.CLOSED, by=admin, reason="test"),
            service.assign(foreign, admin.id, by=admin),
            service.tag(foreign, ["mine"], by=admin),
            service.add_note(foreign, "hello", by=admin),
            service.pin_evidence(foreign, uuid4(), reason="x", by=admin),
            service.split(foreign, by=admin),
        ):
            with pytest.raises(NotFound):
                await verb

    async with incidents(other_organisation) as service:
        assert (await service.detail(foreign, by=admin)).version == 1


async def test_whoever_may_only_read_changes_nothing(database, organisation, incidents, reader):
    incident_id = await add_incident(database, organisation)

    async with incidents(organisation) as service:
        for verb in (
            service.acknowledge(incident_id, by=reader),
            service.transition(incident_id, Status.CLOSED, by=reader, reason="true_positive"),
            service.transition(incident_id, Status.CLOSED, by=reader, reason="benign"),
            service.change(incident_id, IncidentChange(severity="low"), by=reader),
            service.add_note(incident_id, "hello", by=reader),
            service.pin_evidence(incident_id, uuid4(), reason="x", by=reader),
            service.merge(incident_id, [uuid4()], by=reader),
        ):
            with pytest.raises(NotPermitted):
                await verb
        detail = await service.detail(incident_id, by=reader)

    assert (detail.version, detail.allowed_transitions) == (1, [])
    assert await audited(database, organisation, incident_id) == []


async def test_a_soc_analyst_dismisses_but_does_not_declare_an_attack_real(
    database, organisation, incidents, analyst
):
    incident_id = await add_incident(database, organisation)

    async with incidents(organisation) as service:
        with pytest.raises(NotPermitted, match="incidents:close"):
            await service.transition(incident_id, Status.CLOSED, by=analyst, reason="true_positive")
        closed = await service.transition(
            incident_id, Status.CLOSED, by=analyst, reason="false_positive", note="our scanner"
        )

    assert (closed.closure.reason, closed.closure.note, closed.closure.by.name) == (
        "false_positive", "our scanner", analyst.name,
    )  # fmt: skip


async def test_a_closed_incident_is_reopened_only_with_a_reason(database, organisation, incidents, admin):
    incident_id = await add_incident(database, organisation)

    async with incidents(organisation) as service:
        await service.transition(incident_id, Status.CLOSED, by=admin, reason="benign")
        with pytest.raises(ReasonMissing):
            await service.transition(incident_id, Status.IN_PROGRESS, by=admin)
        reopened = await service.transition(incident_id, Status.IN_PROGRESS, by=admin, reason="it came back")

    assert (reopened.status, reopened.closure) == (Status.IN_PROGRESS, None)
    assert (await audited(database, organisation, incident_id))[-1] == "incident.reopened"


async def test_a_closed_incident_cannot_be_acknowledged(database, organisation, incidents, admin):
    incident_id = await add_incident(database, organisation, status="closed")

    async with incidents(organisation) as service:
        with pytest.raises(TransitionNotAllowed, match="in_progress"):
            await service.acknowledge(incident_id, by=admin)


async def test_a_change_decided_on_an_old_version_is_refused(database, organisation, incidents, admin):
    incident_id = await add_incident(database, organisation)

    async with incidents(organisation) as service:
        changed = await service.change(
            incident_id, IncidentChange(severity="low", tags=["vip"]), by=admin, expected_version=1
        )
        with pytest.raises(VersionMismatch) as refused:
            await service.change(incident_id, IncidentChange(tags=[]), by=admin, expected_version=1)

    assert isinstance(refused.value, Conflict)
    assert (changed.severity, changed.tags) == ("low", ["vip"])


async def test_an_owner_is_a_user_of_the_same_organisation_who_is_not_suspended(
    database, organisation, incidents, admin, analyst
):
    incident_id = await add_incident(database, organisation)

    async with incidents(organisation) as service:
        with pytest.raises(OwnerUnknown):
            await service.assign(incident_id, uuid4(), by=admin)
        assigned = await service.assign(incident_id, analyst.id, by=admin)
    async with transaction(database, organisation) as session:
        await session.execute(text("UPDATE users SET status = 'suspended' WHERE id = :id"), {"id": admin.id})
    async with incidents(organisation) as service:
        with pytest.raises(OwnerUnknown):
            await service.assign(incident_id, admin.id, by=admin)
        released = await service.assign(incident_id, None, by=admin)

    assert (assigned.owner.id, released.owner) == (str(analyst.id), None)
    assert await audited(database, organisation, incident_id) == ["incident.assigned"] * 2


async def test_a_responder_takes_what_is_free_but_gives_nothing_to_others(
    database, organisation, incidents, responder, admin
):
    incident_id = await add_incident(database, organisation)

    async with incidents(organisation) as service:
        taken = await service.assign(incident_id, responder.id, by=responder)
        with pytest.raises(NotPermitted, match="incidents:assign"):
            await service.assign(incident_id, admin.id, by=responder)

    assert taken.owner.id == str(responder.id)


async def test_a_note_stands_on_the_timeline_after_the_findings(database, organisation, incidents, analyst):
    incident_id = await add_incident(database, organisation, findings=3)

    async with incidents(organisation) as service:
        await service.add_note(incident_id, "Called the user.", by=analyst)
        with pytest.raises(Invalid):
            await service.add_note(incident_id, "  ", by=analyst)
        timeline = await service.timeline(incident_id, by=analyst)
        notes = await service.notes(incident_id, by=analyst)

    assert [item.kind for item in timeline.items] == ["finding"] * 3 + ["note"]
    assert [(note.text, note.by.name) for note in notes.items] == [("Called the user.", analyst.name)]


async def test_a_timeline_read_page_by_page_misses_and_repeats_nothing(
    database, organisation, incidents, analyst
):
    incident_id = await add_incident(database, organisation, findings=7)
    seen, cursor = [], None

    async with incidents(organisation) as service:
        for word in ("one", "two"):
            await service.add_note(incident_id, word, by=analyst)
        while True:
            page = await service.timeline(incident_id, by=analyst, cursor=cursor, limit=2)
            seen += [(item.at, item.id) for item in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break

    assert len(seen) == 9
    assert seen == sorted(set(seen))


async def test_pinned_evidence_outlives_its_day_and_names_its_hash(
    database, organisation, incidents, analyst
):
    incident_id = await add_incident(database, organisation)
    raw = b'{"EventID": 10, "TargetImage": "lsass.exe"}'
    event = Event("windows", "sysmon", "10", {"TargetImage": "lsass.exe"}, 1, "wkstn-5", None, 0, len(raw))
    base = segment_base(1_700_000_000_000)
    segment = SegmentWriter().encode(base, [event], [uuid4()], raw, rule_set="s1", matched=1)
    async with transaction(database, organisation) as session:
        store = PostgresEventStore(session, organisation, SystemClock())
        await store.append(segment, received=1_700_000_000_000_000)

    async with incidents(organisation) as service:
        pinned = await service.pin_evidence(incident_id, segment.event_id(0), reason="the dump", by=analyst)
        again = await service.pin_evidence(incident_id, segment.event_id(0), reason="twice", by=analyst)

    assert (pinned.sha256, again.reason) == (sha256(raw).hexdigest(), "the dump")
    async with transaction(database, organisation) as session:
        await session.execute(text("DELETE FROM segments"))
        kept = await PostgresEventStore(session, organisation, SystemClock()).original(segment.event_id(0))
    assert kept == raw
    assert await audited(database, organisation, incident_id) == ["incident.evidence_pinned"]


@pytest.mark.parametrize("event_id", [uuid4(), UUID(int=0), UUID(int=2**128 - 1)])
async def test_an_event_that_does_not_exist_cannot_be_evidence(
    database, organisation, incidents, analyst, event_id
):
    incident_id = await add_incident(database, organisation)

    async with incidents(organisation) as service:
        with pytest.raises(NotFound):
            await service.pin_evidence(incident_id, event_id, reason="x", by=analyst)


async def test_in_bulk_each_incident_succeeds_or_fails_on_its_own(
    database, organisation, other_organisation, incidents, analyst
):
    free = await add_incident(database, organisation)
    taken = await add_incident(database, organisation, status="in_progress")
    foreign = await add_incident(database, other_organisation)

    async with incidents(organisation) as service:
        result = await service.bulk(
            BulkRequest(ids=[free, taken, foreign, free], action=BulkAction.ACKNOWLEDGE), by=analyst
        )

    assert result.done == [free]
    assert {failure.id: failure.code for failure in result.failed} == {
        taken: "transition_not_allowed", foreign: "incident_not_found",
    }  # fmt: skip
    async with incidents(organisation) as service:
        assert (await service.detail(free, by=analyst)).status is Status.ACKNOWLEDGED
        assert (await service.detail(taken, by=analyst)).version == 1
    assert await audited(database, organisation, taken) == []


async def test_bulk_closing_without_a_reason_fails_for_each(database, organisation, incidents, analyst):
    incident_id = await add_incident(database, organisation)

    async with incidents(organisation) as service:
        result = await service.bulk(BulkRequest(ids=[incident_id], action=BulkAction.CLOSE), by=analyst)

    assert [failure.code for failure in result.failed] == ["reason_missing"]


async def test_a_merge_moves_the_findings_and_a_split_returns_them(database, organisation, incidents, admin):
    one = await add_incident(database, organisation, findings=2)
    two = await add_incident(database, organisation, findings=3, severity=4, risk=90)

    async with incidents(organisation) as service:
        merged = await service.merge(one, [two], by=admin)
        absorbed = await service.detail(two, by=admin)

    assert (merged.findings_count, merged.events_count, merged.risk, merged.severity) == (
        5,
        5,
        90,
        "critical",
    )
    assert (absorbed.status, absorbed.closure.merged_into) == (Status.CLOSED, one)
    async with incidents(organisation) as service:
        back = await service.split(two, by=admin)
        left = await service.detail(one, by=admin)
    assert (back.findings_count, back.status, left.findings_count) == (3, Status.IN_PROGRESS, 2)


async def test_an_incident_merged_twice_over_still_comes_out_whole(database, organisation, incidents, admin):
    ids = [await add_incident(database, organisation, findings=size) for size in (1, 2, 4)]

    async with incidents(organisation) as service:
        await service.merge(ids[1], [ids[0]], by=admin)
        await service.merge(ids[2], [ids[1]], by=admin)
        middle = await service.split(ids[1], by=admin)
        first = await service.split(ids[0], by=admin)
        last = await service.detail(ids[2], by=admin)
        middle_after = await service.detail(ids[1], by=admin)

    assert (middle.findings_count, first.findings_count) == (3, 1)
    assert (middle_after.findings_count, last.findings_count) == (2, 4)


async def test_an_incident_cannot_be_merged_with_itself(database, organisation, incidents, admin):
    incident_id = await add_incident(database, organisation)

    async with incidents(organisation) as service:
        with pytest.raises(Invalid, match="other than"):
            await service.merge(incident_id, [incident_id], by=admin)
