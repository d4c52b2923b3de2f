"""Who may provision, how failures are told, and how answers are given, at /scim/v2."""

from collections.abc import AsyncGenerator
from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from pydantic import ValidationError
from scim2_models import Context, Error, SCIMException
from sqlalchemy.exc import DBAPIError

from appliance.foundation.actors import Scope
from appliance.foundation.database import transaction
from appliance.foundation.errors import (
    ApplianceError,
    Conflict,
    Exhausted,
    Invalid,
    NotAuthenticated,
    NotFound,
    TooLarge,
    Unavailable,
)
from appliance.foundation.tokens import hash_of, is_well_formed
from appliance.identity.doors import ask
from appliance.identity.federation_errors import SubjectUnlinked
from appliance.identity.provider_rows import known
from appliance.identity.providers import SCIM_PREFIX
from appliance.identity.provisioning import Provisioning
from appliance.web.context import WebContext
from appliance.web.errors import about_nul
from appliance.web.security import secured

log = structlog.get_logger()

SCIM = "application/scim+json"
_KINDS: tuple[tuple[type[ApplianceError], int, str | None], ...] = (
    (SubjectUnlinked, 409, "uniqueness"),
    (Conflict, 409, "uniqueness"),
    (NotAuthenticated, 401, None),
    (NotFound, 404, None),
    (TooLarge, 413, None),
    (Invalid, 400, "invalidValue"),
    (Exhausted, 429, None),
    (Unavailable, 503, None),
)


async def provisioning(request: Request[Any, Any, Any]) -> AsyncGenerator[Provisioning]:
    """
    Within the organisation whose provider's token was sent; committed before the answer.

    Raises:
        NotAuthenticated: No token, or none that works.
    """
    context: WebContext = request.app.state.context
    owner = await owner_of(request)
    scope = Scope(org_id=owner.org_id)
    async with transaction(context.database, scope) as session:
        provider = await known(session, scope, context.sealer, owner.id)
        yield Provisioning(session, scope, context.clock, provider)


async def owner_of(request: Request[Any, Any, Any]) -> Any:
    """
    Organisation and provider of the token that was sent.

    Raises:
        NotAuthenticated: No token, or none that works.
    """
    context: WebContext = request.app.state.context
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    owners = []
    if kind.lower() == "bearer" and is_well_formed(token, SCIM_PREFIX):
        owners = await ask(context.database, "app.scim_owner", hash_of(token))
    if not owners:
        raise NotAuthenticated("send the provider's token, from `xdr idp scim-token`, as a bearer token")
    return owners[0]


def scim_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Every failure as SCIM says it (RFC 7644 3.12)."""
    made = _error(request, error)
    body = made.model_dump(scim_ctx=Context.DEFAULT)
    headers = {"WWW-Authenticate": 'Bearer realm="scim"'} if made.status == 401 else {}  # noqa: PLR2004 — RFC 9110
    return secured(Response(body, status_code=made.status or 500, media_type=SCIM, headers=headers))


def _error(request: Request[Any, Any, Any], error: Exception) -> Error:
    if isinstance(error, SCIMException):
        return error.to_error()
    if isinstance(error, ValidationError):
        return Error.from_validation_errors(error)[0]
    if isinstance(error, HTTPException):
        return Error(status=error.status_code, detail=error.detail)
    if isinstance(error, DBAPIError):
        error = about_nul(error) or error
    for kind, status, scim_type in _KINDS:
        if isinstance(error, kind):
            return Error(status=status, scim_type=scim_type, detail=str(error))
    log.error("request_failed", path=request.url.path, exc_info=error)
    return Error(status=500, detail="the cause is in this node's journal")


HANDLERS: dict[Any, Any] = dict.fromkeys(
    (ApplianceError, HTTPException, SCIMException, ValidationError, DBAPIError, Exception), scim_error
)


def answer(shown: Any, context: Context, *, status: int = 200, **asked: Any) -> Response[Any]:
    """A resource or a list, with its version and place."""
    headers = {}
    if (meta := getattr(shown, "meta", None)) is not None and meta.version:
        headers = {"ETag": meta.version, "Location": str(meta.location)}
    body = shown.model_dump(scim_ctx=context, **asked)
    return Response(body, status_code=status, media_type=SCIM, headers=headers)


def base_of(request: Request[Any, Any, Any]) -> str:
    """Where SCIM is, from the settings; never from a header."""
    context: WebContext = request.app.state.context
    return f"{context.settings.web.public_url.rstrip('/')}/scim/v2"
