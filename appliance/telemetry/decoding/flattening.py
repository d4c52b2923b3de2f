"""
Nested JSON as the flat map that rules read.

Invariants:
- Objects become dotted names; an array of scalars becomes a tuple; an array of objects becomes one tuple
  per leaf, because cloud rules name paths that run through arrays.
- No value is a bool, a dict, a list or an integer beyond 64 bits.
"""

from typing import Any

from appliance.telemetry.events import Bounds, Value

_LARGEST_INTEGER = 2**63 - 1
_SMALLEST_INTEGER = -(2**63)

Fields = dict[str, Value]


class BoundExceededError(ValueError):
    """An event is deeper or wider than `Bounds` allows; the message names the bound."""


def flatten(source: dict[str, Any], bounds: Bounds) -> Fields:
    """
    The object as a flat map.

    Raises:
        BoundExceededError: It is nested deeper or has more leaves than the bounds allow.
    """
    out: Fields = {}
    _object_into(out, "", source, bounds.depth)
    if len(out) > bounds.fields:
        raise BoundExceededError(f"more than {bounds.fields} fields")
    return out


def scalar(value: Any) -> Value:
    """One JSON scalar as a field value; anything nested as None."""
    kind = type(value)
    if kind is str or kind is float or value is None:
        return value  # type: ignore[no-any-return]  # the three cases above are all Values
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return value if _SMALLEST_INTEGER <= value <= _LARGEST_INTEGER else str(value)
    return None


def _object_into(out: Fields, prefix: str, source: dict[str, Any], depth: int) -> None:
    for key, value in source.items():
        kind = type(value)
        if kind is str:
            out[prefix + key] = value
        elif kind is dict:
            if not value:
                out[prefix + key] = None
            elif depth <= 1:
                raise BoundExceededError("nested too deeply")
            else:
                _object_into(out, prefix + key + ".", value, depth - 1)
        elif kind is list:
            _array_into(out, prefix + key, value, depth - 1)
        else:
            out[prefix + key] = scalar(value)


def _array_into(out: Fields, name: str, items: list[Any], depth: int) -> None:
    if depth <= 0:
        raise BoundExceededError("nested too deeply")
    columns: dict[str, list[str | int | float]] = {}
    _collect(columns, name, items, depth)
    if not columns:
        out[name] = None
    for leaf, values in columns.items():
        out[leaf] = tuple(values)


def _collect(columns: dict[str, list[str | int | float]], name: str, items: list[Any], depth: int) -> None:
    if depth <= 0:
        raise BoundExceededError("nested too deeply")
    for item in items:
        kind = type(item)
        if kind is dict:
            for key, value in item.items():
                _collect(columns, f"{name}.{key}", [value], depth - 1)
        elif kind is list:
            _collect(columns, name, item, depth - 1)
        elif item is not None:
            value = scalar(item)
            if isinstance(value, (str, int, float)):
                columns.setdefault(name, []).append(value)
