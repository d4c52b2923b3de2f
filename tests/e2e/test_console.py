"""The console in a real Chromium: accessible, inert to hostile telemetry, and at home on its origin."""

import json
import subprocess
from pathlib import Path

import pytest

from appliance.web.app import UI
from tests.e2e.driving import node

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


def test_the_console_is_built():
    assert (UI / "index.html").exists(), "run `make ui` first"


def test_every_page_is_accessible_and_keeps_to_its_policy_and_origin(appliance, browser, fed):
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
