"""Setting an identity provider up in the console."""

import httpx
import pytest

from tests.e2e.driving import driven
from tests.factories.oidc import uploaded_config

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_a_provider_is_set_up_tested_and_removed(appliance, browser, tmp_path):
    jwks = tmp_path / "jwks.json"
    jwks.write_text(uploaded_config().jwks)
    browser.prove()

    told = driven("providers.mjs", appliance.web_url, browser.cookie, str(jwks))

    assert told["steps"]
    assert told["config"]["jwks"] == jwks.read_text()
    assert told["config"]["scopes"] == ["openid", "email", "profile"]
    assert told["config"]["group_roles"] == [{"group": "readers", "role": "read_only_analyst"}]
    bearer = {"Authorization": f"Bearer {told['token']}"}
    assert httpx.get(f"{appliance.web_url}/scim/v2/Users", headers=bearer).status_code == 401
