"""The session that asks, proving oneself again, and one's own account."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, delete, get, post
from litestar.datastructures import Cookie
from litestar.params import FromPath, JSONBody

from appliance.foundation.actors import Actor
from appliance.foundation.schema import Inbound
from appliance.identity.policies import PROFILES
from appliance.identity.schemas import CurrentSession, FactorState, PasskeySummary
from appliance.web.authentication import COOKIE, address_of
from appliance.web.context import WebContext
from appliance.web.dependencies import CurrentActor, OpenServices
from appliance.web.qr import qr_code

Secret = Annotated[str, msgspec.Meta(max_length=1024)]


class Proof(Inbound, frozen=True):
    """A passkey's answer, a code of the authenticator app, or the password where neither is set up."""

    code: Annotated[str, msgspec.Meta(max_length=64)] = ""
    password: Secret = ""
    credential: dict[str, Any] | None = None


class PasswordChange(Inbound, frozen=True):
    current: Secret
    new: Secret


class Code(Inbound, frozen=True):
    code: Annotated[str, msgspec.Meta(min_length=6, max_length=16)]


class NewPasskey(Inbound, frozen=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    credential: dict[str, Any]


@asynccontextmanager
async def _slowed(request: Request[Any, Any, Any], actor: Actor) -> AsyncGenerator[None]:
    """Guessing within a stolen session costs time, as it does at sign-in."""
    context: WebContext = request.app.state.context
    who, address = f"again|{actor.id}", address_of(request)
    await context.delays.attempt(who, address, known_here=False, profile=PROFILES["nist"])
    yield
    await context.delays.succeeded(who, address)


def forgotten(answer: Response[Any]) -> Response[Any]:
    """The answer that also has the browser forget the session: its cookie, cache and storage."""
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    # Browsers heed `__Host-` cookies only with all their attributes, also when they are to go.
    answer.set_cookie(
        Cookie(key=COOKIE, value="", max_age=0, path="/", secure=True, httponly=True, samesite="strict")
    )
    return answer


class SessionController(Controller):
    path = "/session"
    tags = ("Session",)

    @get("/", signed_in=True)
    async def current(
        self, request: Request[Any, Any, Any], services: OpenServices, actor: CurrentActor
    ) -> CurrentSession:
        """Who is signed in, what they may do, and the token that changes need."""
        context: WebContext = request.app.state.context
        person, organisation, names = await services.identity.whoami(by=actor)
        return CurrentSession(
            user=person,
            organisation=organisation,
            roles=names,
            permissions=sorted(actor.permissions),
            csrf_token=context.csrf_token(request.cookies.get(COOKIE, "")),
            expires_at=request.state.get("expires_at"),
        )

    @delete("/", signed_in=True)
    async def end(self, request: Request[Any, Any, Any], actor: CurrentActor) -> Response[None]:
        """Sign out."""
        context: WebContext = request.app.state.context
        if actor.session_id is not None:
            await context.gate.sign_out(actor, request.state.walls)
        return forgotten(Response(None, status_code=204))

    @post("/step-up", signed_in=True, status_code=204)
    async def step_up(
        self,
        request: Request[Any, Any, Any],
        data: JSONBody[Proof],
        services: OpenServices,
        actor: CurrentActor,
    ) -> None:
        """Prove again who you are; good for ten minutes of dangerous actions."""
        async with _slowed(request, actor):
            await services.account.step_up(
                by=actor, code=data.code, password=data.password, credential=data.credential
            )

    @post("/step-up/options", signed_in=True, status_code=200)
    async def step_up_options(self, services: OpenServices, actor: CurrentActor) -> dict[str, Any]:
        """What the browser asks the passkey for."""
        return await services.account.step_up_options(by=actor)


class AccountController(Controller):
    path = "/account"
    tags = ("Account",)

    @get("/factors", signed_in=True)
    async def factors(self, services: OpenServices, actor: CurrentActor) -> FactorState:
        """Which second factors are set up."""
        return await services.account.factors(by=actor)

    @post("/password", signed_in=True, status_code=204)
    async def change_password(
        self,
        request: Request[Any, Any, Any],
        data: JSONBody[PasswordChange],
        services: OpenServices,
        actor: CurrentActor,
    ) -> None:
        """Another password; every other session ends."""
        async with _slowed(request, actor):
            await services.account.change_password(data.current, data.new, by=actor)

    @post("/totp", signed_in=True, step_up=True, status_code=200)
    async def begin_totp(self, services: OpenServices, actor: CurrentActor) -> dict[str, str]:
        """A secret for an authenticator app; `qr` is its QR code as an SVG in a `data:` address."""
        begun = await services.account.begin_totp(by=actor)
        return {"secret": begun.secret, "uri": begun.uri, "qr": qr_code(begun.uri)}

    @post("/totp/confirmation", signed_in=True, step_up=True, status_code=200)
    async def confirm_totp(
        self, data: JSONBody[Code], services: OpenServices, actor: CurrentActor
    ) -> dict[str, list[str]]:
        """The app's first code; answers recovery codes, shown this once."""
        return {"recovery_codes": await services.account.confirm_totp(data.code, by=actor)}

    @delete("/totp", signed_in=True, step_up=True)
    async def remove_totp(self, services: OpenServices, actor: CurrentActor) -> None:
        """Forget the app and the recovery codes."""
        await services.account.remove_totp(by=actor)

    @post("/recovery-codes", signed_in=True, step_up=True, status_code=200)
    async def recovery_codes(self, services: OpenServices, actor: CurrentActor) -> dict[str, list[str]]:
        """Ten fresh recovery codes, shown this once."""
        return {"recovery_codes": await services.account.new_recovery_codes(by=actor)}

    @post("/passkeys/options", signed_in=True, step_up=True, status_code=200)
    async def passkey_options(self, services: OpenServices, actor: CurrentActor) -> dict[str, Any]:
        """What the browser asks a new passkey for."""
        return await services.account.passkey_options(by=actor)

    @post("/passkeys", signed_in=True, step_up=True)
    async def add_passkey(
        self, data: JSONBody[NewPasskey], services: OpenServices, actor: CurrentActor
    ) -> PasskeySummary:
        """Keep a new passkey."""
        return await services.account.add_passkey(data.credential, data.name, by=actor)

    @delete("/passkeys/{passkey_id:uuid}", signed_in=True, step_up=True)
    async def remove_passkey(
        self, passkey_id: FromPath[UUID], services: OpenServices, actor: CurrentActor
    ) -> None:
        """Forget a passkey."""
        await services.account.remove_passkey(passkey_id, by=actor)
