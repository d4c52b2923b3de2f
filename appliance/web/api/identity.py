"""The session, users and tokens."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, delete, get, post
from litestar.datastructures import Cookie
from litestar.params import FromPath, JSONBody

from appliance.identity.schemas import CurrentSession, Invitation, IssuedApiToken, NewToken, NewUser
from appliance.web.authentication import COOKIE
from appliance.web.context import WebContext
from appliance.web.dependencies import CurrentActor, OpenServices


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
        gone = Response(None, status_code=204, headers={"Clear-Site-Data": '"cache", "storage"'})
        # Browsers heed `__Host-` cookies only with all their attributes, also when they are to go.
        gone.set_cookie(
            Cookie(key=COOKIE, value="", max_age=0, path="/", secure=True, httponly=True, samesite="strict")
        )
        return gone


class UserController(Controller):
    path = "/users"
    tags = ("Users",)

    @get("/", permission="users:view")
    async def users(self, services: OpenServices, actor: CurrentActor) -> dict[str, Any]:
        """Everybody of the organisation."""
        return {"items": await services.identity.users(by=actor), "next_cursor": None}

    @post("/", permission="users:edit")
    async def invite(
        self, data: JSONBody[NewUser], services: OpenServices, actor: CurrentActor
    ) -> Invitation:
        """Invite somebody; the answer holds a link, shown this once."""
        return await services.identity.invite(data, by=actor)

    @post("/{user_id:uuid}/link", permission="users:edit")
    async def renew_link(
        self, user_id: FromPath[UUID], services: OpenServices, actor: CurrentActor
    ) -> Invitation:
        """A new link for somebody who lost the first or forgot the password."""
        return await services.identity.renew_link(user_id, by=actor)

    @post("/{user_id:uuid}/suspension", permission="users:edit", status_code=204)
    async def suspend(self, user_id: FromPath[UUID], services: OpenServices, actor: CurrentActor) -> None:
        """Let somebody in no longer."""
        await services.identity.suspend(user_id, by=actor)


class TokenController(Controller):
    path = "/tokens"
    tags = ("Tokens",)

    @get("/", permission="tokens:own")
    async def tokens(self, services: OpenServices, actor: CurrentActor) -> dict[str, Any]:
        """Your own tokens that still work."""
        return {"items": await services.identity.tokens(by=actor), "next_cursor": None}

    @post("/", permission="tokens:own")
    async def create(
        self, data: JSONBody[NewToken], services: OpenServices, actor: CurrentActor
    ) -> IssuedApiToken:
        """A token with no more rights than you have; shown this once."""
        return await services.identity.create_token(data, by=actor)

    @delete("/{token_id:uuid}", permission="tokens:own")
    async def revoke(self, token_id: FromPath[UUID], services: OpenServices, actor: CurrentActor) -> None:
        """Stop one of your tokens."""
        await services.identity.revoke_token(token_id, by=actor)
