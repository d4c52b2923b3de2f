"""
Elasticsearch's `_bulk`, and the handshake that Beats, Logstash, Fluent Bit, Vector and rsyslog do first.

Bulk actions append whatever they say: `index` and `create` store the event, `update` and `delete` are
refused item by item, for telemetry is never changed. The documents are not parsed here; one that is no
JSON goes to the quarantine with the others' batch.

Source: Elasticsearch reference, "Bulk API" and "Product check".
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from litestar import Request, Response, route
from litestar.handlers import HTTPRouteHandler

from appliance.foundation.errors import ApplianceError, NotAuthenticated
from appliance.jobs.receivers.answers import json_response, retry_headers, status_of
from appliance.jobs.receivers.gate import caller_of, gate_of, header, peer_of
from appliance.telemetry.errors import BodyTooLarge
from appliance.telemetry.intake import Submission

# Clients refuse a server that is older than they can talk to; nothing newer than bulk is used of it.
_VERSION = "8.19.0"
_HEADERS = {"X-Elastic-Product": "Elasticsearch"}
_MOST_ITEMS = 100_000
_ACTIONS = ("create", "index", "update", "delete")
_STORES = ("index", "create")
_ERRORS = {
    401: "security_exception",
    413: "content_too_long_exception",
    429: "es_rejected_execution_exception",
    503: "unavailable_shards_exception",
}


class _Target(msgspec.Struct):
    index: str = msgspec.field(default="", name="_index")
    id: str | int | None = msgspec.field(default=None, name="_id")


class _Action(msgspec.Struct):
    """The line before a document; exactly one member is set."""

    index: _Target | None = None
    create: _Target | None = None
    update: _Target | None = None
    delete: _Target | None = None


class BulkItem(msgspec.Struct, frozen=True):
    """One action: what it was, what it named, and why it was refused ("" if it was not)."""

    action: str
    index: str
    id: str
    refusal: str = ""


class Bulk(msgspec.Struct, frozen=True):
    """A bulk request taken apart: the documents one a line, exactly as sent, and the actions in order."""

    events: bytes
    items: list[BulkItem]


def read_bulk(body: bytes, default_index: str = "") -> Bulk:
    """Takes the documents out of a bulk body; a line that is no action refuses the rest with it."""
    events: list[bytes] = []
    items: list[BulkItem] = []
    lines = _lines(body)
    for line in lines:
        if not line.strip():
            continue
        if len(items) >= _MOST_ITEMS:
            raise BodyTooLarge(f"More than {_MOST_ITEMS} actions in one bulk request; send smaller batches.")
        item = _read_action(line, default_index)
        if item.action != "delete":
            document = next(lines, b"").rstrip(b"\r")
            if not item.refusal and not document.strip():
                item = msgspec.structs.replace(item, refusal="the action has no document")
            if not item.refusal:
                events.append(document)
        items.append(item)
    return Bulk(b"\n".join(events), items)


def _lines(body: bytes) -> Iterator[bytes]:
    # Not split(): a body of newlines alone would become sixty times its size.
    start = 0
    while start < len(body):
        end = body.find(b"\n", start)
        end = len(body) if end < 0 else end
        yield body[start:end]
        start = end + 1


_decode_action = msgspec.json.Decoder(_Action).decode


def _read_action(line: bytes, default_index: str) -> BulkItem:
    try:
        action = _decode_action(line)
    except (msgspec.DecodeError, RecursionError):
        return BulkItem("index", default_index, "", "the action line cannot be read")
    for name in _ACTIONS:
        target: _Target | None = getattr(action, name)
        if target is not None:
            refusal = "" if name in _STORES else f"telemetry is append-only: {name} is not possible"
            identifier = "" if target.id is None else str(target.id)
            return BulkItem(name, target.index or default_index, identifier, refusal)
    return BulkItem("index", default_index, "", "the action line names no action")


@route(["/_bulk", "/{index:str}/_bulk", "/{index:str}/{kind:str}/_bulk"], http_method=["POST", "PUT"])
async def bulk(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Takes the documents of a bulk request as one batch; no item succeeds before the batch is taken."""
    caller = caller_of(request)
    taken: list[BulkItem] = []

    def extract(body: bytes) -> bytes:
        read = read_bulk(body, str(request.path_params.get("index", "")))
        taken.extend(read.items)
        return read.events

    submission = Submission(
        body=b"",
        credential=caller.credential,
        source=caller.source,
        format="json",
        batch_id=header(request, "x-batch-id"),
        peer=peer_of(request),
    )
    try:
        await gate_of(request).submit(request, submission, extract)
    except ApplianceError as error:
        return _refused(error)
    return _answer({"took": 1, "errors": any(i.refusal for i in taken), "items": [_result(i) for i in taken]})


