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

# Full names by prefix and key: sharing them saves building, hashing and storing each again in every event.
# The limits keep a sender that invents names from growing this without end (at most some 20 MB).
_NAMES: dict[str, dict[str, str]] = {}
_MOST_PREFIXES = 512
_MOST_NAMES = 256
_LONGEST_REMEMBERED = 128
_MOST_VALUES = 16_384
_TEXT_ONLY = {str}

Fields = dict[str, Value]


class BoundExceededError(ValueError):
    """An event is deeper or wider than `Bounds` allows; the message names the bound."""


def flatten(source: dict[str, Any], bounds: Bounds) -> Fields:
    """
    The object as a flat map.

    Raises:
        BoundExceededError: It is nested deeper or has more leaves than the bounds allow.
    """
    if len(source) > bounds.fields:
        raise BoundExceededError(f"more than {bounds.fields} fields")
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
    # This loop runs some thirty times an event, hence the types compared in the order they are frequent.
    names = _NAMES[prefix] if prefix in _NAMES else _names_under(prefix)
    for key, value in source.items():
        name = names.get(key) or _name(names, prefix, key) if prefix else key
        kind = type(value)
        if kind is str:
            out[name] = value
        elif kind is int:
            out[name] = value if _SMALLEST_INTEGER <= value <= _LARGEST_INTEGER else str(value)
        elif kind is dict:
            if not value:
                out[name] = None
            elif depth <= 1:
                raise BoundExceededError("nested too deeply")
            else:
                _object_into(out, name + ".", value, depth - 1)
        elif kind is list:
            _array_into(out, name, value, depth - 1)
        else:
            out[name] = scalar(value)


def _names_under(prefix: str) -> dict[str, str]:
    names: dict[str, str] = {}
    if len(_NAMES) < _MOST_PREFIXES:
        _NAMES[prefix] = names
    return names


def _name(names: dict[str, str], prefix: str, key: str) -> str:
    name = prefix + key
    if len(names) < _MOST_NAMES and len(name) <= _LONGEST_REMEMBERED:
        names[key] = name
    return name


def _array_into(out: Fields, name: str, items: list[Any], depth: int) -> None:
    if depth <= 0:
        raise BoundExceededError("nested too deeply")
    if len(items) > _MOST_VALUES:
        raise BoundExceededError(f"more than {_MOST_VALUES} values in one array")
    if set(map(type, items)) == _TEXT_ONLY:
        out[name] = tuple(items)
        return
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
