"""API tokens: your own, and those of programs."""

from typing import Any
from uuid import UUID

from litestar import Controller, delete, get, post
from litestar.params import FromPath, JSONBody

from appliance.identity.schemas import IssuedApiToken, NewToken
from appliance.web.dependencies import CurrentActor, OpenServices


class TokenController(Controller):
    path = "/tokens"
    tags = ("Tokens",)

    @get("/", permission="tokens:own")
    async def tokens(self, services: OpenServices, actor: CurrentActor) -> dict[str, Any]:
        """Your own tokens that still work."""
        return {"items": await services.tokens.own(by=actor), "next_cursor": None}

    @post("/", permission="tokens:own", step_up=True)
    async def create(
        self, data: JSONBody[NewToken], services: OpenServices, actor: CurrentActor
    ) -> IssuedApiToken:
        """A token with no more rights than you have; shown this once."""
        return await services.tokens.create(data, by=actor)

    @delete("/{token_id:uuid}", permission="tokens:own")
    async def revoke(self, token_id: FromPath[UUID], services: OpenServices, actor: CurrentActor) -> None:
        """Stop one of your tokens."""
        await services.tokens.revoke(token_id, by=actor)


class ServiceTokenController(Controller):
    path = "/service-tokens"
    tags = ("Tokens",)

    @get("/", permission="service_tokens:edit")
    async def tokens(self, services: OpenServices, actor: CurrentActor) -> dict[str, Any]:
        """The programs' tokens that still work."""
        return {"items": await services.tokens.service_tokens(by=actor), "next_cursor": None}

    @post("/", permission="service_tokens:edit", step_up=True)
    async def create(
        self, data: JSONBody[NewToken], services: OpenServices, actor: CurrentActor
    ) -> IssuedApiToken:
        """A token that belongs to a program; shown this once."""
        return await services.tokens.create_service_token(data, by=actor)

    @delete("/{service_token_id:uuid}", permission="service_tokens:edit", step_up=True)
    async def revoke(
        self, service_token_id: FromPath[UUID], services: OpenServices, actor: CurrentActor
    ) -> None:
        """Stop a program's token."""
        await services.tokens.revoke_service_token(service_token_id, by=actor)
