"""The pages between password and console: the second factor, or setting one up."""

from typing import Annotated, Any

from litestar import Controller, Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, JSONBody, QueryParameter
from litestar.response import Redirect

from appliance.foundation.errors import ApplianceError, Exhausted, NotPermitted
from appliance.foundation.schema import Inbound
from appliance.identity.errors import FurtherStepEnded
from appliance.identity.schemas import SignedIn
from appliance.identity.second_step import SecondStep
from appliance.web.console.rendering import (
    STEP_COOKIE,
    client,
    go_on,
    local_path,
    page,
    refuse_foreign_form,
    session_cookies,
    status_of,
    told_when,
)
from appliance.web.context import WebContext
from appliance.web.qr import qr_code


class Answer(Inbound, frozen=True):
    code: str = ""
    recovery_code: str = ""
    next: str = "/"


class PasskeyAnswer(Inbound, frozen=True):
    credential: dict[str, Any]
    next: str = "/"


class SecondStepController(Controller):
    path = "/sign-in/step"
    include_in_schema = False

    @get("/", public=True)
    async def step_page(
        self, request: Request[Any, Any, Any], wanted: Annotated[str, QueryParameter(name="next")] = "/"
    ) -> Response[Any]:
        return await _step_page(request, wanted)

    @post("/", public=True, status_code=200)
    async def second_factor(
        self,
        request: Request[Any, Any, Any],
        data: Annotated[Answer, Body(media_type=RequestEncodingType.URL_ENCODED)],
    ) -> Response[Any]:
        refuse_foreign_form(request)
        steps, token = _steps(request)
        try:
            if data.recovery_code:
                done = await steps.by_recovery_code(token, data.recovery_code, **client(request))
            else:
                done = await steps.by_code(token, data.code, **client(request))
        except (NotPermitted, Exhausted, FurtherStepEnded) as error:
            return await _step_page(request, data.next, error)
        return go_on(done, data.next)

    @post("/enrolment", public=True, status_code=200)
    async def enrolment(
        self,
        request: Request[Any, Any, Any],
        data: Annotated[Answer, Body(media_type=RequestEncodingType.URL_ENCODED)],
    ) -> Response[Any]:
        refuse_foreign_form(request)
        steps, token = _steps(request)
        try:
            done = await steps.confirm_enrolment(token, data.code, **client(request))
        except (NotPermitted, Exhausted, FurtherStepEnded) as error:
            return await _step_page(request, data.next, error)
        return _recovery_codes(done, data.next)

    @post("/passkey/options", public=True, status_code=200)
    async def passkey_options(self, request: Request[Any, Any, Any]) -> dict[str, Any]:
        refuse_foreign_form(request)
        steps, token = _steps(request)
        return await steps.passkey_options(token)

    @post("/passkey", public=True, status_code=200)
    async def passkey(
        self, request: Request[Any, Any, Any], data: JSONBody[PasskeyAnswer]
    ) -> Response[dict[str, str]]:
        refuse_foreign_form(request)
        steps, token = _steps(request)
        done = await steps.by_passkey(token, data.credential, **client(request))
        return Response({"next": local_path(data.next)}, cookies=session_cookies(done))


def _steps(request: Request[Any, Any, Any]) -> tuple[SecondStep, str]:
    context: WebContext = request.app.state.context
    return context.second_step, request.cookies.get(STEP_COOKIE, "")


async def _step_page(
    request: Request[Any, Any, Any], wanted: str, error: ApplianceError | None = None
) -> Response[Any]:
    steps, token = _steps(request)
    try:
        step = await steps.look(token)
        begun = await steps.begin_enrolment(token) if step.step == "enrolment" else None
    except FurtherStepEnded:
        return Redirect(f"/sign-in?next={local_path(wanted)}", status_code=303)
    values = {"next": local_path(wanted), "problem": "" if error is None else str(error)}
    status = 200 if error is None else status_of(error, 401)
    if begun is None:
        shown = page("second_factor.html", status, factors=step.factors, **values)
    else:
        shown = page("enrolment.html", status, secret=_grouped(begun.secret), qr=qr_code(begun.uri), **values)
    return shown if error is None else told_when(error, shown)


def _recovery_codes(done: SignedIn, wanted: str) -> Response[Any]:
    shown = page("recovery_codes.html", codes=done.recovery_codes, next=local_path(wanted))
    for cookie in session_cookies(done):
        shown.set_cookie(cookie)
    return shown


def _grouped(secret: str) -> str:
    return " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))
