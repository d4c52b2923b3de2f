"""What the pages share: templates, cookies, and where a person goes next."""

from pathlib import Path
from typing import Any, TypedDict
from urllib.parse import quote

import jinja2
from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.response import Redirect

from appliance.foundation.errors import ApplianceError, Exhausted, NotPermitted, Unavailable
from appliance.identity.opening import PENDING_LIFE
from appliance.identity.schemas import FurtherStep, SignedIn
from appliance.web.authentication import COOKIE, address_of

# Holds a sign-in that is half done; opens nothing.
STEP_COOKIE = "__Host-xdr-step"
_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
)


class Where(TypedDict):
    address: str
    user_agent: str


def client(request: Request[Any, Any, Any]) -> Where:
    return Where(address=address_of(request), user_agent=request.headers.get("user-agent", ""))


def local_path(wanted: str) -> str:
    """The path if it leads nowhere else; "/" otherwise."""
    plain = wanted.isprintable() and "\\" not in wanted
    return wanted if plain and wanted.startswith("/") and not wanted.startswith("//") else "/"


def refuse_foreign_form(request: Request[Any, Any, Any]) -> None:
    """A form on another site must sign nobody in; before there is a session no token can tell."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise _ForeignForm("this form was sent from another site; open the sign-in page yourself")


class _ForeignForm(NotPermitted):
    code = "foreign_form"


def go_on(done: SignedIn | FurtherStep, path: str) -> Response[Any]:
    """To the console with a session, or to the page of the next step."""
    if isinstance(done, FurtherStep):
        path = f"/sign-in/step?next={quote(local_path(path))}"
        cookie = _cookie(STEP_COOKIE, done.token, seconds=int(PENDING_LIFE.total_seconds()))
        return Redirect(path, status_code=303, cookies=[cookie])
    return Redirect(local_path(path), status_code=303, cookies=session_cookies(done))


def session_cookies(done: SignedIn) -> list[Cookie]:
    """The session's cookie; and none of the half-done sign-in's any more."""
    return [_cookie(COOKIE, done.token), _cookie(STEP_COOKIE, "", seconds=0)]


def _cookie(name: str, value: str, *, seconds: int | None = None) -> Cookie:
    return Cookie(
        key=name, value=value, path="/", secure=True, httponly=True, samesite="strict", max_age=seconds
    )


def status_of(error: ApplianceError, refused: int) -> int:
    if isinstance(error, Unavailable):
        return 503
    return 429 if isinstance(error, Exhausted) else refused


def told_when(error: ApplianceError, answer: Response[str]) -> Response[str]:
    """The page, with the time to come back where waiting helps."""
    if isinstance(error, Exhausted | Unavailable):
        answer.headers["Retry-After"] = str(error.retry_after_seconds)
    return answer


def page(name: str, status: int = 200, **values: object) -> Response[str]:
    content = _TEMPLATES.get_template(name).render(**values)
    return Response(
        content,
        status_code=status,
        media_type="text/html; charset=utf-8",
        headers={"Cache-Control": "no-store"},
    )
