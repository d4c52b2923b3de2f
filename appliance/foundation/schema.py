"""Base of the structs that cross a border: frozen, and closed to fields nobody declared."""

from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """Out of a service."""


class Inbound(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Into a service: an unknown field is an error, not a shrug."""


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    items: list[T]
    next_cursor: str | None = None
