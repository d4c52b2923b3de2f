"""The ingest application, spoken to as clients do."""

import base64
import gzip
import json
import zlib

import httpx
import pytest
import zstandard

from appliance.jobs.receivers.bodies import Limits
from appliance.jobs.receivers.http import ingest_application
from tests.factories.intake import MemoryIntake

TOKEN = {"Authorization": "Bearer token"}


@pytest.fixture
def intake() -> MemoryIntake:
    return MemoryIntake()


@pytest.fixture
def client(intake):
    app = ingest_application(intake, batches=intake, limits=Limits(body_bytes=1_000_000))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ingest")


async def test_a_body_reaches_the_intake_byte_for_byte(client, intake):
    body = b'{"a":1}\n\x00\xff{"b":2}\r\n'

    answer = await client.post("/api/v1/ingest/sensor-1", content=body, headers=TOKEN)

    assert answer.status_code == 201
    assert intake.submissions[0].body == body
    assert intake.submissions[0].source == "sensor-1"
    assert intake.submissions[0].credential == "token"
    assert answer.json()["durability"] == "committed"


async def test_a_spooled_batch_is_accepted_but_not_created(client, intake):
    intake.is_spooling = True

    answer = await client.post("/api/v1/ingest/s", content=b"x", headers=TOKEN)

    assert answer.status_code == 202
    assert answer.json()["durability"] == "node"


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("zstd", zstandard.ZstdCompressor().compress),
        ("gzip", lambda body: gzip.compress(body[:10]) + gzip.compress(body[10:])),
        (
            "zstd",
            lambda b: zstandard.ZstdCompressor().compress(b[:9]) + zstandard.ZstdCompressor().compress(b[9:]),
        ),
    ],
)
async def test_compressed_bodies_are_unpacked(client, intake, encoding, pack):
    body = b'{"n":1}\n' * 5000

    answer = await client.post(
        "/api/v1/ingest/s", content=pack(body), headers={**TOKEN, "Content-Encoding": encoding}
    )

    assert answer.status_code == 201
    assert intake.submissions[0].body == body


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.ZstdCompressor(level=19).compress)]
)
async def test_a_decompression_bomb_is_refused_at_the_bound(client, intake, encoding, pack):
    bomb = pack(b"\0" * 200_000_000)

    answer = await client.post(
        "/api/v1/ingest/s", content=bomb, headers={**TOKEN, "Content-Encoding": encoding}
    )

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "body_too_large"
    assert intake.submissions == []


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", b"not gzip"),
        ("gzip", gzip.compress(b"x" * 1000)[:-9]),
        ("br", b"x"),
        ("zstd", b"\x28\xb5\x2f\xfd"),
    ],
)
async def test_a_body_that_cannot_be_unpacked_is_refused_whole(client, intake, encoding, body):
    answer = await client.post(
        "/api/v1/ingest/s", content=body, headers={**TOKEN, "Content-Encoding": encoding}
    )

    assert answer.status_code == 422
    assert answer.json()["code"] == "unsupported_encoding"
    assert intake.submissions == []


async def test_a_body_without_a_length_is_bounded_as_it_is_read(client):
    async def endless():
        while True:
            yield b"x" * 100_000

    answer = await client.post("/api/v1/ingest/s", content=endless(), headers=TOKEN)

    assert answer.status_code == 413


async def test_an_unknown_token_is_told_to_authenticate(client):
    answer = await client.post("/api/v1/ingest/s", content=b"x", headers={"Authorization": "Bearer wrong"})

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["code"] == "source_unknown"


async def test_a_full_intake_says_when_to_come_back(client, intake):
    intake.is_full = True

    answer = await client.post("/api/v1/ingest/s", content=b"x", headers=TOKEN)

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")


async def test_an_unavailable_intake_is_a_503(client, intake):
    intake.is_unavailable = True

    answer = await client.post("/api/v1/ingest/s", content=b"x", headers=TOKEN)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_memory_is_given_back_after_every_outcome(intake):
    app = ingest_application(intake, limits=Limits(body_bytes=1000, in_flight_bytes=1500))
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ingest")

    for size in (900, 5000, 900, 5000, 900):
        await client.post("/api/v1/ingest/s", content=b"x" * size, headers=TOKEN)

    assert len(intake.submissions) == 3


