"""Failures of the intake as HTTP, for our own endpoint in the words of RFC 9457."""

from typing import Any

import msgspec
from litestar import Response

from appliance.foundation.errors import (
    ApplianceError,
    Conflict,
    Exhausted,
    Invalid,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    TooLarge,
    Unavailable,
)

_STATUSES: tuple[tuple[type[ApplianceError], int, str], ...] = (
    (NotAuthenticated, 401, "Not authenticated"),
    (NotPermitted, 403, "Not permitted"),
    (NotFound, 404, "Not found"),
    (Conflict, 409, "Conflict"),
    (TooLarge, 413, "Content too large"),
    (Exhausted, 429, "Too many requests"),
    (Unavailable, 503, "Service unavailable"),
    (Invalid, 422, "Unprocessable content"),
)


def status_of(error: ApplianceError) -> tuple[int, str]:
    """The HTTP status of a kind of failure, and its title."""
    return next(
        ((status, title) for kind, status, title in _STATUSES if isinstance(error, kind)),
        (500, "Internal server error"),
    )


def retry_headers(error: ApplianceError) -> dict[str, str]:
    """`Retry-After` where trying again can help."""
    if isinstance(error, (Exhausted, Unavailable)):
        return {"Retry-After": str(max(1, error.retry_after_seconds))}
    return {}


def problem(error: ApplianceError) -> Response[bytes]:
    """The failure as application/problem+json."""
    status, title = status_of(error)
    headers = retry_headers(error)
    if isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    document = {
        "type": f"urn:mini-xdr:problem:{error.code}",
        "title": title,
        "status": status,
        "detail": str(error),
        "code": error.code,
    }
    return json_response(document, status, headers=headers, media_type="application/problem+json")


def json_response(
    document: Any,
    status: int = 200,
    *,
    headers: dict[str, str] | None = None,
    media_type: str = "application/json",
) -> Response[bytes]:
    """Any document as JSON, encoded here so that no handler depends on a framework's encoder."""
    return Response(
        msgspec.json.encode(document), status_code=status, headers=headers or {}, media_type=media_type
    )
