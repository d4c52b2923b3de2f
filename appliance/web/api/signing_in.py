"""Signing in for programs: access and refresh tokens instead of a cookie."""

from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.params import JSONBody

from appliance.foundation.limits import Limit
from appliance.foundation.schema import Frozen, Inbound
from appliance.identity.access_tokens import Claim
from appliance.identity.schemas import FurtherStep, SignedIn
from appliance.web.authentication import address_of
from appliance.web.context import WebContext

Secret = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
# Beside the delays of each name: one address cannot keep the password hashing busy.
_KEY_SET = "application/jwk-set+json"  # RFC 7517
_ATTEMPTS = Limit("sign-in", per_second=2, burst=20)


class Credentials(Inbound, frozen=True):
    email: Secret
    password: Secret


class Proof(Inbound, frozen=True):
    """The second factor: `code` of the authenticator app, or `recovery_code`."""

    token: Secret
    code: Annotated[str, msgspec.Meta(max_length=64)] = ""
    recovery_code: Annotated[str, msgspec.Meta(max_length=64)] = ""


class Refresh(Inbound, frozen=True):
    refresh_token: Secret


class ProgramTokens(Frozen, frozen=True):
    """RFC 6749 section 5.1. `recovery_codes` are shown this once, when a second factor was set up."""

    access_token: str
    refresh_token: str
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105 — a scheme's name
    recovery_codes: list[str] = msgspec.field(default_factory=list)

    def __repr__(self) -> str:
        return "ProgramTokens()"


class ProgramSignInController(Controller):
    path = "/auth"
    tags = ("Signing in",)

    @post("/sign-in", public=True, status_code=200)
    async def sign_in(
        self, request: Request[Any, Any, Any], data: JSONBody[Credentials]
    ) -> ProgramTokens | FurtherStep:
        """Name and password; answers tokens, or the further step that is asked for."""
        context = await _counted(request)
        done = await context.gate.sign_in(data.email, data.password, kind="api", **_where(request))
        return done if isinstance(done, FurtherStep) else await _tokens(context, done)

    @post("/second-factor", public=True, status_code=200)
    async def second_factor(self, request: Request[Any, Any, Any], data: JSONBody[Proof]) -> ProgramTokens:
        """The code that a further step asked for."""
        context = await _counted(request)
        step, where = context.second_step, _where(request)
        if data.recovery_code:
            done = await step.by_recovery_code(data.token, data.recovery_code, **where)
        else:
            done = await step.by_code(data.token, data.code, **where)
        return await _tokens(context, done)

    @post("/enrolment", public=True, status_code=200)
    async def enrolment(self, request: Request[Any, Any, Any], data: JSONBody[Proof]) -> dict[str, str]:
        """The secret for an authenticator app, where a second factor must be set up first."""
        context = await _counted(request)
        begun = await context.second_step.begin_enrolment(data.token)
        return {"secret": begun.secret, "uri": begun.uri}

    @post("/enrolment/confirmation", public=True, status_code=200)
    async def confirm_enrolment(
        self, request: Request[Any, Any, Any], data: JSONBody[Proof]
    ) -> ProgramTokens:
        """The new app's first code; answers tokens and recovery codes."""
        context = await _counted(request)
        done = await context.second_step.confirm_enrolment(data.token, data.code, **_where(request))
        return await _tokens(context, done)

    @post("/refresh", public=True, status_code=200)
    async def refresh(self, request: Request[Any, Any, Any], data: JSONBody[Refresh]) -> ProgramTokens:
        """New tokens for a refresh token, which is used up; using it again ends the session."""
        context: WebContext = request.app.state.context
        renewed = await context.refreshing.renew(data.refresh_token, address=address_of(request))
        return await _tokens(context, renewed)

    @get("/keys", public=True, media_type=_KEY_SET)
    async def keys(self, request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        """The public keys that access tokens are signed with (JWKS, RFC 7517)."""
        context: WebContext = request.app.state.context
        found = await context.access_tokens.public_keys()
        return Response(
            {"keys": [key.jwk() for key in found]},
            headers={"Cache-Control": "max-age=30"},
        )


async def _counted(request: Request[Any, Any, Any]) -> WebContext:
    context: WebContext = request.app.state.context
    await context.limits.take(_ATTEMPTS, address_of(request))
    return context


def _where(request: Request[Any, Any, Any]) -> Any:
    return {"address": address_of(request), "user_agent": request.headers.get("user-agent", "")}


async def _tokens(context: WebContext, done: SignedIn) -> ProgramTokens:
    token, expires_at = await context.access_tokens.issue(Claim(done.org_id, done.session_id, done.user_id))
    return ProgramTokens(
        access_token=token,
        refresh_token=done.token,
        expires_in=int((expires_at - context.clock.now()).total_seconds()),
        recovery_codes=done.recovery_codes,
    )
