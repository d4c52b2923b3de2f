"""What takes two people, in two browsers, and the document they sign at the end."""

import re
import time

import httpx
import pyotp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.e2e.conftest import COWRIE, Browser
from tests.e2e.driving import driven

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
PASSWORD = "four yellow lamps above the mill"


@pytest.fixture
def second(appliance, browser):
    """Another administrator, signed in."""
    browser.prove()
    new = {"email": "berta@example.test", "name": "Berta", "roles": ["super_admin"]}
    link = browser.post("/api/v1/users", new).json()["link_token"]
    with httpx.Client(base_url=appliance.web_url, timeout=30) as client:
        yield come_in(client, link, PASSWORD)


@pytest.fixture
def reviewed(browser, second):
    """No review is open that somebody else began: one that was cannot know who came since."""
    for review in browser.get("/api/v1/access-reviews").json()["items"]:
        if review["closed_at"] is None:
            kept = [{"user_id": one["user_id"], "decision": "keep"} for one in review["items"]]
            path = f"/api/v1/access-reviews/{review['id']}"
            assert second.post(f"{path}/decisions", {"decisions": kept}).is_success
            assert second.post(f"{path}/closure", {}).is_success


def come_in(client: httpx.Client, link: str, password: str) -> Browser:
    form = {"token": link, "password": password, "again": password}
    answer = client.post("/welcome", data=form)
    step = {"Cookie": answer.headers["set-cookie"].partition(";")[0]}
    page = client.get(answer.headers["location"], headers=step).text
    secret = re.search(r'id="secret">([A-Z2-7 ]+)<', page)[1].replace(" ", "")
    done = client.post("/sign-in/step/enrolment", data={"code": pyotp.TOTP(secret).now()}, headers=step)
    return Browser(client, re.search(r"__Host-xdr=[^;]+", done.headers["set-cookie"])[0], secret)


@pytest.fixture
def incident(appliance, browser):
    """An incident that may go: of another honeypot, attacked by somebody else."""
    before = {one["id"] for one in browser.get("/api/v1/incidents").json()["items"]}
    source = browser.post("/api/v1/sources", {"name": "honeypot-2", "format": "auto"}).json()
    token = browser.post(f"/api/v1/sources/{source['id']}/tokens", {}).json()["token"]
    other = COWRIE.replace("203.0.113.7", "203.0.113.99").replace("a1b2", "c3d4").replace("pot-1", "pot-2")
    httpx.post(
        f"{appliance.ingest_url}/api/v1/ingest/honeypot-2",
        content=other.replace("198.51.100.9", "198.51.100.77"),
        headers={"Authorization": f"Bearer {token}", "X-Batch-Id": "other"},
        timeout=60,
    ).raise_for_status()
    deadline = time.monotonic() + 30
    while not (
        new := [
            one["id"] for one in browser.get("/api/v1/incidents").json()["items"] if one["id"] not in before
        ]
    ):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return new[0]


@pytest.mark.usefixtures("reviewed")
def test_two_people_delete_an_incident_and_sign_a_review(appliance, browser, fed, second, incident):
    told = driven("governance.mjs", appliance.web_url, browser.cookie, second.cookie, incident, "Berta")

    assert browser.get(f"/api/v1/incidents/{incident}").status_code == 404
    assert browser.get(f"/api/v1/incidents/{fed}").status_code == 200
    reviews = browser.get("/api/v1/access-reviews").json()["items"]
    review = next(one for one in reviews if one["id"] == told["review"])
    assert {one["decision"] for one in review["items"]} == {"keep"}
    keys = browser.get("/api/v1/audit/keys").json()["items"]
    signer = next(one["public_key"] for one in keys if one["public_key"].startswith(review["key_id"]))
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(signer)).verify(
        bytes.fromhex(review["signature"]), review["document"].encode()
    )
