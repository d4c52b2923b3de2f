"""scim2-tester, a conformance suite of others, against the running appliance."""

import http.client
from urllib.parse import urlsplit

import pytest
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_tester import Status, check_server

from tests.factories.oidc import uploaded_config

pytestmark = [pytest.mark.peer, pytest.mark.timeout(600)]


def passed_on(url, token):
    """A WSGI application that hands each request on by HTTP: the suite's own clients know other libraries."""
    parts = urlsplit(url)

    def application(environ, start_response):
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        size = int(environ.get("CONTENT_LENGTH") or 0)
        path = environ["PATH_INFO"] + (f"?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else "")
        headers = {"Authorization": f"Bearer {token}"}
        if size:
            headers["Content-Type"] = environ.get("CONTENT_TYPE") or "application/scim+json"
        if tag := environ.get("HTTP_IF_MATCH"):
            headers["If-Match"] = tag
        connection.request(environ["REQUEST_METHOD"], path, environ["wsgi.input"].read(size) or None, headers)
        answer = connection.getresponse()
        body = answer.read()
        start_response(f"{answer.status} {answer.reason}", answer.getheaders())
        connection.close()
        return [body]

    return application


def test_the_conformance_suite_finds_no_fault(appliance, browser):
    import msgspec

    browser.prove()
    new = {
        "name": "provisioned",
        "config": msgspec.to_builtins(uploaded_config()),
        "secret": "x",
        "enabled": True,
    }
    made = browser.post("/api/v1/identity-providers", new).json()
    token = browser.post(f"/api/v1/identity-providers/{made['id']}/scim-token", {}).json()["token"]
    client = WSGISCIMClient(passed_on(appliance.web_url, token), base_url=f"{appliance.web_url}/scim/v2")

    results = check_server(client)

    wrong = [
        f"{one.title}: {one.reason} {one.data}"[:600]
        for one in results
        if one.status in (Status.ERROR, Status.CRITICAL)
    ]
    count = {status.name: sum(one.status is status for one in results) for status in Status}
    print(f"scim2-tester: {count}", *wrong, sep="\n")
    assert wrong == []
    assert count["SUCCESS"] > 50
