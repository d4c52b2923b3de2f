"""What belongs to the appliance and to no organisation: organisations themselves, and signing keys."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, get, patch, post
from litestar.params import FromPath, JSONBody

from appliance.foundation.schema import Inbound
from appliance.identity.organisations import Organisations
from appliance.identity.schemas import OrganisationSummary
from appliance.web.context import WebContext
from appliance.web.dependencies import CurrentActor, OpenServices


class NewOrganisation(Inbound, frozen=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class OrganisationChange(Inbound, frozen=True):
    status: Annotated[str, msgspec.Meta(max_length=20)]


class PlatformController(Controller):
    """For the administrator on the node alone; no role of an organisation reaches it."""

    path = "/organisations"
    tags = ("Organisations",)

    @get("/", local=True)
    async def all(self, request: Request[Any, Any, Any]) -> dict[str, Any]:
        """Every organisation of the appliance."""
        return {"items": await _organisations(request).all(), "next_cursor": None}

    @post("/", local=True)
    async def create(
        self, request: Request[Any, Any, Any], data: JSONBody[NewOrganisation], actor: CurrentActor
    ) -> OrganisationSummary:
        """A new organisation, behind walls of its own."""
        return await _organisations(request).create(data.name, by=actor)

    @patch("/{organisation_id:uuid}", local=True, status_code=204)
    async def change(
        self,
        request: Request[Any, Any, Any],
        organisation_id: FromPath[UUID],
        data: JSONBody[OrganisationChange],
        actor: CurrentActor,
    ) -> None:
        """Suspend an organisation, or let it go on."""
        await _organisations(request).set_status(organisation_id, data.status, by=actor)


class SigningKeyController(Controller):
    path = "/signing-keys"
    tags = ("Keys",)

    @get("/", permission="keys:rotate")
    async def keys(self, request: Request[Any, Any, Any]) -> dict[str, Any]:
        """The keys that access tokens are signed with, and which is active."""
        context: WebContext = request.app.state.context
        found = await context.access_tokens.public_keys()
        return {"items": [{"id": key.kid, "state": key.state} for key in found], "next_cursor": None}

    @post("/rotation", permission="keys:rotate", step_up=True, status_code=200)
    async def rotate(
        self, request: Request[Any, Any, Any], services: OpenServices, actor: CurrentActor
    ) -> dict[str, str]:
        """Sign with the next key from now on; tokens that are about stay valid until they expire."""
        context: WebContext = request.app.state.context
        return {"active": await context.access_tokens.rotate(services.audit, by=actor)}


def _organisations(request: Request[Any, Any, Any]) -> Organisations:
    context: WebContext = request.app.state.context
    return Organisations(context.database, context.clock)
