"""The pages that work without JavaScript: sign-in, first password, status."""

from pathlib import Path
from typing import Annotated, Any

import jinja2
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, QueryParameter
from litestar.response import Redirect

from appliance.foundation.errors import ApplianceError, Exhausted, NotPermitted, Unavailable
from appliance.foundation.schema import Inbound
from appliance.identity.schemas import SignedIn
from appliance.web.authentication import COOKIE
from appliance.web.context import WebContext

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
)


class Credentials(Inbound, frozen=True):
    email: str
    password: str
    next: str = "/"


class FirstPassword(Inbound, frozen=True):
    token: str
    password: str
    again: str


class PageController(Controller):
    include_in_schema = False

    @get("/sign-in", public=True)
    async def sign_in_page(self, wanted: Annotated[str, QueryParameter(name="next")] = "/") -> Response[str]:
        return _page("sign_in.html", next=local_path(wanted), email="", problem="")

    @post("/sign-in", public=True, status_code=200)
    async def sign_in(
        self,
        request: Request[Any, Any, Any],
        data: Annotated[Credentials, Body(media_type=RequestEncodingType.URL_ENCODED)],
    ) -> Response[Any]:
        refuse_foreign_form(request)
        context: WebContext = request.app.state.context
        try:
            signed_in = await context.gate.sign_in(data.email, data.password, **_client(request))
        except ApplianceError as error:
            values = {"next": local_path(data.next), "email": data.email, "problem": str(error)}
            return _told_when(error, _page("sign_in.html", _status(error, 401), **values))
        return _welcome(signed_in, local_path(data.next))

    @get("/welcome/{token:str}", public=True)
    async def welcome_page(self, token: FromPath[str]) -> Response[str]:
        # Nothing is used up by looking: mail scanners and previews fetch links too.
        return _page("welcome.html", token=token, problem="")

    @post("/welcome", public=True, status_code=200)
    async def welcome(
        self,
        request: Request[Any, Any, Any],
        data: Annotated[FirstPassword, Body(media_type=RequestEncodingType.URL_ENCODED)],
    ) -> Response[Any]:
        refuse_foreign_form(request)
        context: WebContext = request.app.state.context
        if data.password != data.again:
            return _page("welcome.html", 422, token=data.token, problem="the two passwords differ")
        try:
            signed_in = await context.gate.redeem(data.token, data.password, **_client(request))
        except ApplianceError as error:
            page = _page("welcome.html", _status(error, 422), token=data.token, problem=str(error))
            return _told_when(error, page)
        return _welcome(signed_in, "/")

    @get("/status", public=True)
    async def status(self, request: Request[Any, Any, Any]) -> Response[str]:
        readiness = await request.app.state.probes.ready()
        return _page("status.html", 200 if readiness.ok else 503, ok=readiness.ok)


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


def _client(request: Request[Any, Any, Any]) -> dict[str, str]:
    return {
        "address": request.client.host if request.client else "",
        "user_agent": request.headers.get("user-agent", ""),
    }


def _welcome(signed_in: SignedIn, path: str) -> Response[Any]:
    cookie = Cookie(
        key=COOKIE, value=signed_in.token, path="/", secure=True, httponly=True, samesite="strict"
    )
    return Redirect(path, status_code=303, cookies=[cookie])


def _status(error: ApplianceError, refused: int) -> int:
    if isinstance(error, Unavailable):
        return 503
    return 429 if isinstance(error, Exhausted) else refused


def _told_when(error: ApplianceError, page: Response[str]) -> Response[str]:
    """The page, with the time to come back where waiting helps."""
    if isinstance(error, Exhausted | Unavailable):
        page.headers["Retry-After"] = str(error.retry_after_seconds)
    return page


def _page(name: str, status: int = 200, **values: object) -> Response[str]:
    content = _TEMPLATES.get_template(name).render(**values)
    return Response(
        content,
        status_code=status,
        media_type="text/html; charset=utf-8",
        headers={"Cache-Control": "no-store"},
    )
