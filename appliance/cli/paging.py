"""Lists that come in pages."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote

from appliance.cli.client import PAGE
from appliance.cli.session import Session


def listed(
    session: Session, path: str, *, limit: int, everything: bool, cursor: str = "", **query: Any
) -> Iterator[Any]:
    """The items of a list: up to `limit`, or all. Says on standard error how to go on."""
    left = limit
    size = PAGE if everything else min(limit, PAGE)
    # A cursor may hold anything; percent-encoded it can be typed, and shown without acting.
    for items, following in session.api.pages(path, limit=size, cursor=unquote(cursor), **query):
        yield from items if everything else items[:left]
        left -= len(items)
        if following and not everything and left <= 0:
            session.say(f"there are more: add --all, or --cursor {quote(following)}")
            return
