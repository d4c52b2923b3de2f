"""Administering people in the console."""

import pytest

from tests.e2e.driving import driven

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_somebody_is_invited_given_roles_signed_out_and_suspended(appliance, browser):
    browser.prove()

    told = driven("people.mjs", appliance.web_url, browser.cookie, "two red kettles beside the gate")

    wanda = next(
        one for one in browser.get("/api/v1/users").json()["items"] if one["email"] == "wanda@example.test"
    )
    assert wanda["status"] == "suspended"
    grants = {one["role"]: one["expires_at"] for one in wanda["grants"]}
    assert grants["weekend"] is None
    assert grants["soc_analyst"].startswith("2035-05-01T")
    # The custom role sees incidents, and the navigation offers nothing else.
    assert told == {"held": 5, "pages": ["Incidents"]}
