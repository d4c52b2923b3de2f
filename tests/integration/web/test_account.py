"""One's own account through the API: factors, sessions, proving oneself again, signing in as a program."""

import pyotp
import pytest

from tests.factories.people import PASSWORD

ACCOUNT = "/api/v1/account"
NEXT = "nine purple kites over the harbour"


async def test_an_app_is_set_up_confirmed_used_and_removed(browser, crowd, clock, organisation):
    client = browser(await crowd.member(organisation, "soc_analyst"))

    begun = (await client.post(f"{ACCOUNT}/totp")).json()
    wrong = await client.post(f"{ACCOUNT}/totp/confirmation", json={"code": "000000"})
    code = pyotp.TOTP(begun["secret"]).at(clock.now())
    confirmed = await client.post(f"{ACCOUNT}/totp/confirmation", json={"code": code})
    state = (await client.get(f"{ACCOUNT}/factors")).json()
    removed = await client.delete(f"{ACCOUNT}/totp")

    assert wrong.json()["code"] == "factor_refused"
    assert begun["qr"].startswith("data:image/svg+xml")
    assert state["has_password"]
    assert len(set(confirmed.json()["recovery_codes"])) == 10
    assert (state["totp"], state["recovery_codes_left"], state["required"]) == (True, 10, False)
    assert removed.status_code == 204
    assert not (await client.get(f"{ACCOUNT}/factors")).json()["totp"]


async def test_another_app_takes_over_with_its_first_code_and_not_before(browser, crowd, clock, organisation):
    member = await crowd.member(organisation, "super_admin")
    client = browser(member)

    begun = (await client.post(f"{ACCOUNT}/totp")).json()
    wrong = await client.post(f"{ACCOUNT}/totp/confirmation", json={"code": "000000"})
    clock.advance(seconds=60)
    old = await client.post("/api/v1/session/step-up", json={"code": crowd.code(member)})
    code = pyotp.TOTP(begun["secret"]).at(clock.now())
    confirmed = await client.post(f"{ACCOUNT}/totp/confirmation", json={"code": code})
    clock.advance(seconds=60)
    refused = await client.post("/api/v1/session/step-up", json={"code": crowd.code(member)})
    again = await client.post(f"{ACCOUNT}/totp/confirmation", json={"code": code})

    assert wrong.json()["code"] == "factor_refused"
    assert old.status_code == 204
    assert len(confirmed.json()["recovery_codes"]) == 10
    assert refused.json()["code"] == "factor_refused"
    assert again.json()["code"] == "factor_refused"


async def test_an_administrator_cannot_remove_the_only_factor(browser, crowd, organisation):
    client = browser(await crowd.member(organisation, "super_admin"))

    answer = await client.delete(f"{ACCOUNT}/totp")

    assert answer.status_code == 409


async def test_dangerous_actions_want_a_fresh_proof(browser, crowd, clock, organisation):
    member = await crowd.member(organisation, "super_admin")
    client = browser(member)
    new = {"email": "new@example.test", "name": "New", "roles": ["soc_analyst"]}
    clock.advance(minutes=11)

    stale = await client.post("/api/v1/users", json=new)
    wrong = await client.post("/api/v1/session/step-up", json={"password": PASSWORD})
    proved = await client.post("/api/v1/session/step-up", json={"code": crowd.code(member)})
    replayed = await client.post("/api/v1/session/step-up", json={"code": crowd.code(member)})
    done = await client.post("/api/v1/users", json=new)

    assert (stale.status_code, stale.json()["code"]) == (403, "step_up_required")
    assert (wrong.status_code, wrong.json()["code"]) == (403, "factor_refused")
    assert proved.status_code == 204
    assert replayed.status_code == 403
    assert done.status_code == 201


async def test_without_a_factor_the_password_proves_it(browser, crowd, clock, organisation):
    client = browser(await crowd.member(organisation, "soc_analyst"))
    clock.advance(minutes=11)

    wrong = await client.post("/api/v1/session/step-up", json={"password": "x"})
    proved = await client.post("/api/v1/session/step-up", json={"password": PASSWORD})

    assert (wrong.status_code, proved.status_code) == (403, 204)


async def test_guessing_within_a_session_is_slowed_down(browser, crowd, organisation):
    client = browser(await crowd.member(organisation, "super_admin"))

    statuses = [
        (await client.post("/api/v1/session/step-up", json={"code": "000000"})).status_code for _ in range(4)
    ]

    assert statuses == [403, 403, 403, 429]


async def test_another_password_ends_all_other_sessions(browser, crowd, organisation):
    member = await crowd.member(organisation, "soc_analyst")
    other = await crowd.gate.sign_in(member.email, PASSWORD, address="elsewhere", user_agent="")
    client = browser(member)

    wrong = await client.post(f"{ACCOUNT}/password", json={"current": "x", "new": NEXT})
    done = await client.post(f"{ACCOUNT}/password", json={"current": PASSWORD, "new": NEXT})

    assert (wrong.status_code, done.status_code) == (403, 204)
    assert (await client.get("/api/v1/session")).status_code == 200
    other_client = browser()
    other_client.cookies.set("__Host-xdr", other.token, domain="xdr.test")
    assert (await other_client.get("/api/v1/session")).status_code == 401


