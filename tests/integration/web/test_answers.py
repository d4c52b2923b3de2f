"""Every kind of answer: its headers, its bounds, and what it says when something is wrong."""

import re

import httpx
import msgspec
import pytest

from appliance.foundation.actors import appliance
from appliance.telemetry.schemas import NewSource
from appliance.web.app import create_application
from appliance.web.security import CONSOLE_POLICY
from tests.integration.web.conftest import CONSOLE

HEADERS = {
    "strict-transport-security", "x-content-type-options", "referrer-policy", "cross-origin-opener-policy",
    "cross-origin-resource-policy", "permissions-policy", "x-frame-options", "content-security-policy",
}  # fmt: skip
PAGE = {"accept": "text/html,*/*;q=0.8"}
KINDS = {
    "page": ("GET", "/sign-in", 200),
    "console": ("GET", "/", 200),
    "asset": ("GET", "/assets/app-1a2b.js", 200),
    "stylesheet": ("GET", "/console/console.css", 200),
    "icon": ("GET", "/favicon.ico", 200),
    "docs": ("GET", "/docs", 200),
    "notices": ("GET", "/third-party-notices", 200),
    "health": ("GET", "/health/live", 200),
    "not signed in": ("GET", "/api/v1/incidents", 401),
    "no such route": ("GET", "/api/v1/nothing", 404),
    "no such page": ("GET", "/nothing", 404),
    "no such asset": ("GET", "/assets/gone.js", 404),
    "wrong method": ("PUT", "/sign-in", 405),
    "bad form": ("POST", "/sign-in", 422),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_answer_carries_the_security_headers(browser, kind):
    method, path, status = KINDS[kind]

    answer = await browser().request(method, path)

    assert answer.status_code == status
    assert HEADERS - set(answer.headers) == set()
    assert "unsafe-eval" not in answer.headers["content-security-policy"]


async def test_answers_of_the_api_carry_them_too(browser, crowd, organisation):
    client = browser(await crowd.member(organisation, "soc_analyst"))

    for path, status in (
        ("/api/v1/incidents", 200),
        ("/api/v1/users?cursor=", 200),
        ("/api/v1/openapi", 200),
    ):
        answer = await client.get(path)

        assert answer.status_code == status
        assert answer.headers["content-security-policy"] == CONSOLE_POLICY
        assert HEADERS - set(answer.headers) == set()


async def test_nothing_keeps_what_the_api_answers(browser, crowd, organisation):
    client = browser(await crowd.member(organisation, "soc_analyst"))

    paths = (
        "/incidents",
        "/users",
        "/session",
        "/nothing",
        "/organisations",
        "/openapi",
        "/incidents?limit=x",
    )
    kept = {path: (await client.get(f"/api/v1{path}")).headers["cache-control"] for path in paths}
    stranger = (await browser().get("/api/v1/incidents")).headers["cache-control"]

    assert set(kept.values()) | {stranger} == {"no-store"}


async def test_an_asset_is_kept_for_a_year_and_the_console_never(browser):
    asset, console = await browser().get("/assets/app-1a2b.js"), await browser().get("/incidents/7")

    assert "immutable" in asset.headers["cache-control"]
    assert (console.headers["cache-control"], console.text[:15]) == ("no-store", CONSOLE[:15])


async def test_the_console_runs_only_scripts_that_carry_this_answers_nonce(browser):
    pages = [await browser().get("/incidents") for _ in range(2)]

    nonces = [
        re.search(r"'nonce-([\w-]{20,})' 'strict-dynamic'", p.headers["content-security-policy"])[1]
        for p in pages
    ]
    assert nonces[0] != nonces[1]
    assert all(f'nonce="{nonce}"' in page.text for nonce, page in zip(nonces, pages, strict=True))
    assert "XDR_CSP_NONCE" not in pages[0].text


async def test_a_browsers_report_is_taken_and_bounded(browser):
    report = {"csp-report": {"blocked-uri": "https://evil.test/x.js", "violated-directive": "script-src"}}
    kind = {"content-type": "application/csp-report"}

    taken = await browser().post("/api/v1/csp-reports", json=report, headers=kind)
    odd = await browser().post("/api/v1/csp-reports", content=b"not json", headers=kind)
    large = await browser().post("/api/v1/csp-reports", content=b"x" * 20_000, headers=kind)

    assert [taken.status_code, odd.status_code, large.status_code] == [204, 204, 413]


async def test_without_a_contact_there_is_no_security_txt(browser):
    assert (await browser().get("/.well-known/security.txt")).status_code == 404


async def test_the_sites_contact_is_told(settings, clock, built_console):
    web = msgspec.structs.replace(settings.web, security_contact="mailto:security@site.test")
    application = create_application(msgspec.structs.replace(settings, web=web), clock, ui=built_console)
    transport = httpx.ASGITransport(application)

    async with httpx.AsyncClient(transport=transport, base_url="https://xdr.test") as client:
        answer = await client.get("/.well-known/security.txt")
    await application.state.context.close()

    assert "Contact: mailto:security@site.test" in answer.text
    assert re.search(r"Expires: \d{4}-\d\d-\d\dT", answer.text)


async def test_an_unknown_field_is_a_problem_that_names_it(browser, crowd, organisation):
    client = browser(await crowd.member(organisation))

    answer = await client.post("/api/v1/tokens", json={"name": "x", "permissions": [], "admin": True})

    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert "admin" in answer.json()["detail"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"name": 1, "permissions": []}', b"\xff"])
async def test_a_body_that_is_none_of_ours_is_a_problem(browser, crowd, organisation, body):
    client = browser(await crowd.member(organisation))

    answer = await client.post("/api/v1/tokens", content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 422
    assert answer.json()["status"] == 422


async def test_a_body_over_the_bound_is_refused_whether_or_not_it_says_its_length(
    browser, crowd, organisation
):
    client = browser(await crowd.member(organisation))

    async def unannounced():
        for _ in range(20):
            yield b" " * 65_536

    headers = {"content-type": "application/json"}
    announced = await client.post("/api/v1/tokens", content=b" " * 1_048_577, headers=headers)
    streamed = await client.post("/api/v1/tokens", content=unannounced(), headers=headers)

    assert [announced.status_code, streamed.status_code] == [413, 413]
    assert HEADERS - set(streamed.headers) == set()


async def test_whoever_follows_a_dead_link_gets_the_consoles_page_with_its_status(browser):
    answer = await browser().get("/no/such/page", headers=PAGE)

    assert (answer.status_code, answer.text[:15]) == (404, CONSOLE[:15])
    assert HEADERS - set(answer.headers) == set()


@pytest.mark.parametrize(
    ("method", "path", "accept"),
    [
        ("GET", "/api/v1/nothing", "text/html"),
        ("GET", "/no/such/page", "application/json"),
        ("POST", "/no/such/page", "text/html"),
    ],
)
async def test_programs_get_a_problem_for_what_is_not_there(browser, method, path, accept):
    answer = await browser().request(method, path, headers={"accept": accept})

    assert answer.status_code in (404, 405)
    assert answer.headers["content-type"].startswith("application/problem+json")


async def test_the_notices_go_with_the_console(browser):
    answer = await browser().get("/third-party-notices")

    assert (answer.status_code, answer.text) == (200, "licences")
    assert answer.headers["content-type"].startswith("text/plain")


async def test_metrics_need_a_token_that_may_see_the_status(browser, crowd, organisation):
    client = browser(await crowd.member(organisation, "soc_analyst"))
    tokens = {}
    for permission in ("status:view", "events:view"):
        body = {"name": "prometheus", "permissions": [permission], "days": 1}
        tokens[permission] = (await client.post("/api/v1/tokens", json=body)).json()["token"]

    statuses = [
        (await browser().get("/metrics")).status_code,
        *[
            (await browser(authorization=f"Bearer {token}").get("/metrics")).status_code
            for token in tokens.values()
        ],
    ]

    assert statuses == [401, 200, 403]


async def test_a_new_source_token_says_where_to_send(browser, crowd, settings, organisation):
    async with crowd.open(organisation) as services:
        source = await services.telemetry.create_source(NewSource(name="s"), by=appliance("tests"))
    client = browser(await crowd.member(organisation, "security_admin"))

    issued = (await client.post(f"/api/v1/sources/{source.id}/tokens", json={})).json()

    assert issued["ingest_url"] == settings.ingest.url
    assert issued["token"].startswith(issued["prefix"])


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
async def test_no_other_origin_is_let_in(browser, crowd, organisation, method):
    client = browser(await crowd.member(organisation))
    asks = {"Origin": "https://evil.test", "Access-Control-Request-Method": "GET"}

    answer = await client.request(method, "/api/v1/session", headers=asks)

    assert [name for name in answer.headers if name.startswith("access-control-")] == []
