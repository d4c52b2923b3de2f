"""
The ingest application: our own endpoint, and those of Elasticsearch, Splunk and OpenTelemetry.

201 says the batch is committed and matched; 202 says it lies fsynced in this node's spool and will be.
"""

from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Litestar, Request, Response, get, post
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp

from appliance.foundation.errors import ApplianceError, Invalid, NotFound
from appliance.jobs.receivers.answers import json_response, problem
from appliance.jobs.receivers.bodies import Limits
from appliance.jobs.receivers.elasticsearch import HANDLERS as ELASTICSEARCH
from appliance.jobs.receivers.gate import BatchLookup, Gate, caller_of, gate_of, header, peer_of
from appliance.jobs.receivers.otlp import HANDLERS as OTLP
from appliance.jobs.receivers.splunk import HANDLERS as SPLUNK
from appliance.telemetry.intake import Durability, Intake, Receipt, Submission

_SIGNATURE_PREFIX = "sha256="


class BatchNotFound(NotFound):
    """No batch of that id is known for this token."""

    code = "batch_not_found"


class MalformedSignature(Invalid):
    """X-Signature is not "sha256=" and 64 hexadecimal digits."""

    code = "malformed_signature"


def ingest_application(
    intake: Intake, *, batches: BatchLookup | None = None, limits: Limits | None = None
) -> ASGIApp:
    """
    The ASGI application of all HTTP receivers.

    `batches` answers `GET /api/v1/ingest/batches/{id}`; without it every such request is a 404. `limits`
    bound one body and all together.
    """
    in_force = limits or Limits()
    return Litestar(
        route_handlers=[ingest, batch, *ELASTICSEARCH, *SPLUNK, *OTLP],
        state=State({"gate": Gate(intake, in_force, batches)}),
        exception_handlers={ApplianceError: _problem, HTTPException: _http_problem},
        # Our own reading counts unpacked bytes, and says what is too large in each protocol's words.
        request_max_body_size=None,
        openapi_config=None,
        # The process decides how it logs; an application inside it does not.
        logging_config=None,
        debug=False,
    )


@post("/api/v1/ingest/{source:str}")
async def ingest(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Takes any body for the source named in the path."""
    submission = Submission(
        body=b"",
        credential=caller_of(request).credential,
        source=str(request.path_params["source"]),
        format=request.query_params.get("format") or header(request, "x-format") or "auto",
        batch_id=header(request, "x-batch-id", "idempotency-key"),
        peer=peer_of(request),
        signature=_signature(header(request, "x-signature")),
    )
    return _accepted(await gate_of(request).submit(request, submission))


@get("/api/v1/ingest/batches/{batch_id:str}")
async def batch(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Where an acknowledged batch lies by now."""
    lookup = gate_of(request).batches
    batch_id = str(request.path_params["batch_id"])
    receipt = await lookup.batch(batch_id, caller_of(request).credential) if lookup else None
    if receipt is None:
        raise BatchNotFound(f"There is no batch {batch_id[:80]!r} of this source.")
    return json_response(msgspec.to_builtins(receipt))


def _accepted(receipt: Receipt) -> Response[bytes]:
    status = 201 if receipt.durability is Durability.COMMITTED else 202
    headers = (
        {"Location": f"/api/v1/ingest/batches/{quote(receipt.batch_id, safe='')}"} if receipt.batch_id else {}
    )
    return json_response(msgspec.to_builtins(receipt), status, headers=headers)


def _signature(value: str) -> str:
    if not value:
        return ""
    digits = value.removeprefix(_SIGNATURE_PREFIX).lower()
    if len(digits) != 64 or not set(digits) <= set("0123456789abcdef"):  # noqa: PLR2004 — SHA-256 in hex
        raise MalformedSignature("X-Signature must be sha256= and 64 hexadecimal digits.")
    return digits


def _problem(_: Request[Any, Any, Any], error: ApplianceError) -> Response[bytes]:
    return problem(error)


def _http_problem(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """What the router itself refuses: no such path, another method."""
    document = {
        "type": "about:blank",
        "title": error.detail,
        "status": error.status_code,
        "detail": error.detail,
        "code": "http_error",
    }
    return json_response(
        document, error.status_code, headers=dict(error.headers or {}), media_type="application/problem+json"
    )
