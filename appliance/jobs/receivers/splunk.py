"""
Splunk's HTTP Event Collector.

Success is said only once the batch is taken, so every acknowledgement id is acknowledged when it is asked
for. Source: Splunk documentation, "HTTP Event Collector REST API endpoints" and its table of status codes.
"""

import base64
import binascii
from typing import Any

import msgspec
from litestar import Request, Response, route
from litestar.handlers import HTTPRouteHandler

from appliance.foundation.errors import ApplianceError, Exhausted, NotAuthenticated, TooLarge, Unavailable
from appliance.jobs.receivers.answers import json_response, retry_headers
from appliance.jobs.receivers.gate import caller_of, gate_of, header, peer_of
from appliance.telemetry.intake import Submission

_MOST_ACKNOWLEDGEMENTS = 10_000
_EVENT_PATHS = [
    "/services/collector",
    "/services/collector/event",
    "/services/collector/event/1.0",
    "/services/collector/1.0",
]


class _Acknowledgements(msgspec.Struct):
    acks: list[int]


class _NoDataError(Exception):
    """The body holds nothing."""


@route(_EVENT_PATHS, http_method=["POST"])
async def event(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Takes event objects, one after another."""
    return await _take(request, "hec")


@route(["/services/collector/raw", "/services/collector/raw/1.0"], http_method=["POST"])
async def raw(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Takes the body as it is; the query's `host` stands in for records without one."""
    return await _take(request, "auto", host=request.query_params.get("host", ""))


@route(["/services/collector/health", "/services/collector/health/1.0"], http_method=["GET"])
async def health() -> Response[bytes]:
    """That the collector listens; whether a batch can be taken is answered with the batch."""
    return _answer("HEC is healthy", 17)


@route(["/services/collector/ack"], http_method=["POST"])
async def ack(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Which of these batches are taken: every one whose id was ever given out."""
    gate = gate_of(request)
    try:
        asked = msgspec.json.decode(await gate.read(request), type=_Acknowledgements)
    except msgspec.DecodeError:
        return _answer("Invalid data format", 6, 400)
    numbers = asked.acks[:_MOST_ACKNOWLEDGEMENTS]
    return json_response({"acks": {str(number): gate.was_acknowledged(number) for number in numbers}})


HANDLERS: list[HTTPRouteHandler] = [event, raw, health, ack]


async def _take(request: Request[Any, Any, Any], name: str, host: str = "") -> Response[bytes]:
    gate = gate_of(request)
    credential = _token(request)
    if not credential:
        return _answer("Token is required", 2, 401)
    submission = Submission(
        body=b"",
        credential=credential,
        format=name,
        batch_id=header(request, "x-batch-id"),
        peer=host or peer_of(request),
    )
    try:
        await gate.submit(request, submission, _something)
    except _NoDataError:
        return _answer("No data", 5, 400)
    except ApplianceError as error:
        return _refused(error)
    document: dict[str, Any] = {"text": "Success", "code": 0}
    if header(request, "x-splunk-request-channel") or request.query_params.get("channel"):
        document["ackId"] = gate.next_acknowledgement()
    return json_response(document)


def _something(body: bytes) -> bytes:
    if not body.strip():
        raise _NoDataError
    return body


def _token(request: Request[Any, Any, Any]) -> str:
    scheme, _, value = header(request, "authorization").partition(" ")
    if scheme.lower() == "basic":
        # Splunk takes the token as the password of any user.
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            return ""
    return caller_of(request).credential or str(request.query_params.get("token", ""))


def _refused(error: ApplianceError) -> Response[bytes]:
    if isinstance(error, NotAuthenticated):
        return _answer("Invalid token", 4, 403)
    if isinstance(error, (Exhausted, Unavailable)):
        return _answer("Server is busy", 9, 503, retry_headers(error))
    if isinstance(error, TooLarge):
        return _answer(str(error), 27, 413)
    return _answer("Invalid data format", 6, 400)


def _answer(
    text: str, code: int, status: int = 200, headers: dict[str, str] | None = None
) -> Response[bytes]:
    return json_response({"text": text, "code": code}, status, headers=headers)
