"""What a browser's cookie is worth, and what a request must bring beside it."""

import pytest

from appliance.foundation.tokens import new_token
from appliance.identity.admission import SESSION_PREFIX
from appliance.web.authentication import COOKIE
from tests.factories.people import PASSWORD

TOKENS = "/api/v1/tokens"
NEW = {"name": "ci", "permissions": ["tokens:own"], "days": 1}


async def test_signing_in_sets_a_cookie_no_script_and_no_other_site_can_use(browser, crowd, organisation):
    member = await crowd.member(organisation)

    answer = await browser().post(
        "/sign-in", data={"email": member.email, "password": PASSWORD, "next": "/rules"}
    )

    cookie = answer.headers["set-cookie"].lower()
    assert (answer.status_code, answer.headers["location"]) == (303, "/rules")
    assert cookie.startswith("__host-xdr=xdr_ses_")
    assert {"secure", "httponly", "samesite=strict", "path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "domain" not in cookie


@pytest.mark.parametrize("wanted", ["https://evil.test", "//evil.test", "/\\evil.test", "evil", "/\r\nX: y"])
async def test_signing_in_leads_nowhere_else(browser, crowd, organisation, wanted):
    member = await crowd.member(organisation)

    answer = await browser().post(
        "/sign-in", data={"email": member.email, "password": PASSWORD, "next": wanted}
    )

    assert answer.headers["location"] == "/"


async def test_a_wrong_password_is_a_page_that_repeats_no_password(browser, crowd, organisation):
    member = await crowd.member(organisation)

    answer = await browser().post("/sign-in", data={"email": member.email, "password": "wrong-and-secret"})

    assert answer.status_code == 401
    assert "wrong-and-secret" not in answer.text
    assert "set-cookie" not in answer.headers


async def test_after_three_failures_the_page_says_when_to_come_back(browser, crowd, organisation):
    member = await crowd.member(organisation)
    statuses = [
        (await browser().post("/sign-in", data={"email": member.email, "password": "wrong"})).status_code
        for _ in range(4)
    ]

    assert statuses == [401, 401, 401, 429]


async def test_a_planted_cookie_is_never_adopted(browser, crowd, organisation):
    member, planted = await crowd.member(organisation), new_token(SESSION_PREFIX)
    client = browser()
    client.cookies.set(COOKIE, planted, domain="xdr.test")

    await client.post("/sign-in", data={"email": member.email, "password": PASSWORD})
    issued = {cookie.value for cookie in client.cookies.jar if cookie.value != planted}

    attacker = browser()
    attacker.cookies.set(COOKIE, planted, domain="xdr.test")
    assert (await attacker.get("/api/v1/session")).status_code == 401
    assert len(issued) == 1


async def test_signing_out_ends_the_session_and_takes_the_cookie_along(browser, crowd, organisation):
    member = await crowd.member(organisation)
    client = browser(member)

    answer = await client.delete("/api/v1/session")

    cookie = answer.headers["set-cookie"].lower()
    # A browser ignores what concerns a __Host- cookie unless it is secure and for the whole host.
    assert answer.status_code == 204
    assert {"max-age=0", "secure", "path=/"} <= {part.strip() for part in cookie.split(";")}
    assert (await browser(member).get("/api/v1/session")).status_code == 401


async def test_the_session_tells_who_is_signed_in_and_ends_when_idle(
    browser, crowd, clock, settings, organisation
):
    member = await crowd.member(organisation, "soc_analyst")

    told = (await browser(member).get("/api/v1/session")).json()
    clock.advance(minutes=settings.web.session_idle_minutes + 1)
    later = await browser(member).get("/api/v1/session")

    assert (told["user"]["email"], told["roles"]) == (member.email, ["soc_analyst"])
    assert (later.status_code, later.json()["code"]) == (401, "session_ended")


async def test_a_change_needs_the_sessions_own_token_from_the_same_site(
    browser, crowd, context, organisation
):
    member, other = await crowd.member(organisation), await crowd.member(organisation)
    anothers = context.csrf_token(other.signed_in.token)

    statuses = {
        "right": (await browser(member).post(TOKENS, json=NEW)).status_code,
        "missing": (await browser(member, **{"x-csrf-token": ""}).post(TOKENS, json=NEW)).status_code,
        "another's": (await browser(member, **{"x-csrf-token": anothers}).post(TOKENS, json=NEW)).status_code,
        "cross-site": (
            await browser(member, **{"sec-fetch-site": "cross-site"}).post(TOKENS, json=NEW)
        ).status_code,
        "same-site": (
            await browser(member, **{"sec-fetch-site": "same-site"}).post(TOKENS, json=NEW)
        ).status_code,
    }

    assert statuses == {
        "right": 201, "missing": 403, "another's": 403, "cross-site": 403, "same-site": 403,
    }  # fmt: skip


async def test_a_form_on_another_site_signs_nobody_in(browser, crowd, organisation):
    member = await crowd.member(organisation)

    answer = await browser(**{"sec-fetch-site": "cross-site"}).post(
        "/sign-in", data={"email": member.email, "password": PASSWORD}
    )

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_a_bearer_token_needs_no_csrf_token_and_beats_no_permission(browser, crowd, organisation):
    member = await crowd.member(organisation)
    issued = (await browser(member).post(TOKENS, json=NEW)).json()
    client = browser(authorization=f"Bearer {issued['token']}")

    assert (await client.get(TOKENS)).status_code == 200
    assert (await client.get("/api/v1/incidents")).status_code == 403
    assert (await client.delete(f"{TOKENS}/{issued['id']}")).status_code == 204
    assert (await client.get(TOKENS)).status_code == 401


async def test_a_link_is_not_used_up_by_looking_at_it(browser, crowd, organisation):
    invited = await crowd.invite(organisation, "soc_analyst")
    form = {"token": invited.link_token, "password": PASSWORD, "again": PASSWORD}
    client = browser()

    looked = [(await client.get(f"/welcome/{invited.link_token}")).status_code for _ in range(2)]
    differing = await client.post("/welcome", data=form | {"again": "something else entirely"})
    done = await client.post("/welcome", data=form)
    again = await browser().post("/welcome", data=form)

    assert looked == [200, 200]
    assert [differing.status_code, done.status_code, again.status_code] == [422, 303, 422]