async def test_sessions_are_listed_and_ended(browser, crowd, organisation):
    member, stranger = [await crowd.member(organisation, "soc_analyst") for _ in range(2)]
    await crowd.gate.sign_in(member.email, PASSWORD, address="elsewhere", user_agent="curl")
    client = browser(member)

    mine = (await client.get("/api/v1/sessions/own")).json()["items"]
    foreign = await client.delete(f"/api/v1/sessions/own/{stranger.signed_in.session_id}")
    ended = await client.delete("/api/v1/sessions/own")

    assert {one["user_agent"] for one in mine} == {"pytest", "curl"}
    assert [one["current"] for one in mine].count(True) == 1
    assert foreign.status_code == 404
    assert ended.json() == {"ended": 1}


async def test_a_program_signs_in_with_a_second_factor_refreshes_and_signs_out(
    browser, crowd, clock, organisation
):
    member, client = await crowd.member(organisation, "super_admin"), browser()
    clock.advance(seconds=30)

    step = (
        await client.post("/api/v1/auth/sign-in", json={"email": member.email, "password": PASSWORD})
    ).json()
    wrong = await client.post("/api/v1/auth/second-factor", json={"token": step["token"], "code": "000000"})
    tokens = (
        await client.post(
            "/api/v1/auth/second-factor", json={"token": step["token"], "code": crowd.code(member)}
        )
    ).json()
    renewed = (
        await client.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    ).json()
    bearer = {"Authorization": f"Bearer {renewed['access_token']}"}
    me = await client.get("/api/v1/session", headers=bearer)
    out = await client.delete("/api/v1/session", headers=bearer)
    after = await client.get("/api/v1/session", headers=bearer)

    assert step["step"] == "second_factor"
    assert wrong.status_code == 403
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 600)
    assert me.json()["user"]["email"] == member.email
    assert (out.status_code, after.status_code) == (204, 401)


async def test_the_public_keys_are_a_key_set_for_everybody(browser):
    answer = await browser().get("/api/v1/auth/keys")

    assert answer.headers["content-type"].startswith("application/jwk-set+json")
    assert all("d" not in key and key["crv"] == "Ed25519" for key in answer.json()["keys"])


async def test_a_service_token_works_from_its_networks_only(browser, crowd, application, organisation):
    import httpx

    client = browser(await crowd.member(organisation, "super_admin"))
    wanted = {"name": "exporter", "permissions": ["events:view"], "days": 1, "networks": ["192.0.2.0/24"]}
    shared = await client.post("/api/v1/service-tokens", json=wanted | {"permissions": ["privacy:erase"]})
    token = (await client.post("/api/v1/service-tokens", json=wanted)).json()["token"]

    async def status_from(address):
        transport = httpx.ASGITransport(application, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="https://xdr.test") as there:
            answer = await there.get("/api/v1/events/fields", headers={"Authorization": f"Bearer {token}"})
            return answer.status_code

    assert shared.status_code == 422
    assert [await status_from(one) for one in ("192.0.2.9", "::ffff:192.0.2.9", "198.51.100.9")] == [
        200,
        200,
        401,
    ]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (
            b'{"email":"a@x.test","email":"b@x.test","name":"x","roles":["soc_analyst"]}',
            "application/json",
            422,
        ),
        (b'{"email":"a@x.test","name":"x","roles":["soc_analyst"],"extra":1}', "application/json", 422),
        (b'{"email":"a@x.test","name":"x","roles":["soc_analyst"]}', "text/plain", 415),
        (b"email=a%40x.test&name=x", "application/x-www-form-urlencoded", 415),
        (b"[" * 100_000, "application/json", 422),
        (
            b'{"email":"a@x.test","name":"' + b"x" * 300 + b'","roles":["soc_analyst"]}',
            "application/json",
            422,
        ),
    ],
)
async def test_bodies_say_each_thing_once_and_nothing_else(browser, crowd, organisation, body, kind, status):
    client = browser(await crowd.member(organisation, "super_admin"))

    answer = await client.post("/api/v1/users", content=body, headers={"content-type": kind})

    assert answer.status_code == status, answer.text


async def test_passkeys_are_offered_for_the_public_host_and_bad_answers_refused(browser, crowd, organisation):
    client = browser(await crowd.member(organisation, "super_admin"))

    options = (await client.post(f"{ACCOUNT}/passkeys/options")).json()
    made_up = {"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {}}
    refused = await client.post(f"{ACCOUNT}/passkeys", json={"name": "key", "credential": made_up})

    assert options["rp"]["id"] == "localhost"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert (refused.status_code, refused.json()["code"]) == (403, "factor_refused")


async def test_who_is_refused_something_is_in_the_trail(browser, crowd, database, organisation):
    from sqlalchemy import text

    from appliance.foundation.database import transaction

    member = await crowd.member(organisation, "read_only_analyst")

    answer = await browser(member).post("/api/v1/sources", json={"name": "x"})

    async with transaction(database, organisation) as session:
        rows = await session.execute(
            text(
                "SELECT outcome, actor_id, convert_from(body, 'UTF8') FROM audit_entries WHERE action = 'access.denied'"
            )
        )
        entries = rows.all()
    assert answer.status_code == 403
    assert [(outcome, actor) for outcome, actor, _ in entries] == [("denied", member.id)]
    assert "POST" in entries[0][2]
