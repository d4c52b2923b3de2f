"""Identity providers: setting them up, testing them, and signing out by way of one."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, delete, get, patch, post
from litestar.params import FromPath, JSONBody

from appliance.identity.federation_schemas import (
    NewProvider,
    ProviderChange,
    ProviderSummary,
    Report,
    ScimToken,
)
from appliance.web.api.session import forgotten
from appliance.web.context import WebContext
from appliance.web.dependencies import CurrentActor, OpenServices


class IdentityProviderController(Controller):
    path = "/identity-providers"
    tags = ("Identity providers",)

    @get("/", permission="users:view")
    async def providers(self, services: OpenServices, actor: CurrentActor) -> dict[str, Any]:
        """Directories and single sign-on, without secrets."""
        return {"items": await services.providers.all(by=actor), "next_cursor": None}

    @post("/", permission="identity_providers:edit", step_up=True)
    async def create(
        self, data: JSONBody[NewProvider], services: OpenServices, actor: CurrentActor
    ) -> ProviderSummary:
        """Set one up; it is switched off until it is enabled."""
        return await services.providers.create(data, by=actor)

    @get("/{provider_id:uuid}", permission="users:view")
    async def provider(
        self, provider_id: FromPath[UUID], services: OpenServices, actor: CurrentActor
    ) -> ProviderSummary:
        """One of them, without its secret."""
        return await services.providers.get(provider_id, by=actor)

    @patch("/{provider_id:uuid}", permission="identity_providers:edit", step_up=True)
    async def change(
        self,
        provider_id: FromPath[UUID],
        data: JSONBody[ProviderChange],
        services: OpenServices,
        actor: CurrentActor,
    ) -> ProviderSummary:
        """Change what is given; a secret that is not given stays."""
        return await services.providers.change(provider_id, data, by=actor)

    @delete("/{provider_id:uuid}", permission="identity_providers:edit", step_up=True)
    async def remove(self, provider_id: FromPath[UUID], services: OpenServices, actor: CurrentActor) -> None:
        """Remove it; whom it vouched for is signed out."""
        await services.providers.remove(provider_id, by=actor)

    @post("/{provider_id:uuid}/test", permission="identity_providers:edit", status_code=200)
    async def test(
        self, request: Request[Any, Any, Any], provider_id: FromPath[UUID], actor: CurrentActor
    ) -> Report:
        """Try every step, and say what to do about those that fail."""
        context: WebContext = request.app.state.context
        return await context.federation.tests.run(request.state.walls, provider_id, by=actor)

    @post("/{provider_id:uuid}/scim-token", permission="identity_providers:edit", step_up=True)
    async def issue_scim_token(
        self, provider_id: FromPath[UUID], services: OpenServices, actor: CurrentActor
    ) -> ScimToken:
        """A token for provisioning (SCIM), shown this once; an earlier one stops working."""
        return await services.providers.issue_scim_token(provider_id, by=actor)

    @delete("/{provider_id:uuid}/scim-token", permission="identity_providers:edit", step_up=True)
    async def revoke_scim_token(
        self, provider_id: FromPath[UUID], services: OpenServices, actor: CurrentActor
    ) -> None:
        """Stop provisioning."""
        await services.providers.revoke_scim_token(provider_id, by=actor)


class SingleLogoutController(Controller):
    path = "/session/provider-logout"
    tags = ("Session",)

    @post("/", signed_in=True, status_code=200)
    async def sign_out(
        self, request: Request[Any, Any, Any], actor: CurrentActor
    ) -> Response[dict[str, str]]:
        """Sign out here; `url` is where the browser goes so that the identity provider does so too, or ""."""
        context: WebContext = request.app.state.context
        url = await context.federation.logout.question(actor, request.state.walls)
        if actor.session_id is not None:
            await context.gate.sign_out(actor, request.state.walls)
        return forgotten(Response({"url": url}))
