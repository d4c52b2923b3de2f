"""
How the values of an event are read: as text, numbers, addresses and times.

Invariants:
- `fold` decides what "case-insensitive" means, for patterns and for values alike.
- Nothing here raises on any value an event can hold.
"""

import math
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from appliance.telemetry.events import Value

_MICROSECOND_EPOCH = 10**14
_MILLISECOND_EPOCH = 10**11
_LONGEST_NUMBER = 64
_LONGEST_TIMESTAMP = 40


def fold(text: str) -> str:
    """Text as it is compared: lower case, with one form of sigma and of s wherever they stand."""
    lowered = text.lower()
    return lowered if lowered.isascii() else lowered.replace("ς", "σ").replace("ſ", "s")  # noqa: RUF001 — meant


def text_of(element: str | float) -> str:
    """One element as text: whole numbers without a fraction."""
    if isinstance(element, str):
        return element
    whole = isinstance(element, int) or not element.is_integer()
    return str(element) if whole else str(int(element))


def elements_of(value: Value) -> tuple[str | int | float, ...]:
    """The elements a value holds: none for None, several for a tuple."""
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)


def number_of(element: str | float) -> float | None:
    """The finite number an element is, hexadecimal with 0x included, or None."""
    if not isinstance(element, str):
        return element if math.isfinite(element) else None
    if len(element) > _LONGEST_NUMBER:
        return None
    try:
        plain = element.strip().lower()
        number = int(plain, 16) if plain.startswith("0x") else float(plain)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


@lru_cache(maxsize=4096)
def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """The address a text is, an IPv4-mapped one as IPv4, or None."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


@lru_cache(maxsize=4096)
def time_of(element: str | float) -> datetime | None:
    """The instant an element is, in UTC: ISO 8601, or seconds, milliseconds or microseconds."""
    number = number_of(element)
    try:
        if number is not None:
            return datetime.fromtimestamp(_seconds(number), UTC)
        if not isinstance(element, str) or len(element) > _LONGEST_TIMESTAMP:
            return None
        parsed = datetime.fromisoformat(element.strip())
    except (ValueError, OverflowError, OSError):
        return None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def part_of(instant: datetime, part: str) -> int:
    """minute, hour, day (of the month), week (ISO 8601), month or year of an instant."""
    return instant.isocalendar().week if part == "week" else int(getattr(instant, part))


def _seconds(number: float) -> float:
    magnitude = abs(number)
    if magnitude >= _MICROSECOND_EPOCH:
        return number / 1_000_000
    return number / 1_000 if magnitude >= _MILLISECOND_EPOCH else number
