"""Requests as they lie on the wire: framing that two readers may understand differently, and floods."""

import socket
from urllib.parse import urlsplit

import pytest

from appliance.foundation.limits import Limit
from appliance.web import authentication
from appliance.web.app import create_application
from tests.factories.serving import served

AMBIGUOUS = {
    "a length and chunks": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 0\r\nContent-Length: 60\r\n\r\n",
    "a length that is no number": b"Content-Length: +5\r\n\r\n",
    "chunks spelt to be missed": b"Transfer-Encoding: xchunked\r\n\r\n",
    "a space before the colon": b"Content-Length : 4\r\n\r\n",
}
SMUGGLED = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def address(settings, built_console):
    with served(lambda: create_application(settings, ui=built_console)) as url:
        parts = urlsplit(url)
        yield parts.hostname, parts.port


def said(address, request: bytes) -> bytes:
    with socket.create_connection(address, timeout=3) as connection:
        connection.sendall(request)
        answer = b""
        try:
            while part := connection.recv(65_536):
                answer += part
        except TimeoutError:
            pass  # it keeps the connection for another request
        return answer


@pytest.mark.parametrize("how", AMBIGUOUS)
def test_framing_that_could_be_read_in_two_ways_is_refused_and_smuggles_nothing(address, how):
    head = b"POST /api/v1/csp-reports HTTP/1.1\r\nHost: localhost\r\n"

    answer = said(address, head + AMBIGUOUS[how] + SMUGGLED)

    assert answer.startswith(b"HTTP/1.1 400"), answer[:200]
    assert answer.count(b"HTTP/1.1") == 1
    assert said(address, SMUGGLED).startswith(b"HTTP/1.1 200")


async def test_searches_are_limited_for_each_account_as_all_requests_are(
    browser, crowd, organisation, monkeypatch
):
    monkeypatch.setattr(authentication, "_BY_ACCOUNT", Limit("account", per_second=0.1, burst=5))
    one, other = [await crowd.member(organisation, "soc_analyst") for _ in range(2)]
    client, another = browser(one), browser(other)

    answers = [await client.post("/api/v1/events/search", json={}) for _ in range(8)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 3
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert (await another.post("/api/v1/events/search", json={})).status_code == 200
