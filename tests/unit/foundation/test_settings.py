"""Where shippers are told to send."""

import pytest

from appliance.foundation.settings import Ingest


@pytest.mark.parametrize(
    ("ingest", "expected"),
    [
        (Ingest(), "http://localhost:8088"),
        (Ingest(http_port=9000), "http://localhost:9000"),
        (Ingest(http_port=0), ""),
        (Ingest(public_ingest_url="https://xdr.example.org/in"), "https://xdr.example.org/in"),
    ],
)
def test_the_ingest_url_is_the_public_one_or_follows_from_the_port(ingest, expected):
    assert ingest.url == expected