async def test_a_batch_sent_again_is_the_same_batch(client, intake):
    headers = {**TOKEN, "X-Batch-Id": "b/1"}

    first = await client.post("/api/v1/ingest/s", content=b"x", headers=headers)
    again = await client.post("/api/v1/ingest/s", content=b"x", headers=headers)

    assert first.json() == again.json()
    assert len(intake.submissions) == 1
    assert first.headers["location"] == "/api/v1/ingest/batches/b%2F1"


async def test_the_idempotency_key_is_a_batch_id_too(client, intake):
    await client.post("/api/v1/ingest/s", content=b"x", headers={**TOKEN, "Idempotency-Key": "k"})

    assert intake.submissions[0].batch_id == "k"


async def test_a_batch_can_be_asked_for(client):
    await client.post("/api/v1/ingest/s", content=b"x", headers={**TOKEN, "X-Batch-Id": "b1"})

    known = await client.get("/api/v1/ingest/batches/b1", headers=TOKEN)
    unknown = await client.get("/api/v1/ingest/batches/b2", headers=TOKEN)

    assert (known.status_code, known.json()["stored"]) == (200, 1)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "batch_not_found")


async def test_the_signature_is_passed_on_without_its_prefix(client, intake):
    digest = "ab" * 32

    await client.post(
        "/api/v1/ingest/s", content=b"x", headers={**TOKEN, "X-Signature": f"sha256={digest.upper()}"}
    )
    refused = await client.post(
        "/api/v1/ingest/s", content=b"x", headers={**TOKEN, "X-Signature": "sha256=zz"}
    )

    assert intake.submissions[0].signature == digest
    assert refused.json()["code"] == "malformed_signature"


async def test_a_path_that_is_none_is_a_problem_document(client):
    answer = await client.get("/nothing/here/at/all")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


# Elasticsearch


def basic(pair: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


async def test_bulk_stores_the_documents_and_answers_each_item(client, intake):
    body = b'{"create":{"_index":"logs","_id":"7"}}\n{"a": 1}\n{"index":{}}\r\n{"b":2}\r\n'

    answer = await client.post("/logs-x/_bulk", content=body, headers=basic("sensor:token"))

    assert answer.status_code == 200
    assert answer.headers["x-elastic-product"] == "Elasticsearch"
    assert answer.json()["errors"] is False
    assert [next(iter(item.values()))["status"] for item in answer.json()["items"]] == [201, 201]
    assert answer.json()["items"][0]["create"]["_id"] == "7"
    assert answer.json()["items"][1]["index"]["_index"] == "logs-x"
    assert intake.submissions[0].body == b'{"a": 1}\n{"b":2}'
    assert intake.submissions[0].source == "sensor"


async def test_bulk_refuses_changes_item_by_item(client, intake):
    body = (
        b'{"delete":{"_id":"1"}}\n{"update":{"_id":"2"}}\n{"doc":{}}\n'
        b'{"index":{}}\n{"kept":1}\nnonsense\n{"x":1}\n'
    )

    answer = await client.post("/_bulk", content=body, headers=basic("s:token"))

    assert answer.json()["errors"] is True
    statuses = [next(iter(item.values()))["status"] for item in answer.json()["items"]]
    assert statuses == [400, 400, 201, 400]
    assert intake.submissions[0].body == b'{"kept":1}'


@pytest.mark.parametrize(
    ("state", "status", "kind"),
    [
        ("is_full", 429, "es_rejected_execution_exception"),
        ("is_unavailable", 503, "unavailable_shards_exception"),
    ],
)
async def test_bulk_says_in_elasticsearchs_words_that_nothing_was_taken(client, intake, state, status, kind):
    setattr(intake, state, True)

    answer = await client.post("/_bulk", content=b'{"index":{}}\n{}\n', headers=basic("s:token"))

    assert answer.status_code == status
    assert answer.json()["error"]["type"] == kind
    assert int(answer.headers["retry-after"]) > 0


async def test_bulk_takes_an_api_key(client, intake):
    key = base64.b64encode(b"sensor:token").decode()

    answer = await client.post(
        "/_bulk", content=b'{"index":{}}\n{"a":1}\n', headers={"Authorization": f"ApiKey {key}"}
    )

    assert answer.status_code == 200
    assert intake.submissions[0].credential == "token"


async def test_bulk_without_a_known_token_is_a_security_exception(client):
    answer = await client.post("/_bulk", content=b'{"index":{}}\n{}\n')

    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "security_exception"
    assert answer.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("HEAD", "/"),
        ("GET", "/_license"),
        ("GET", "/_xpack"),
        ("GET", "/_cluster/health"),
        ("GET", "/_nodes/http"),
        ("HEAD", "/_index_template/filebeat-8.19.0"),
        ("PUT", "/_index_template/filebeat-8.19.0"),
        ("GET", "/_ilm/policy/filebeat"),
        ("PUT", "/_ingest/pipeline/filebeat-x"),
        ("GET", "/_data_stream/filebeat-8.19.0"),
    ],
)
async def test_the_handshake_of_shippers_succeeds(client, method, path):
    answer = await client.request(method, path)

    assert answer.status_code == 200
    assert answer.headers["x-elastic-product"] == "Elasticsearch"


