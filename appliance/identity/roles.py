"""The matrix of roles, read from `permissions.toml`."""

import tomllib
from functools import cache
from importlib import resources

import msgspec

from appliance.foundation.actors import Permission


class Role(msgspec.Struct, frozen=True):
    title: str
    permissions: frozenset[Permission]


@cache
def roles() -> dict[str, Role]:
    """Every built-in role by name."""
    matrix = tomllib.loads(resources.files("appliance.identity").joinpath("permissions.toml").read_text())
    return {name: msgspec.convert(role, Role) for name, role in matrix["roles"].items()}


def permissions_of(names: list[str]) -> frozenset[Permission]:
    """What these roles allow together; a role nobody knows allows nothing."""
    known = roles()
    return frozenset[Permission]().union(*(known[name].permissions for name in names if name in known))
