"""One's own account in a real browser: a passkey, and an authenticator app."""

import time

import httpx
import pyotp
import pytest

from tests.e2e.driving import age_proofs, driven

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
PASSWORD = "nine purple kites over the harbour"


@pytest.fixture
def invited(browser):
    def invite(email: str) -> str:
        browser.prove()
        new = {"email": email, "name": email.partition("@")[0].title(), "roles": ["soc_analyst"]}
        answer = browser.post("/api/v1/users", new)
        assert answer.status_code == 201, answer.text
        return answer.json()["link_token"]

    return invite


def test_a_passkey_is_registered_proves_who_one_is_and_signs_in(appliance, invited):
    link = invited("paula@example.test")

    def answer(question: str) -> str:
        assert question == "age proofs"
        age_proofs(appliance, "paula@example.test")
        return ""

    told = driven("passkey.mjs", appliance.web_url, link, "paula@example.test", PASSWORD, answer=answer)

    assert {"mfa", "pwd"} < set(told["methods"])
    bearer = {"Authorization": f"Bearer {told['token']}"}
    assert httpx.get(f"{appliance.web_url}/api/v1/incidents", headers=bearer).status_code == 200
    assert httpx.get(f"{appliance.web_url}/api/v1/rules", headers=bearer).status_code == 403


def test_an_app_is_set_up_from_the_account_page_and_its_codes_prove_who_one_is(appliance, invited):
    link, used = invited("theo@example.test"), set[str]()

    def answer(question: str) -> str:
        if question == "age proofs":
            age_proofs(appliance, "theo@example.test")
            return ""
        code = pyotp.TOTP(question.removeprefix("code "))
        # A code works once.
        while (now := code.now()) in used:
            time.sleep(1)
        used.add(now)
        return now

    told = driven("totp.mjs", appliance.web_url, link, PASSWORD, answer=answer)

    assert len(set(told["first"]) | set(told["second"])) == 20
