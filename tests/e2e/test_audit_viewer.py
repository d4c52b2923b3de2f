"""The audit trail in a real browser, which verifies it by itself."""

import pytest

from tests.e2e.driving import driven

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_the_browser_names_the_entry_that_was_tampered_with(appliance, browser, fed):
    browser.prove()

    told = driven("audit_viewer.mjs", appliance.web_url, browser.cookie)

    entry = browser.get(f"/api/v1/audit/entries/{told['id']}").json()["entry"]
    assert entry["record"]["seq"] == 3
    assert told["records"] > 4
