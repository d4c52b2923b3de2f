"""The trail over HTTP: what a browser needs to verify it alone, and what happens when nothing can be audited."""

import io
from uuid import uuid4

import psycopg
import pytest

from appliance.audit.keyring import Keyring
from appliance.audit.sealing import Sealing
from appliance.audit.verifier import checkpoints, merkle
from appliance.audit.verifier.chain import Chain, Start
from appliance.audit.verifier.export import verify
from appliance.audit.verifier.hashing import from_text, leaf_hash
from appliance.audit.verifier.localising import Record
from appliance.foundation.settings import Audit


@pytest.fixture
async def seal(database, settings, clock):
    """Seals an organisation's entries now, with a checkpoint."""
    sealing = Sealing(database, Keyring(settings.credential("audit-key")), Audit(), clock)

    async def run(org_id):
        clock.advance(minutes=2)
        while await sealing.step(org_id):
            pass

    return run


async def test_a_browser_can_verify_the_trail_from_what_the_api_gives(browser, crowd, organisation, seal):
    member = await crowd.member(organisation, "soc_analyst")
    await seal(organisation.org_id)
    client = browser(member)

    keys = (await client.get("/api/v1/audit/keys")).json()["items"]
    page = (await client.get("/api/v1/audit/chain", params={"limit": 2})).json()
    rest = (await client.get("/api/v1/audit/chain", params={"after": page["next_after"]})).json()
    marks = (await client.get("/api/v1/audit/checkpoints")).json()["items"]

    active = next(key for key in keys if key["state"] == "active")
    chain = Chain(organisation.org_id, bytes.fromhex(active["public_key"]), pin=active["fingerprint"])
    assert rest["head"] == page["items"][-1]["head"]
    for one in [*page["items"], *rest["items"]]:
        body, signature = one["body"].encode(), from_text(one["signature"])
        assert chain.extend([Record(one["seq"], one["sealed_at_us"], signature, body)])
    assert chain.checkpoint(
        checkpoints.read(marks[0]["checkpoint"].encode(), from_text(marks[0]["signature"]))
    )
    assert chain.finish().ok
    taken_up = Start(rest["after"], bytes.fromhex(rest["head"]), tuple(map(bytes.fromhex, rest["peaks"])))
    assert merkle.Peaks(taken_up.size, taken_up.peaks).size == 2


async def test_one_entry_is_proved_by_a_checkpoint(browser, crowd, organisation, seal):
    member = await crowd.member(organisation, "soc_analyst")
    await seal(organisation.org_id)
    client = browser(member)
    listed = (await client.get("/api/v1/audit/entries")).json()["items"]

    shown = (await client.get(f"/api/v1/audit/entries/{listed[-1]['id']}")).json()

    signed = checkpoints.read(shown["checkpoint"]["checkpoint"].encode(), b"")
    assert merkle.is_included(
        leaf_hash(shown["entry"]["body"].encode()),
        shown["entry"]["record"]["seq"] - 1,
        signed.size,
        [bytes.fromhex(one) for one in shown["proof"]],
        bytes.fromhex(signed.root),
    )


async def test_a_later_tree_is_proved_to_continue_an_earlier_one(browser, crowd, organisation, seal):
    member = await crowd.member(organisation, "soc_analyst")
    await seal(organisation.org_id)
    client = browser(member)
    await client.get("/api/v1/audit/entries")
    await seal(organisation.org_id)
    marks = (await client.get("/api/v1/audit/checkpoints")).json()["items"]
    old, new = (checkpoints.read(one["checkpoint"].encode(), b"") for one in marks[:2])

    answer = await client.get("/api/v1/audit/consistency", params={"old": old.size, "new": new.size})

    proof = [bytes.fromhex(one) for one in answer.json()["proof"]]
    assert merkle.is_consistent(old.size, bytes.fromhex(old.root), new.size, bytes.fromhex(new.root), proof)


async def test_the_export_is_verified_offline(browser, crowd, organisation, seal):
    member = await crowd.member(organisation, "security_admin")
    await seal(organisation.org_id)

    answer = await browser(member).post("/api/v1/audit/export", json={})

    assert answer.status_code == 200
    assert verify(io.BytesIO(answer.content)).ok


async def test_events_are_exported_only_by_who_may_export_both(browser, crowd, organisation):
    order = {
        "source_id": str(uuid4()),
        "events_from": "2026-05-01T00:00:00Z",
        "events_to": "2026-05-02T00:00:00Z",
    }
    viewer = await crowd.member(organisation, "incident_responder")
    admin = await crowd.member(organisation, "security_admin")

    refused = await browser(viewer).post("/api/v1/audit/export", json=order)
    done = await browser(admin).post("/api/v1/audit/export", json=order)
    half = await browser(admin).post("/api/v1/audit/export", json={"source_id": str(uuid4())})

    assert [refused.status_code, done.status_code, half.status_code] == [403, 200, 422]


async def test_a_request_that_cannot_be_audited_is_refused_and_changes_nothing(
    browser, crowd, organisation, postgres
):
    member = await crowd.member(organisation, "security_admin")
    client = browser(member)
    trigger = f"full_{organisation.org_id.hex}"
    async with await psycopg.AsyncConnection.connect(
        postgres.superuser_dsn, dbname="xdr", autocommit=True
    ) as connection:
        await connection.execute(
            f"CREATE FUNCTION {trigger}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF NEW.org_id = '{organisation.org_id}' THEN RAISE disk_full; END IF; RETURN NEW; END $$"
        )
        await connection.execute(
            f"CREATE TRIGGER {trigger} BEFORE INSERT ON audit_entries FOR EACH ROW EXECUTE FUNCTION {trigger}()"
        )
        changed = await client.post("/api/v1/sources", json={"name": "unseen"})
        read = await client.get("/api/v1/audit/entries")
        await connection.execute(f"DROP TRIGGER {trigger} ON audit_entries")
        await connection.execute(f"DROP FUNCTION {trigger}()")

    names = [one["name"] for one in (await client.get("/api/v1/sources")).json()["items"]]
    print(f"a change that cannot be audited: {changed.status_code}; a read: {read.status_code}")
    assert changed.status_code in (500, 503)
    assert read.status_code in (500, 503)
    assert names == []
