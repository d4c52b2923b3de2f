"""What browsers and researchers look for: reports of policy violations, and whom to tell of a weakness."""

from datetime import timedelta
from typing import Any

import msgspec
import structlog
from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException

from appliance.foundation.errors import TooLarge
from appliance.foundation.limits import Limit
from appliance.web.authentication import address_of
from appliance.web.context import WebContext

log = structlog.get_logger()

_REPORTS = Limit("csp-reports", per_second=0.5, burst=20)
_MOST_REPORT_BYTES = 16_384
_SHOWN = 300  # characters of a field; a report is written by whoever sends it
_FIELDS = ("blocked-uri", "violated-directive", "effective-directive", "document-uri", "source-file")
_VALID_FOR = timedelta(days=180)


@post("/api/v1/csp-reports", public=True, include_in_schema=False, status_code=204)
async def report_violation(request: Request[Any, Any, Any]) -> None:
    """A browser says that a page tried what its policy forbids (CSP Level 3 section 5.3)."""
    context: WebContext = request.app.state.context
    await context.limits.take(_REPORTS, address_of(request))
    raw = await request.body()
    if len(raw) > _MOST_REPORT_BYTES:
        raise TooLarge(f"a report has at most {_MOST_REPORT_BYTES} bytes")
    try:
        said = msgspec.json.decode(raw, type=dict[str, dict[str, Any]]).get("csp-report", {})
    except msgspec.DecodeError:
        said = {}
    fields = {name.replace("-", "_"): str(said[name])[:_SHOWN] for name in _FIELDS if name in said}
    log.warning("csp_violation_reported", address=address_of(request), **fields)


@get("/.well-known/security.txt", public=True, include_in_schema=False, sync_to_thread=False)
def security_contact(request: Request[Any, Any, Any]) -> Response[str]:
    """RFC 9116. Only the site knows who answers for it; without a contact there is no such file."""
    context: WebContext = request.app.state.context
    contact = context.settings.web.security_contact
    if not contact:
        raise NotFoundException("no security contact is configured: [web] security_contact")
    expires = (context.clock.now() + _VALID_FOR).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Response(
        f"Contact: {contact}\nExpires: {expires}\nPreferred-Languages: en, de\n",
        media_type="text/plain; charset=utf-8",
    )
