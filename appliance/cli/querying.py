"""Search conditions of the command line as the API's query tree, and windows of time."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from appliance.cli.failures import invalid

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LAST = re.compile(r"(\d+)([smhdw])")
# Longest first: `>=` would otherwise be read as `>` and a value that starts with `=`.
_COMPARISON = re.compile(r"(?P<field>[^=<>!]+)(?P<op>>=|<=|!=|=|>|<)(?P<value>.*)", re.DOTALL)
_NUMERIC = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}


def tree(where: str, fields: list[str], texts: list[str], entities: list[str]) -> Any:
    """
    One tree of which every condition must hold; None if there is none.

    Raises:
        CommandFailure: A condition cannot be read; says which.
    """
    parts = [_json(where)] if where else []
    parts += [field_clause(one) for one in fields]
    parts += [{"op": "text", "value": one} for one in texts]
    parts += [_entity(one) for one in entities]
    if len(parts) < 2:  # noqa: PLR2004 — nothing to join
        return parts[0] if parts else None
    return {"op": "and", "of": parts}


def field_clause(condition: str) -> Any:
    """
    `name=value`, with `*` at either end of the value as a wildcard, or one of `!= > >= < <=`.

    Raises:
        CommandFailure: It is none of these.
    """
    found = _COMPARISON.fullmatch(condition)
    if found is None:
        raise invalid(f"a condition is NAME=VALUE, not {condition!r}", "see `xdr event search --help`")
    field, sign, value = found["field"].strip(), found["op"], found["value"]
    if sign in _NUMERIC:
        return {"op": _NUMERIC[sign], "field": field, "value": value}
    clause = _globbed(field, value)
    return {"op": "not", "of": clause} if sign == "!=" else clause


def _globbed(field: str, value: str) -> Any:
    if value == "*":
        return {"op": "exists", "field": field}
    starts, ends = value.startswith("*"), value.endswith("*")
    bare = value[starts : len(value) - ends]
    name = {(True, True): "contains", (True, False): "endswith", (False, True): "startswith"}
    return {"op": name.get((starts, ends), "is"), "field": field, "value": bare}


def _entity(text: str) -> Any:
    kind, mark, value = text.partition("=")
    if not mark or not value:
        raise invalid(f"an entity is KIND=VALUE, such as host=web1, not {text!r}")
    return {"op": "entity", "kind": kind.strip(), "value": value}


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise invalid(f"--where is no JSON: {error}") from error


def window(start: str, end: str, last: str, now: datetime) -> dict[str, str]:
    """
    The body's `from` and `to`, where given.

    Args:
        last: Such as 90s, 15m, 24h, 7d, 2w: that long before now.

    Raises:
        CommandFailure: A time cannot be read, or `last` comes with `start`.
    """
    if last and start:
        raise invalid("--last and --from exclude each other")
    found = {}
    if last:
        found["from"] = (now - duration(last)).isoformat()
    elif start:
        found["from"] = instant(start).isoformat()
    if end:
        found["to"] = instant(end).isoformat()
    return found


def duration(text: str) -> timedelta:
    found = _LAST.fullmatch(text)
    if found is None:
        raise invalid(f"{text!r} is no length of time; write 90s, 15m, 24h, 7d or 2w")
    try:
        return timedelta(**{_UNITS[found[2]]: int(found[1])})
    except OverflowError as error:
        raise invalid(f"{text} is longer than a calendar") from error


def instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid(f"{text!r} is no time; write 2026-05-01 or 2026-05-01T12:00:00Z") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)
