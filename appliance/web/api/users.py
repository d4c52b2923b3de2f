"""People, their roles, their sessions, and the organisation's choices about them."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, delete, get, patch, post, put
from litestar.params import FromPath, JSONBody

from appliance.foundation.schema import Inbound
from appliance.identity.schemas import (
    Invitation,
    NewRole,
    NewUser,
    OrganisationPolicy,
    PolicyChange,
    RoleGrant,
    RoleMatrix,
    RoleSummary,
    UserSummary,
)
from appliance.web.dependencies import CurrentActor, OpenServices


class Roles(Inbound, frozen=True):
    roles: Annotated[list[RoleGrant], msgspec.Meta(min_length=1, max_length=50)]


class UserController(Controller):
    path = "/users"
    tags = ("Users",)

    @get("/", permission="users:view")
    async def users(self, services: OpenServices, actor: CurrentActor) -> dict[str, Any]:
        """Everybody of the organisation."""
        return {"items": await services.identity.users(by=actor), "next_cursor": None}

    @post("/", permission="users:edit", step_up=True)
    async def invite(
        self, data: JSONBody[NewUser], services: OpenServices, actor: CurrentActor
    ) -> Invitation:
        """Invite somebody; the answer holds a link, shown this once."""
        return await services.identity.invite(data, by=actor)

    @post("/{user_id:uuid}/link", permission="users:edit", step_up=True)
    async def renew_link(
        self, user_id: FromPath[UUID], services: OpenServices, actor: CurrentActor
    ) -> Invitation:
        """A new link for somebody who lost the first or forgot the password."""
        return await services.identity.renew_link(user_id, by=actor)

    @post("/{user_id:uuid}/suspension", permission="users:edit", step_up=True, status_code=204)
    async def suspend(self, user_id: FromPath[UUID], services: OpenServices, actor: CurrentActor) -> None:
        """Let somebody in no longer."""
        await services.identity.suspend(user_id, by=actor)

    @delete("/{user_id:uuid}/suspension", permission="users:edit", step_up=True)
    async def reactivate(self, user_id: FromPath[UUID], services: OpenServices, actor: CurrentActor) -> None:
        """Let a suspended user in again."""
        await services.identity.reactivate(user_id, by=actor)

    @put("/{user_id:uuid}/roles", permission="users:edit", step_up=True)
    async def set_roles(
        self, user_id: FromPath[UUID], data: JSONBody[Roles], services: OpenServices, actor: CurrentActor
    ) -> UserSummary:
        """Give exactly these roles, for ever or until a moment; what a directory's groups gave stays."""
        return await services.identity.set_roles(user_id, data.roles, by=actor)

    @delete("/{user_id:uuid}/factors", permission="users:edit", step_up=True)
    async def reset_factors(
        self, user_id: FromPath[UUID], services: OpenServices, actor: CurrentActor
    ) -> None:
        """Remove the second factors of somebody who lost them."""
        await services.identity.reset_factors(user_id, by=actor)


class RoleController(Controller):
    path = "/roles"
    tags = ("Roles",)

    @get("/", permission="users:view")
    async def matrix(self, services: OpenServices, actor: CurrentActor) -> RoleMatrix:
        """Every permission and every role."""
        return await services.roles.matrix(by=actor)

    @post("/", permission="roles:edit", step_up=True)
    async def create(
        self, data: JSONBody[NewRole], services: OpenServices, actor: CurrentActor
    ) -> RoleSummary:
        """A role of your own making, with no more than you hold."""
        return await services.roles.create(data, by=actor)

    @put("/{role_name:str}", permission="roles:edit", step_up=True)
    async def change(
        self, role_name: FromPath[str], data: JSONBody[NewRole], services: OpenServices, actor: CurrentActor
    ) -> RoleSummary:
        """Another title and other permissions for a role of your own making."""
        return await services.roles.change(role_name, data, by=actor)

    @delete("/{role_name:str}", permission="roles:edit", step_up=True)
    async def remove(self, role_name: FromPath[str], services: OpenServices, actor: CurrentActor) -> None:
        """Take away a role that nobody has."""
        await services.roles.remove(role_name, by=actor)


class SessionListController(Controller):
    path = "/sessions"
    tags = ("Sessions",)

    @get("/", permission="sessions:end")
    async def all(self, services: OpenServices, actor: CurrentActor) -> dict[str, Any]:
        """Everybody's open sessions, newest first."""
        return {"items": await services.sessions.all(by=actor), "next_cursor": None}

    @delete("/{session_id:uuid}", permission="sessions:end", step_up=True)
    async def end(self, session_id: FromPath[UUID], services: OpenServices, actor: CurrentActor) -> None:
        """End anybody's session; it is refused from the next request on."""
        await services.sessions.end(session_id, by=actor)

    @get("/own", signed_in=True)
    async def own(self, services: OpenServices, actor: CurrentActor) -> dict[str, Any]:
        """Your own open sessions."""
        return {"items": await services.sessions.own(by=actor), "next_cursor": None}

    @delete("/own/{own_session_id:uuid}", signed_in=True)
    async def end_own(
        self, own_session_id: FromPath[UUID], services: OpenServices, actor: CurrentActor
    ) -> None:
        """End one of your own."""
        await services.sessions.end_own(own_session_id, by=actor)

    @delete("/own", signed_in=True, status_code=200)
    async def end_others(self, services: OpenServices, actor: CurrentActor) -> dict[str, int]:
        """End all of your own but this one."""
        return {"ended": await services.sessions.end_others(by=actor)}


class OrganisationController(Controller):
    path = "/organisation"
    tags = ("Organisation",)

    @get("/policy", permission="users:view")
    async def policy(self, services: OpenServices, actor: CurrentActor) -> OrganisationPolicy:
        """What is demanded of passwords, sessions and second factors."""
        return await services.organisation.policy(by=actor)

    @patch("/policy", permission="policies:edit", step_up=True)
    async def change(
        self, data: JSONBody[PolicyChange], services: OpenServices, actor: CurrentActor
    ) -> OrganisationPolicy:
        """Choose the profile, demand second factors of everybody, enforce single sign-on."""
        return await services.organisation.change(data, by=actor)
