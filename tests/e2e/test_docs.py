"""The API's documentation in a real Chromium: complete, usable, and from this appliance alone."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.e2e.driving import node

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_the_documentation_is_read_and_tried_without_leaving_the_origin(appliance, browser):
    script = Path(__file__).parent / "console" / "docs.mjs"
    done = subprocess.run(
        [*node(), str(script), appliance.web_url, "--cookie", browser.cookie],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert json.loads(done.stdout)["operations"] > 40


def test_a_problem_leads_to_its_explanation(browser):
    problem = browser.get("/api/v1/incidents/00000000-0000-7000-8000-000000000000").json()

    path, _, code = problem["type"].partition("#")
    page = browser.get(path)

    assert code == "incident_not_found"
    assert f'id="{code}"' in page.text


def test_browsers_find_an_icon_on_every_page(browser):
    icon = browser.get("/favicon.ico")

    assert icon.status_code == 200
    assert icon.headers["content-type"] == "image/svg+xml"
