"""
OTLP over HTTP: logs, as protobuf or JSON.

The request is handed on as it is; its records are told apart where parsing has no rights.
Source: OpenTelemetry Protocol specification 1.5, "OTLP/HTTP".
"""

from typing import Any

from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler

from appliance.foundation.errors import ApplianceError
from appliance.jobs.receivers.answers import json_response, retry_headers, status_of
from appliance.jobs.receivers.gate import caller_of, gate_of, header, peer_of
from appliance.telemetry.intake import Submission

_PROTOBUF = "application/x-protobuf"
# google.rpc.Code of an HTTP status.
_CODES = {401: 16, 403: 7, 413: 3, 422: 3, 429: 8, 503: 14}


@post("/v1/logs")
async def logs(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Takes an ExportLogsServiceRequest."""
    media_type = header(request, "content-type").partition(";")[0].strip().lower()
    is_protobuf = media_type == _PROTOBUF
    caller = caller_of(request)
    submission = Submission(
        body=b"",
        credential=caller.credential,
        source=caller.source,
        format="otlp.protobuf" if is_protobuf else "otlp.json",
        batch_id=header(request, "x-batch-id"),
        peer=peer_of(request),
    )
    if not is_protobuf and media_type != "application/json":
        return _status(415, 3, "Send application/x-protobuf or application/json.", is_protobuf=False)
    try:
        await gate_of(request).submit(request, submission)
    except ApplianceError as error:
        status, _ = status_of(error)
        status = 400 if status == 422 else status  # noqa: PLR2004 — OTLP asks for 400 on what cannot be right
        code = _CODES.get(status, 3)
        return _status(status, code, str(error), is_protobuf=is_protobuf, headers=retry_headers(error))
    if is_protobuf:
        # An ExportLogsServiceResponse without partial success is an empty message.
        return Response(b"", status_code=200, media_type=_PROTOBUF)
    return json_response({})


HANDLERS: list[HTTPRouteHandler] = [logs]


def _status(
    status: int, code: int, message: str, *, is_protobuf: bool, headers: dict[str, str] | None = None
) -> Response[bytes]:
    if not is_protobuf:
        return json_response({"code": code, "message": message}, status, headers=headers)
    text = message.encode()[:1000]
    body = b"\x08" + bytes((code,)) + b"\x12" + _varint(len(text)) + text
    return Response(body, status_code=status, media_type=_PROTOBUF, headers=headers or {})


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:  # noqa: PLR2004 — seven bits a byte
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