async def test_the_server_names_a_version_that_shippers_accept(client):
    answer = await client.get("/")

    assert answer.json()["version"]["number"].startswith("8.")
    assert answer.json()["tagline"] == "You Know, for Search"


# Splunk

SPLUNK = {"Authorization": "Splunk token"}


async def test_hec_events_arrive_in_their_envelopes(client, intake):
    body = b'{"event":"one","host":"h"}{"event":{"two":2}}'

    answer = await client.post("/services/collector/event", content=body, headers=SPLUNK)

    assert answer.json() == {"text": "Success", "code": 0}
    assert (intake.submissions[0].body, intake.submissions[0].format) == (body, "hec")


async def test_hec_raw_takes_the_host_of_its_query(client, intake):
    await client.post("/services/collector/raw?host=web1", content=b"line\n", headers=SPLUNK)

    assert (intake.submissions[0].peer, intake.submissions[0].format) == ("web1", "auto")


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({}, b"{}", 401, 2),
        ({"Authorization": "Splunk wrong"}, b"{}", 403, 4),
        (SPLUNK, b"  \n", 400, 5),
    ],
)
async def test_hec_refuses_in_splunks_words(client, headers, body, status, code):
    answer = await client.post("/services/collector", content=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("state", ["is_full", "is_unavailable"])
async def test_hec_is_busy_while_nothing_can_be_taken(client, intake, state):
    setattr(intake, state, True)

    answer = await client.post("/services/collector", content=b'{"event":1}', headers=SPLUNK)

    assert (answer.status_code, answer.json()["code"]) == (503, 9)
    assert "retry-after" in answer.headers


async def test_hec_acknowledges_what_it_took_and_nothing_else(client):
    headers = {**SPLUNK, "X-Splunk-Request-Channel": "c"}
    taken = await client.post("/services/collector", content=b'{"event":1}', headers=headers)

    acks = await client.post("/services/collector/ack", content=json.dumps({"acks": [0, 1]}), headers=headers)

    assert taken.json()["ackId"] == 0
    assert acks.json() == {"acks": {"0": True, "1": False}}


async def test_hec_is_healthy(client):
    answer = await client.get("/services/collector/health")

    assert answer.json()["code"] == 17


# OpenTelemetry


@pytest.mark.parametrize(
    ("media_type", "name", "empty"),
    [
        ("application/x-protobuf", "otlp.protobuf", b""),
        ("application/json; charset=utf-8", "otlp.json", b"{}"),
    ],
)
async def test_otlp_requests_are_handed_on_as_they_are(client, intake, media_type, name, empty):
    answer = await client.post("/v1/logs", content=b"request", headers={**TOKEN, "Content-Type": media_type})

    assert (answer.status_code, answer.content) == (200, empty)
    assert (intake.submissions[0].format, intake.submissions[0].body) == (name, b"request")


async def test_otlp_failures_are_status_messages(client, intake):
    intake.is_full = True

    answer = await client.post(
        "/v1/logs", content=b"x", headers={**TOKEN, "Content-Type": "application/x-protobuf"}
    )

    # google.rpc.Status: field 1 is the code (8 is RESOURCE_EXHAUSTED), field 2 the message.
    assert (answer.status_code, answer.content) == (429, b"\x08\x08\x12\x12The queue is full.")
    assert answer.headers["retry-after"] == "7"


async def test_otlp_of_another_media_type_is_refused(client):
    answer = await client.post("/v1/logs", content=b"x", headers={**TOKEN, "Content-Type": "text/plain"})

    assert answer.status_code == 415
