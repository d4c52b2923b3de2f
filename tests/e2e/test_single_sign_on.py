"""A person signs in by SimpleSAMLphp in a real browser, and signs out there too."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.e2e.driving import node
from tests.factories import simplesamlphp

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.browser, pytest.mark.peer, pytest.mark.timeout(600)]


def test_a_person_signs_in_and_out_by_the_organisations_provider(appliance, browser, tmp_path):
    browser.prove()
    with simplesamlphp.running(tmp_path) as idp:
        new = {
            "name": "Head office",
            "enabled": True,
            "config": {
                "kind": "saml", "metadata": idp.metadata(),
                "group_roles": [{"group": "readers", "role": "read_only_analyst"}],
            },
        }  # fmt: skip
        made = browser.post("/api/v1/identity-providers", new)
        assert made.status_code == 201, made.text
        addresses = made.json()["addresses"]
        ours = browser.get(f"/sso/{made.json()['id']}/metadata").text
        certificate = ours.partition("X509Certificate>")[2].partition("<")[0]
        idp.knows(
            entity=addresses["metadata"], consumer=addresses["consumer"], logout=addresses["logout"],
            certificate=certificate,
        )  # fmt: skip
        report = browser.post(f"/api/v1/identity-providers/{made.json()['id']}/test", {}).json()

        script = ROOT / "tests/e2e/console/single_sign_on.mjs"
        done = subprocess.run(
            [*node(), str(script), appliance.web_url, "Head office", simplesamlphp.USER, simplesamlphp.PASSWORD],
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert report["ok"], report
    log = (tmp_path / "php.log").read_text()[-2000:]
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-5000:] + log
    assert json.loads(done.stdout) == {"email": "grace@example.test", "roles": ["read_only_analyst"]}
