"""Where the HTTP receiver listens."""

import socket

import pytest

from appliance.jobs.ingest import http_socket


def reached(port: int) -> set[str]:
    found = set()
    for address in ("127.0.0.1", "::1"):
        try:
            socket.create_connection((address, port), timeout=2).close()
        except OSError:
            continue
        found.add(address)
    return found


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("::", {"127.0.0.1", "::1"}),
        ("", {"127.0.0.1", "::1"}),
        ("::1", {"::1"}),
        ("127.0.0.1", {"127.0.0.1"}),
        ("0.0.0.0", {"127.0.0.1"}),
    ],
)
def test_every_address_means_both_families_and_one_means_that_one(host, expected):
    with http_socket(host, 0) as listening:
        assert reached(listening.getsockname()[1]) == expected
