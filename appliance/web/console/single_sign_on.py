"""
The addresses that identity providers and browsers on their way use: start, answer, logout, metadata.

An answer comes from another site, so the cookie that binds it to this browser must come along from there;
it opens nothing. After an answer the browser is sent on by a page of ours: cookies that no other site may
send are then sent again.
"""

from typing import Annotated, Any
from urllib.parse import parse_qsl
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, QueryParameter
from litestar.response import Redirect

from appliance.foundation.errors import ApplianceError, Exhausted, Unavailable
from appliance.foundation.limits import Limit
from appliance.foundation.schema import Inbound
from appliance.identity.federation_errors import AssertionMalformed, ProviderNotFound
from appliance.identity.single_sign_on import REQUEST_LIFE, Browser, Finished
from appliance.web.authentication import address_of
from appliance.web.console.rendering import client, go_on, local_path, page, told_when
from appliance.web.context import WebContext

SSO_COOKIE = "__Host-xdr-sso"
_ATTEMPTS = Limit("single-sign-on", per_second=5, burst=50)
_LONGEST_QUERY = 65_536


class SamlAnswer(Inbound, frozen=True):
    """RelayState is taken along and never used: where to go next was fixed when the question was asked."""

    SAMLResponse: str
    RelayState: str = ""


class SingleSignOnController(Controller):
    path = "/sso"
    include_in_schema = False

    @get("/", public=True)
    async def providers(
        self, request: Request[Any, Any, Any], wanted: Annotated[str, QueryParameter(name="next")] = "/"
    ) -> Response[str]:
        context = await _counted(request)
        offered = await context.federation.sign_on.offered()
        return page("sso.html", providers=offered, next=local_path(wanted))

    @get("/{provider_id:uuid}", public=True)
    async def start(
        self,
        request: Request[Any, Any, Any],
        provider_id: FromPath[UUID],
        wanted: Annotated[str, QueryParameter(name="next")] = "/",
    ) -> Response[Any]:
        try:
            context = await _counted(request)
            begun = await context.federation.sign_on.begin(provider_id, local_path(wanted))
        except ApplianceError as error:
            return _refused(error)
        cookie = Cookie(
            key=SSO_COOKIE, value=begun.browser_token, path="/", secure=True, httponly=True, samesite="none",
            max_age=int(REQUEST_LIFE.total_seconds()),
        )  # fmt: skip
        return Redirect(begun.url, status_code=303, cookies=[cookie], headers={"Cache-Control": "no-store"})

    @post("/{provider_id:uuid}/acs", public=True, status_code=200)
    async def saml_answer(
        self,
        request: Request[Any, Any, Any],
        provider_id: FromPath[UUID],
        data: Annotated[SamlAnswer, Body(media_type=RequestEncodingType.URL_ENCODED)],
    ) -> Response[Any]:
        try:
            context = await _counted(request)
            finished = await context.federation.sign_on.finish_saml(
                provider_id, data.SAMLResponse, _browser(request)
            )
        except ApplianceError as error:
            return _refused(error)
        return _go_on(finished)

    @get("/{provider_id:uuid}/callback", public=True)
    async def oidc_answer(
        self, request: Request[Any, Any, Any], provider_id: FromPath[UUID]
    ) -> Response[Any]:
        try:
            context = await _counted(request)
            query = _query(request)
            finished = await context.federation.sign_on.finish_oidc(provider_id, query, _browser(request))
        except ApplianceError as error:
            return _refused(error)
        return _go_on(finished)

    @get("/{provider_id:uuid}/slo", public=True)
    async def logout(self, request: Request[Any, Any, Any], provider_id: FromPath[UUID]) -> Response[Any]:
        raw, query = _raw_query(request), _query(request)
        try:
            context = await _counted(request)
            if "SAMLResponse" in query:
                await context.federation.logout.answered(provider_id, raw)
                return Redirect("/sign-in", status_code=303)
            url = await context.federation.logout.asked(provider_id, raw, query.get("RelayState", ""))
        except ApplianceError as error:
            return _refused(error)
        return Redirect(url or "/sign-in", status_code=303)

    @get("/{provider_id:uuid}/metadata", public=True)
    async def metadata(self, request: Request[Any, Any, Any], provider_id: FromPath[UUID]) -> Response[bytes]:
        context = await _counted(request)
        document = await context.federation.sign_on.metadata(provider_id)
        return Response(document, media_type="application/samlmetadata+xml; charset=utf-8")


async def _counted(request: Request[Any, Any, Any]) -> WebContext:
    context: WebContext = request.app.state.context
    await context.limits.take(_ATTEMPTS, address_of(request))
    return context


def _browser(request: Request[Any, Any, Any]) -> Browser:
    return Browser(token=request.cookies.get(SSO_COOKIE, ""), **client(request))


def _raw_query(request: Request[Any, Any, Any]) -> str:
    raw = bytes(request.scope["query_string"]).decode(errors="replace")
    if len(raw) > _LONGEST_QUERY:
        raise AssertionMalformed("the address is too long")
    return raw


def _query(request: Request[Any, Any, Any]) -> dict[str, str]:
    pairs = parse_qsl(_raw_query(request), keep_blank_values=True, max_num_fields=20)
    if len(found := dict(pairs)) != len(pairs):
        raise AssertionMalformed("a parameter stands in the address twice")
    return found


def _go_on(finished: Finished) -> Response[Any]:
    redirect = go_on(finished.done, finished.next_path)
    location = redirect.url if isinstance(redirect, Redirect) else "/"
    shown = page("continue.html", location=local_path(location))
    for cookie in redirect.cookies:
        shown.set_cookie(cookie)
    shown.set_cookie(
        Cookie(key=SSO_COOKIE, value="", path="/", secure=True, httponly=True, samesite="none", max_age=0)
    )
    return shown


def _refused(error: ApplianceError) -> Response[Any]:
    status = 401
    if isinstance(error, AssertionMalformed):
        status = 400
    elif isinstance(error, ProviderNotFound):
        status = 404
    elif isinstance(error, Unavailable):
        status = 503
    elif isinstance(error, Exhausted):
        status = 429
    return told_when(error, page("sso_refused.html", status, problem=str(error), code=error.code))
