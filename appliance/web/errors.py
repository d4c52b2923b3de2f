"""Kinds of failure as RFC 9457 problem details; each kind mapped once."""

from typing import Any

import psycopg
import structlog
from litestar import Request, Response
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.types import Scope
from sqlalchemy.exc import DBAPIError

from appliance.audit.service import record_denial
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
from appliance.web.context import WebContext
from appliance.web.security import console_page, secured

log = structlog.get_logger()

_STATUS: tuple[tuple[type[ApplianceError], int, str], ...] = (
    (NotAuthenticated, 401, "Not signed in"),
    (NotPermitted, 403, "Not permitted"),
    (NotFound, 404, "Not found"),
    (Conflict, 409, "Conflict"),
    (TooLarge, 413, "Too large"),
    (Invalid, 422, "Invalid"),
    (Exhausted, 429, "Try again later"),
    (Unavailable, 503, "Unavailable"),
)
_PROBLEM = "application/problem+json"


def problem(
    request: Request[Any, Any, Any], status: int, *, title: str, code: str, detail: str
) -> Response[Any]:
    """One problem document (RFC 9457)."""
    content = {
        "type": f"/docs/problems#{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "instance": request.url.path,
    }
    return secured(Response(content, status_code=status, media_type=_PROBLEM))


def expected(request: Request[Any, Any, Any], error: ApplianceError) -> Response[Any]:
    status, title = next(((s, t) for kind, s, t in _STATUS if isinstance(error, kind)), (500, "Error"))
    answer = problem(request, status, title=title, code=error.code, detail=str(error))
    if isinstance(error, Exhausted | Unavailable):
        answer.headers["Retry-After"] = str(error.retry_after_seconds)
    if status == 401:  # noqa: PLR2004 — the one status that names a scheme (RFC 9110)
        answer.headers["WWW-Authenticate"] = 'Bearer realm="xdr"'
    return answer


async def audit_denial(error: Exception, scope: Scope) -> None:
    """
    Hook, before the answer: whoever was refused something is in the trail; a stranger has none to be in.

    Raises:
        Unavailable: It cannot be written; the answer is then not the refusal.
    """
    state = scope.get("state", {})
    if (
        scope["type"] != ScopeType.HTTP
        or not isinstance(error, NotPermitted)
        or not {"actor", "walls"} <= state.keys()
    ):
        return
    context: WebContext = scope["litestar_app"].state.context
    route = f"{scope['method']} {scope['path_template']}"
    await record_denial(
        context.database, state["walls"], context.clock, by=state["actor"], reason=error.code, route=route
    )


def framework(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """What the framework refuses: an unknown path, a body that does not fit its schema."""
    if error.status_code == 404 and _asks_for_a_page(request):  # noqa: PLR2004 — as below
        return secured(console_page(request.app.state.console, 404))
    status = 422 if error.status_code == 400 else error.status_code  # noqa: PLR2004 — its word for a bad body
    extra = error.extra if isinstance(error.extra, list) else []
    detail = "; ".join(f"{e.get('key', '')}: {e.get('message', '')}" for e in extra if isinstance(e, dict))
    title = {404: "Not found", 405: "Method not allowed", 422: "Invalid"}.get(status, "Refused")
    answer = problem(request, status, title=title, code=f"http_{status}", detail=detail or error.detail)
    answer.headers.update(error.headers or {})
    return answer


def _asks_for_a_page(request: Request[Any, Any, Any]) -> bool:
    """Whether a person followed a link that leads nowhere: the console has words for it."""
    return (
        request.method == "GET"
        and not request.url.path.startswith("/api/")
        and "text/html" in request.headers.get("accept", "")
        and bool(request.app.state.get("console"))
    )


def unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """The last resort: logged here, and nothing of it told."""
    log.error("request_failed", path=request.url.path, exc_info=error)
    return problem(
        request, 500, title="Internal error", code="internal", detail="the cause is in this node's journal"
    )


def of_the_database(request: Request[Any, Any, Any], error: DBAPIError) -> Response[Any]:
    known = about_nul(error)
    return unexpected(request, error) if known is None else expected(request, known)


def about_nul(error: DBAPIError) -> Invalid | None:
    """What to say when text holds a NUL, which no column of the database does; None if it is not that."""
    # The driver refuses a NUL in text before anything is sent, the server one that is escaped in JSON.
    cause = error.orig
    by_driver = isinstance(cause, psycopg.DataError) and cause.sqlstate is None and "NUL" in str(cause)
    if by_driver or isinstance(cause, psycopg.errors.UntranslatableCharacter):
        return Invalid("text holds a NUL character, which cannot be stored; leave it out")
    return None


HANDLERS: dict[Any, Any] = {
    ApplianceError: expected, HTTPException: framework, DBAPIError: of_the_database, Exception: unexpected
}  # fmt: skip
