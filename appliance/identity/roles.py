"""The matrix of roles, read from `permissions.toml`."""

import tomllib
from functools import cache
from importlib import resources

import msgspec

from appliance.foundation.actors import Permission


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


def permissions_of(names: list[str]) -> frozenset[Permission]:
    """What these roles allow together; a role nobody knows allows nothing."""
    known = roles()
    return frozenset[Permission]().union(*(known[name].permissions for name in names if name in known))
