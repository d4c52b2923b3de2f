"""The matrix of roles, read from `permissions.toml`, and who holds what in an organisation."""

import tomllib
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from importlib import resources
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.foundation.actors import Permission, Scope
from appliance.identity.governance_models import CustomRole
from appliance.identity.models import RoleAssignment


class Role(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    permissions: frozenset[Permission]


class _Matrix(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    four_eyes: dict[Permission, Permission]
    roles: dict[str, Role]


@cache
def _matrix() -> _Matrix:
    text = resources.files("appliance.identity").joinpath("permissions.toml").read_text()
    return msgspec.convert(tomllib.loads(text), _Matrix)


def roles() -> dict[str, Role]:
    """Every built-in role by name."""
    return _matrix().roles


def four_eyes() -> dict[Permission, Permission]:
    """Which permissions take a second person, and what that person must hold to approve."""
    return _matrix().four_eyes


def permissions_of(
    names: Iterable[str], custom: Mapping[str, frozenset[Permission]] | None = None
) -> frozenset[Permission]:
    """What these roles allow together; a role nobody knows allows nothing."""
    known = {name: role.permissions for name, role in roles().items()} | dict(custom or {})
    return frozenset[Permission]().union(*(known[name] for name in names if name in known))


async def custom_roles(session: AsyncSession, scope: Scope) -> dict[str, frozenset[Permission]]:
    """The organisation's own roles; a permission that no longer exists is left out."""
    rows = await session.execute(
        select(CustomRole.name, CustomRole.permissions).where(CustomRole.org_id == scope.org_id)
    )
    known = {permission.value for permission in Permission}
    return {row.name: frozenset(Permission(p) for p in row.permissions if p in known) for row in rows}


async def held_roles(session: AsyncSession, scope: Scope, user_id: UUID, now: datetime) -> list[str]:
    """The names of a user's roles that have not expired, in order."""
    rows = await session.execute(
        select(RoleAssignment.role)
        .where(
            RoleAssignment.org_id == scope.org_id,
            RoleAssignment.user_id == user_id,
            RoleAssignment.expires_at.is_(None) | (RoleAssignment.expires_at > now),
        )
        .distinct()
        .order_by(RoleAssignment.role)
    )
    return list(rows.scalars())


async def held_permissions(
    session: AsyncSession, scope: Scope, user_id: UUID, now: datetime
) -> frozenset[Permission]:
    """What a user may do now."""
    names = await held_roles(session, scope, user_id, now)
    own = await custom_roles(session, scope) if set(names) - roles().keys() else {}
    return permissions_of(names, own)
