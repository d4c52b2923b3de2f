"""From an empty machine to a worked incident, as its users live it."""

import httpx

from tests.e2e.conftest import PASSWORD


def test_a_batch_sent_again_is_answered_again_and_changes_nothing(appliance, browser, fed):
    before = browser.get("/api/v1/status").json()["pipeline"]["events_stored"]
    token = _token(browser, "again")
    send = lambda: httpx.post(  # noqa: E731 — said twice below
        f"{appliance.ingest_url}/api/v1/ingest/again",
        content='{"eventid":"cowrie.login.failed","session":"zz","timestamp":"2026-05-02T12:00:00Z"}',
        headers={"Authorization": f"Bearer {token}", "X-Batch-Id": "one"},
    )

    first, second = send(), send()

    assert first.json()["batch_id"] == second.json()["batch_id"]
    assert browser.get("/api/v1/status").json()["pipeline"]["events_stored"] == before + 1


def test_the_incident_says_why_in_the_words_of_its_evidence(browser, fed):
    incident = browser.get(f"/api/v1/incidents/{fed}").json()

    assert incident["why"]["summary"]
    assert {clause["rule_author"] for clause in incident["why"]["clauses"]} == {"Mini-XDR Appliance"}
    assert any(
        "xmrig" in clause["value"] or "wget" in clause["value"] for clause in incident["why"]["clauses"]
    )
    assert "203.0.113.7" in {entity["value"] for entity in incident["entities"]}
    assert all(technique["id"].startswith("T") for technique in incident["techniques"])


def test_an_analyst_works_an_incident_to_its_end(browser, fed):
    taken = browser.post(f"/api/v1/incidents/{fed}/acknowledgement", {"note": "mine"})
    again = browser.post(f"/api/v1/incidents/{fed}/acknowledgement", {})
    note = browser.post(f"/api/v1/incidents/{fed}/notes", {"text": "pot-1 did its work"})
    closed = browser.post(f"/api/v1/incidents/{fed}/transition", {"to": "closed", "reason": "true_positive"})
    timeline = browser.get(f"/api/v1/incidents/{fed}/timeline", limit=200).json()["items"]

    assert taken.json()["status"] == "acknowledged"
    assert again.status_code == 409
    assert note.status_code == 201
    assert closed.json()["closure"]["reason"] == "true_positive"
    assert {"finding", "state", "note"} <= {item["kind"] for item in timeline}


def test_two_people_who_change_one_incident_do_not_overwrite_each_other(browser, fed):
    etag = browser.get(f"/api/v1/incidents/{fed}").headers["etag"]

    first = browser.patch(f"/api/v1/incidents/{fed}", {"tags": ["honeypot"]}, **{"If-Match": etag})
    second = browser.patch(f"/api/v1/incidents/{fed}", {"tags": ["other"]}, **{"If-Match": etag})

    assert first.status_code == 200
    assert second.status_code == 409


def test_an_event_shows_its_exact_original_and_only_as_an_attachment(browser, fed):
    tree = {"op": "is", "field": "eventid", "value": "cowrie.login.success"}
    found = browser.post("/api/v1/events/search", {"where": tree, "limit": 10}).json()["items"][0]
    original = browser.get(f"/api/v1/events/{found['id']}/original")

    assert b"<script>alert(1)</script>" in original.content
    assert original.headers["content-type"] == "application/octet-stream"
    assert original.headers["content-disposition"].startswith("attachment")
    assert browser.get(f"/api/v1/events/{found['id']}").json()["findings"]


def test_what_was_no_event_waits_in_the_quarantine_with_its_reason(browser, fed):
    entries = browser.get("/api/v1/quarantine").json()["items"]

    assert entries
    assert all(entry["reason"] for entry in entries)


def test_everything_stored_was_matched(browser, fed):
    pipeline = browser.get("/api/v1/status").json()["pipeline"]

    assert pipeline["events_stored"] == pipeline["events_matched"] > 0


def test_the_metrics_tell_of_every_process(browser, fed):
    text_ = browser.get("/metrics").text

    stored = next(line for line in text_.splitlines() if line.startswith("xdr_events_stored_total"))
    assert float(stored.split()[-1]) >= 5
    assert 'xdr_findings_total{level="' in text_
    assert "http_request_duration_seconds_bucket" in text_


def test_every_change_left_an_entry_in_the_trail(appliance, browser, fed):
    import asyncio

    from sqlalchemy import text

    async def actions() -> set[str]:
        async with appliance.services() as services:
            return set((await services.session.execute(text("SELECT action FROM audit_entries"))).scalars())

    assert {"session.started", "user.password_set", "source.created", "source.token_issued"} <= asyncio.run(
        actions()
    )


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(appliance):
    known = httpx.post(f"{appliance.web_url}/sign-in", data={"email": "admin@localhost", "password": "x"})
    unknown = httpx.post(f"{appliance.web_url}/sign-in", data={"email": "nobody@localhost", "password": "x"})

    assert known.status_code == unknown.status_code == 401
    assert known.text.replace("admin@", "nobody@") == unknown.text


def test_a_link_works_once(appliance, browser):
    form = {"token": appliance.link, "password": PASSWORD, "again": PASSWORD}

    assert httpx.post(f"{appliance.web_url}/welcome", data=form).status_code == 422


def test_signing_in_asks_for_the_second_factor_and_never_leads_to_another_site(appliance, browser):
    form = {"email": "admin@localhost", "password": PASSWORD, "next": "//evil.example/"}
    answer = httpx.post(f"{appliance.web_url}/sign-in", data=form)

    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in/step?next=/"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-xdr-step=")
    assert all(word in cookie.lower() for word in ("secure", "httponly", "samesite=strict", "path=/"))


def test_a_change_without_the_sessions_token_is_refused(appliance, browser):
    answer = httpx.post(
        f"{appliance.web_url}/api/v1/sources", json={"name": "x"}, headers={"Cookie": browser.cookie}
    )

    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("application/problem+json")


def _token(browser, name: str) -> str:
    source = browser.post("/api/v1/sources", {"name": name}).json()
    return browser.post(f"/api/v1/sources/{source['id']}/tokens", {}).json()["token"]
