"""An organisation's own roles, and the matrix of all of them."""

import re

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Actor, Permission, Scope
from appliance.foundation.clock import Clock
from appliance.foundation.errors import Conflict, Invalid, NotPermitted
from appliance.identity.errors import RoleNotFound, RoleTaken
from appliance.identity.governance_models import CustomRole
from appliance.identity.models import RoleAssignment
from appliance.identity.roles import four_eyes, roles
from appliance.identity.schemas import NewRole, RoleMatrix, RoleSummary

_NAME = re.compile(r"[a-z][a-z0-9_]{1,48}")
_MOST_ROLES = 100


class RoleService:
    """Bound to one transaction."""

    def __init__(self, session: AsyncSession, scope: Scope, audit: AuditTrail, clock: Clock) -> None:
        self._session, self._scope, self._audit, self._clock = session, scope, audit, clock

    async def matrix(self, *, by: Actor) -> RoleMatrix:
        """Every permission and every role, built-in ones first."""
        by.require(Permission.USERS_VIEW)
        built_in = [
            RoleSummary(name=name, title=role.title, permissions=sorted(role.permissions), built_in=True)
            for name, role in roles().items()
        ]
        own = [_summary(role) for role in await self._own()]
        return RoleMatrix(
            permissions=[permission.value for permission in Permission],
            four_eyes=sorted(four_eyes()),
            roles=built_in + own,
        )

    async def create(self, new: NewRole, *, by: Actor) -> RoleSummary:
        """
        A role of one's own making.

        Raises:
            NotPermitted: It holds what its maker lacks.
            RoleTaken: There is one of that name.
        """
        by.require(Permission.ROLES_EDIT)
        if not _NAME.fullmatch(new.name):
            raise Invalid(f"{new.name!r} is no name of a role; write it like `night_shift`")
        if len(await self._own()) >= _MOST_ROLES:
            raise Conflict(f"there are {_MOST_ROLES} roles already")
        role = CustomRole(
            org_id=self._scope.org_id, name=new.name, title=new.title, permissions=_granted(new, by),
            created_at=self._clock.now(), created_by=by.name,
        )  # fmt: skip
        if new.name in roles():
            raise RoleTaken(f"{new.name} is a built-in role")
        try:
            async with self._session.begin_nested():
                self._session.add(role)
        except IntegrityError as error:
            raise RoleTaken(f"there is a role {new.name} already") from error
        self._audit.record("role.created", by=by, subject=new.name, permissions=role.permissions)
        return _summary(role)

    async def change(self, name: str, new: NewRole, *, by: Actor) -> RoleSummary:
        """
        Give a role another title and other permissions; whoever has it may that with the next request.

        Raises:
            NotPermitted: It holds, or held, what the caller lacks.
            RoleNotFound: No role of one's own making has that name.
        """
        by.require(Permission.ROLES_EDIT)
        role = await self._role(name)
        if beyond := set(role.permissions) - {p.value for p in by.permissions}:
            raise NotPermitted(f"{by.name} lacks what this role holds: {', '.join(sorted(beyond))}")
        before = role.permissions
        role.title, role.permissions = new.title, _granted(new, by)
        self._audit.record("role.changed", by=by, subject=name, before=before, after=role.permissions)
        return _summary(role)

    async def remove(self, name: str, *, by: Actor) -> None:
        """
        Take a role away.

        Raises:
            Conflict: Somebody has it.
        """
        by.require(Permission.ROLES_EDIT)
        role = await self._role(name)
        held = await self._session.execute(
            select(RoleAssignment.user_id)
            .where(RoleAssignment.org_id == self._scope.org_id, RoleAssignment.role == name)
            .limit(1)
        )
        if held.first() is not None:
            raise Conflict(f"somebody has the role {name}; give them another one first")
        await self._session.execute(
            delete(CustomRole).where(CustomRole.org_id == self._scope.org_id, CustomRole.name == role.name)
        )
        self._audit.record("role.removed", by=by, subject=name)

    async def _role(self, name: str) -> CustomRole:
        role = await self._session.get(CustomRole, (self._scope.org_id, name), with_for_update=True)
        if role is None:
            raise RoleNotFound(f"there is no role {name} of your own; built-in roles are as they are")
        return role

    async def _own(self) -> list[CustomRole]:
        rows = await self._session.execute(
            select(CustomRole).where(CustomRole.org_id == self._scope.org_id).order_by(CustomRole.name)
        )
        return list(rows.scalars())


def _granted(new: NewRole, by: Actor) -> list[str]:
    try:
        wanted = frozenset(Permission(name) for name in new.permissions)
    except ValueError as error:
        raise Invalid(f"{error}; see docs/permissions.md") from error
    if beyond := wanted - by.permissions:
        raise NotPermitted(f"{by.name} cannot give away {', '.join(sorted(beyond))}")
    return sorted(wanted)


def _summary(role: CustomRole) -> RoleSummary:
    return RoleSummary(name=role.name, title=role.title, permissions=role.permissions, built_in=False)
