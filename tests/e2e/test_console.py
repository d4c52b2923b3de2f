"""The console in a real Chromium: accessible, inert to hostile telemetry, and at home on its origin."""

import json
import subprocess
from pathlib import Path

import msgspec
import pytest

from appliance.web.app import UI
from tests.e2e.driving import node
from tests.factories.oidc import uploaded_config

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(1800)]


def test_the_console_is_built():
    assert (UI / "index.html").exists(), "run `make ui` first"


@pytest.fixture
def furnished(browser, fed):
    """Something of everything that pages show: a role, a provider, a proposal, a review."""
    browser.prove()
    made = [
        browser.post(f"/api/v1{path}", json)
        for path, json in (
            ("/roles", {"name": "night_shift", "title": "Night shift", "permissions": ["incidents:view"]}),
            ("/users", {"email": "nora@example.test", "name": "Nora", "roles": ["night_shift"]}),
            ("/service-tokens", {"name": "ticket bridge", "permissions": ["incidents:view"]}),
            ("/identity-providers", {"name": "Shown", "config": msgspec.to_builtins(uploaded_config()), "secret": "x"}),
            ("/proposals", {"action": "incident.delete", "payload": {"incident_id": fed}, "reason": "a test"}),
            ("/access-reviews", None),
        )
    ]  # fmt: skip
    assert [one.status_code for one in made] == [201] * len(made), [one.text for one in made]


def test_every_page_is_accessible_and_keeps_to_its_policy_and_origin(appliance, browser, furnished):
    script = ROOT / "tests/e2e/console/audit.mjs"
    done = subprocess.run(
        [*node(), str(script), appliance.web_url, "--cookie", browser.cookie],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert json.loads(done.stdout)


def test_the_console_is_worked_by_keyboard():
    done = subprocess.run(
        [*node(), str(ROOT / "tests/e2e/console/behave.mjs")], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