@route("/", http_method=["GET", "HEAD"])
async def information() -> Response[bytes]:
    """What clients ask first: which server this is."""
    return _answer(
        {
            "name": "mini-xdr",
            "cluster_name": "mini-xdr",
            "cluster_uuid": "bWluaS14ZHItYXBwbGlhbmNl",
            "version": {
                "number": _VERSION,
                "build_flavor": "default",
                "build_type": "tar",
                "build_hash": "0000000000000000000000000000000000000000",
                "build_date": "2025-01-01T00:00:00.000Z",
                "build_snapshot": False,
                "lucene_version": "9.12.0",
                "minimum_wire_compatibility_version": "7.17.0",
                "minimum_index_compatibility_version": "7.0.0",
            },
            "tagline": "You Know, for Search",
        }
    )


@route(["/_license", "/_xpack", "/_xpack/license"], http_method=["GET", "HEAD"])
async def licence() -> Response[bytes]:
    """Beats refuse to send where no licence is active."""
    return _answer(
        {
            "license": {
                "uid": "00000000-0000-0000-0000-000000000000",
                "type": "basic",
                "mode": "basic",
                "status": "active",
            },
            "features": {},
        }
    )


@route(["/_cluster/health", "/_cluster/health/{index:str}"], http_method=["GET", "HEAD"])
async def health() -> Response[bytes]:
    """Green: whether a batch can be taken is answered with the batch."""
    return _answer({"cluster_name": "mini-xdr", "status": "green", "timed_out": False, "number_of_nodes": 1})


@route(["/_nodes", "/_nodes/http", "/_nodes/_all/http"], http_method=["GET"])
async def nodes() -> Response[bytes]:
    """No other node to find: sniffing clients stay with the address they have."""
    return _answer({"cluster_name": "mini-xdr", "nodes": {}})


@route(
    [
        f"/{name}{rest}"
        for name in ("_index_template", "_template", "_component_template", "_ilm", "_ingest", "_data_stream")
        for rest in ("", "/{first:str}", "/{first:str}/{second:str}")
    ],
    http_method=["GET", "HEAD", "PUT", "POST"],
)
async def preparation() -> Response[bytes]:
    """Templates, policies and pipelines that clients install change nothing here, and all are there."""
    return _answer({"acknowledged": True})


HANDLERS: list[HTTPRouteHandler] = [bulk, information, licence, health, nodes, preparation]


def _result(item: BulkItem) -> dict[str, Any]:
    result: dict[str, Any] = {"_index": item.index}
    if item.id:
        result["_id"] = item.id
    if item.refusal:
        error = {"type": "illegal_argument_exception", "reason": item.refusal}
        return {item.action: {**result, "status": 400, "error": error}}
    return {item.action: {**result, "_version": 1, "result": "created", "status": 201}}


def _refused(error: ApplianceError) -> Response[bytes]:
    status, _ = status_of(error)
    status = 400 if status == 422 else status  # noqa: PLR2004 — Elasticsearch knows no 422
    cause = {"type": _ERRORS.get(status, "illegal_argument_exception"), "reason": str(error)}
    headers = retry_headers(error)
    if isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = 'Basic realm="security", charset="UTF-8"'
    return _answer({"error": {"root_cause": [cause], **cause}, "status": status}, status, headers)


def _answer(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response[bytes]:
    return json_response(document, status, headers={**_HEADERS, **(headers or {})})
