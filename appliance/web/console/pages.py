"""The pages that work without JavaScript: sign-in, first password, forgotten password, status."""

from typing import Annotated, Any

from litestar import Controller, Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, QueryParameter
from litestar.response import Redirect

from appliance.foundation.errors import ApplianceError
from appliance.foundation.limits import Limit
from appliance.foundation.schema import Inbound
from appliance.web.authentication import address_of
from appliance.web.console.rendering import (
    client,
    go_on,
    local_path,
    page,
    refuse_foreign_form,
    status_of,
    told_when,
)
from appliance.web.context import WebContext

# Beside the delays of each name: one address cannot keep the password hashing busy.
_ATTEMPTS = Limit("sign-in", per_second=2, burst=20)


class Credentials(Inbound, frozen=True):
    email: str
    password: str
    next: str = "/"


class FirstPassword(Inbound, frozen=True):
    token: str
    password: str
    again: str


class Forgotten(Inbound, frozen=True):
    email: str


class PageController(Controller):
    include_in_schema = False

    @get("/sign-in", public=True)
    async def sign_in_page(
        self, request: Request[Any, Any, Any], wanted: Annotated[str, QueryParameter(name="next")] = "/"
    ) -> Response[str]:
        return _sign_in_page(request, wanted=wanted)

    @post("/sign-in", public=True, status_code=200)
    async def sign_in(
        self,
        request: Request[Any, Any, Any],
        data: Annotated[Credentials, Body(media_type=RequestEncodingType.URL_ENCODED)],
    ) -> Response[Any]:
        refuse_foreign_form(request)
        context: WebContext = request.app.state.context
        try:
            await context.limits.take(_ATTEMPTS, address_of(request))
            done = await context.gate.sign_in(data.email, data.password, **client(request))
        except ApplianceError as error:
            refused = _sign_in_page(request, wanted=data.next, email=data.email, error=error)
            return told_when(error, refused)
        return go_on(done, data.next)

    @get("/welcome/{token:str}", public=True)
    async def welcome_page(self, token: FromPath[str]) -> Response[str]:
        # Nothing is used up by looking: mail scanners and previews fetch links too.
        return page("welcome.html", token=token, problem="")

    @post("/welcome", public=True, status_code=200)
    async def welcome(
        self,
        request: Request[Any, Any, Any],
        data: Annotated[FirstPassword, Body(media_type=RequestEncodingType.URL_ENCODED)],
    ) -> Response[Any]:
        refuse_foreign_form(request)
        context: WebContext = request.app.state.context
        if data.password != data.again:
            return page("welcome.html", 422, token=data.token, problem="the two passwords differ")
        try:
            await context.limits.take(_ATTEMPTS, address_of(request))
            done = await context.gate.redeem(data.token, data.password, **client(request))
        except ApplianceError as error:
            refused = page("welcome.html", status_of(error, 422), token=data.token, problem=str(error))
            return told_when(error, refused)
        return go_on(done, "/")

    @get("/forgotten", public=True)
    async def forgotten_page(self, request: Request[Any, Any, Any]) -> Response[str]:
        context: WebContext = request.app.state.context
        return page("forgotten.html", configured=context.forgotten.is_configured, sent=False, problem="")

    @post("/forgotten", public=True, status_code=200)
    async def forgotten(
        self,
        request: Request[Any, Any, Any],
        data: Annotated[Forgotten, Body(media_type=RequestEncodingType.URL_ENCODED)],
    ) -> Response[Any]:
        refuse_foreign_form(request)
        context: WebContext = request.app.state.context
        if not context.forgotten.is_configured:
            return Redirect("/forgotten", status_code=303)
        try:
            await context.limits.take(_ATTEMPTS, address_of(request))
            await context.forgotten.ask(data.email, address=address_of(request))
        except ApplianceError as error:
            refused = page(
                "forgotten.html", status_of(error, 422), configured=True, sent=False, problem=str(error)
            )
            return told_when(error, refused)
        return page("forgotten.html", configured=True, sent=True, problem="")

    @get("/status", public=True)
    async def status(self, request: Request[Any, Any, Any]) -> Response[str]:
        readiness = await request.app.state.probes.ready()
        return page("status.html", 200 if readiness.ok else 503, ok=readiness.ok)


def _sign_in_page(
    request: Request[Any, Any, Any], *, wanted: str, email: str = "", error: ApplianceError | None = None
) -> Response[str]:
    context: WebContext = request.app.state.context
    return page(
        "sign_in.html",
        200 if error is None else status_of(error, 401),
        next=local_path(wanted),
        email=email,
        problem="" if error is None else str(error),
        has_mail=context.forgotten.is_configured,
    )
