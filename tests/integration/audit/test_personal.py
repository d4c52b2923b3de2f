"""A person is erased from the trail, and the trail holds."""

import json
from uuid import uuid4

import psycopg
import pytest

from appliance.audit.schemas import EntryFilter
from appliance.audit.service import AuditTrail
from appliance.composition import open_services
from appliance.foundation.actors import Actor, ActorKind, Permission, appliance
from appliance.foundation.database import transaction
from appliance.foundation.errors import NotPermitted
from tests.integration.audit.conftest import read

BY = appliance("tests")
CANARIES = ("Canary Nightingale", "canary@example.test", "198.51.100.77", "canary's own words")


@pytest.fixture
def canary() -> Actor:
    return Actor(ActorKind.USER, uuid4(), CANARIES[0], frozenset(), address=CANARIES[2])


async def tell_of(trail, canary) -> None:
    async with transaction(trail.database, trail.scope) as session:
        audit = AuditTrail(session, trail.scope, trail.clock)
        audit.record("user.invited", by=BY, subject=canary.id, email=CANARIES[1], roles=["soc_analyst"])
        audit.record("note.added", by=canary, subject="n1", personal={"text": CANARIES[3]}, length=18)


async def entries(trail):
    async with open_services(trail.database, trail.scope, trail.sealer, trail.clock) as services:
        page = await services.trail.entries(EntryFilter(), by=BY, limit=50, cursor=None)
    return {item.action: item for item in page.items}


async def dump(postgres, org) -> str:
    """All that is in the trail's tables, as `pg_dump --data-only` would write it."""
    async with await psycopg.AsyncConnection.connect(postgres.superuser_dsn, dbname="xdr") as connection:
        found = []
        for table in ("audit_entries", "audit_chain", "audit_subject_keys"):
            async with connection.cursor() as cursor:
                query = f"SELECT t, convert_from(body, 'UTF8') FROM {table} t WHERE org_id = '{org}'"
                await cursor.execute(
                    query if table == "audit_entries" else f"SELECT t FROM {table} t WHERE org_id = '{org}'"
                )
                found += [str(row) for row in await cursor.fetchall()]
    return "\n".join(found)


async def test_whoever_may_view_the_trail_reads_names_as_long_as_their_keys_exist(trail, canary):
    await tell_of(trail, canary)

    found = await entries(trail)

    assert found["note.added"].actor["name"] == CANARIES[0]
    assert found["note.added"].actor["address"] == CANARIES[2]
    assert found["note.added"].detail == {"length": 18, "text": CANARIES[3]}
    assert found["user.invited"].detail == {"email": CANARIES[1], "roles": ["soc_analyst"]}


async def test_no_personal_data_lies_open_in_the_tables(trail, canary, postgres):
    await tell_of(trail, canary)

    written = await dump(postgres, trail.org)

    assert "note.added" in written
    assert [one for one in CANARIES if one in written or one.encode().hex() in written] == []


async def test_after_erasure_nobody_reads_the_person_and_every_verifier_finds_the_trail_intact(
    trail, canary, postgres
):
    await tell_of(trail, canary)
    await trail.seal()
    async with open_services(trail.database, trail.scope, trail.sealer, trail.clock) as services:
        await services.trail.erase_subject(canary.id, by=BY)
    await tell_of(trail, canary)
    await trail.seal()

    verdict, export = await trail.verify(), await trail.export()
    found, written = await entries(trail), await dump(postgres, trail.org)

    assert verdict.ok, verdict.problem
    assert read(export).ok
    assert read(export, thorough=True).ok
    assert found["note.added"].actor["name"] is None
    assert found["note.added"].detail == {"length": 18, "text": None}
    assert found["user.invited"].detail["email"] is None
    assert "privacy.subject_erased" in found
    everything = written + export.decode()
    assert [one for one in CANARIES if one in everything or one.encode().hex() in everything] == []


async def test_entries_about_an_erased_person_hold_no_ciphertext_of_theirs(trail, canary):
    async with open_services(trail.database, trail.scope, trail.sealer, trail.clock) as services:
        await services.trail.erase_subject(canary.id, by=BY)
    await tell_of(trail, canary)

    body = json.loads((await entries(trail))["note.added"].body)

    assert body["actor"]["name"] == {"sealed": "", "subject": str(canary.id)}


async def test_erasing_somebody_leaves_others_alone(trail, canary):
    other = Actor(ActorKind.USER, uuid4(), "Somebody else", frozenset())
    async with transaction(trail.database, trail.scope) as session:
        audit = AuditTrail(session, trail.scope, trail.clock)
        audit.record("first.done", by=canary)
        audit.record("second.done", by=other)
    async with open_services(trail.database, trail.scope, trail.sealer, trail.clock) as services:
        await services.trail.erase_subject(canary.id, by=BY)

    found = await entries(trail)

    assert (found["first.done"].actor["name"], found["second.done"].actor["name"]) == (None, "Somebody else")


async def test_a_ciphertext_moved_to_another_field_does_not_open(trail, canary, forge):
    await tell_of(trail, canary)
    note = (await entries(trail))["note.added"]
    body = json.loads(note.body)
    body["actor"]["address"] = body["actor"]["name"]
    await forge("UPDATE audit_entries SET body = %s WHERE id = %s", json.dumps(body).encode(), note.id)

    found = await entries(trail)

    assert found["note.added"].actor["address"] is None


async def test_only_who_may_erase_does(trail, canary):
    admin = Actor(ActorKind.USER, uuid4(), "x", frozenset(Permission) - {Permission.PRIVACY_ERASE})
    async with open_services(trail.database, trail.scope, trail.sealer, trail.clock) as services:
        with pytest.raises(NotPermitted):
            await services.trail.erase_subject(canary.id, by=admin)
