"""Where a request comes from: the server's own word, and a proxy's only where the settings name it."""

import httpx
import msgspec
import pytest

from appliance.foundation.settings import Web
from appliance.web.app import create_application
from tests.factories.people import PASSWORD
from tests.factories.serving import served


@pytest.mark.parametrize(
    ("proxies", "said", "seen"),
    [
        ((), "192.0.2.7", "127.0.0.1"),
        (("127.0.0.1",), "192.0.2.7", "192.0.2.7"),
        (("127.0.0.0/8", "::1"), "2001:db8::7", "2001:db8::7"),
        # What the client wrote stands before what the proxy added.
        (("127.0.0.1",), "127.0.0.1, 10.0.0.1, 192.0.2.7", "192.0.2.7"),
        (("192.0.2.1",), "192.0.2.7", "127.0.0.1"),
    ],
)
async def test_only_a_proxy_that_is_named_says_where_a_request_comes_from(
    settings, crowd, organisation, proxies, said, seen
):
    member = await crowd.member(organisation)
    form = {"email": member.email, "password": PASSWORD}

    with served(lambda: create_application(settings), proxies=proxies) as url:
        async with httpx.AsyncClient(base_url=url, headers={"X-Forwarded-For": said}) as client:
            entered = (await client.post("/api/v1/auth/sign-in", json=form)).json()
            bearer = {"authorization": f"Bearer {entered['access_token']}"}
            own = (await client.get("/api/v1/sessions/own", headers=bearer)).json()["items"]

    assert [one["address"] for one in own if one["current"]] == [seen]


@pytest.mark.parametrize("proxy", ["*", "proxy.example.test", "", "10.0.0.1/8"])
def test_a_proxy_is_an_address_or_a_network(proxy):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"proxies": [proxy]}, Web)
