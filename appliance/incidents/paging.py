"""Cursors: where a page ended, as an opaque word that is checked when it comes back."""

import base64
import binascii
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec

from appliance.foundation.errors import Invalid

MOST_PER_PAGE = 200

T = TypeVar("T")


class NumberPlace(msgspec.Struct, frozen=True, array_like=True, tag="n"):
    """After the row with this number and id."""

    value: int
    id: UUID


class TimePlace(msgspec.Struct, frozen=True, array_like=True, tag="t"):
    """After the row of this moment and id."""

    value: datetime
    id: UUID


def cursor_of(value: int | datetime, row_id: UUID) -> str:
    place = NumberPlace(value, row_id) if isinstance(value, int) else TimePlace(value, row_id)
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(place)).decode().rstrip("=")


def place_of(cursor: str | None, shape: type[T]) -> T | None:
    """
    What a cursor of ours says, or None for the first page.

    Raises:
        Invalid: It is none of ours, or of a list sorted otherwise.
    """
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.msgpack.decode(raw, type=shape)
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise Invalid("the cursor belongs to another list; start again without it") from error


def bounded(limit: int) -> int:
    """
    A page's length.

    Raises:
        Invalid: Not between 1 and 200.
    """
    if not 1 <= limit <= MOST_PER_PAGE:
        raise Invalid(f"a page holds 1 to {MOST_PER_PAGE} items, not {limit}")
    return limit
