"""
Timestamps as microseconds since the epoch.

Invariants:
- 0 means "the event does not say", so a time outside 1970 to 2200 reads as 0 rather than as a guess.
- A timestamp without an offset is UTC, unless the source's `timezone` option says otherwise.
"""

# datetime loads this when it is first used, which a confined process could not.
import _strptime  # type: ignore[import-not-found]  # noqa: F401 — typeshed does not know it; see above
import math
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

_LATEST = 7_258_118_400_000_000  # 2200-01-01
_LONGEST_TIME = 40
_MINUTES_A_DAY = 1440
_A_DAY = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1
    )
}
# Which unit a bare number is in follows from its size: 1e11 seconds is the year 5138.
_UNITS = ((1e11, 1_000_000.0), (1e14, 1_000.0), (1e17, 1.0), (math.inf, 0.001))


def in_range(microseconds: int) -> int:
    """The same time, or 0 where it cannot be meant."""
    return microseconds if 0 < microseconds < _LATEST else 0


def from_iso(text: str, zone: tzinfo = UTC) -> int:
    """ISO 8601 in any spelling Python reads; 0 if it is not one."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return 0
    return from_datetime(moment, zone)


def from_datetime(moment: datetime, zone: tzinfo = UTC) -> int:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    try:
        return in_range((moment - _EPOCH) // _MICROSECOND)
    except OverflowError:
        return 0


def from_number(value: float) -> int:
    """Seconds, milliseconds, microseconds or nanoseconds since the epoch, told apart by size."""
    for below, factor in _UNITS:
        if value < below:
            return in_range(round(value * factor)) if value > 0 else 0
    return 0


def from_anything(value: Any, zone: tzinfo = UTC) -> int:
    """What a JSON field holding a time most likely means; 0 if nothing."""
    if isinstance(value, str):
        if len(value) > _LONGEST_TIME:
            return 0
        if value[4:5] == "-":
            return from_iso(value, zone)
        try:
            return from_number(float(value))
        except ValueError:
            return from_iso(value, zone)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return 0
    return from_number(value)


def from_format(text: str, pattern: str, zone: tzinfo = UTC) -> int:
    """A user's own `strptime` pattern; 0 if the text does not fit it."""
    try:
        return from_datetime(datetime.strptime(text, pattern), zone)  # noqa: DTZ007 — the zone is added there
    except (ValueError, re.error):
        return 0


_ZONES: dict[str, tzinfo] = {}


def load_zones() -> None:
    """Reads every time zone there is, for a process that will soon not be able to open files."""
    for name in available_timezones():
        try:
            _ZONES[name] = ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue


@lru_cache(maxsize=64)
def zone_named(name: str) -> tzinfo:
    """The zone of an IANA name or a "+02:00"; UTC where there is none of that name."""
    offset = _OFFSET.fullmatch(name)
    if offset:
        minutes = int(offset[2]) * 60 + int(offset[3])
        return (
            timezone(timedelta(minutes=minutes if offset[1] == "+" else -minutes))
            if minutes < _MINUTES_A_DAY
            else UTC
        )
    if name in _ZONES:
        return _ZONES[name]
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


@lru_cache(maxsize=8192)
def from_bsd(month: str, day: int, clock: str, received_day: int, zone: tzinfo) -> int:
    """
    A syslog time without a year ("Dec 10 06:55:46"), in the year that puts it nearest before receipt.

    `received_day` counts whole days from the epoch; a sender's clock may be a day ahead of it.
    """
    received = _EPOCH + timedelta(days=received_day)
    number = _MONTHS.get(month, 0)
    # Eight years back is as far apart as two leap days can lie.
    for year in range(received.year + 1, received.year - 9, -1):
        try:
            moment = datetime(
                year, number, day, int(clock[:2]), int(clock[3:5]), int(clock[6:8]), tzinfo=zone
            )
        except (ValueError, OverflowError):
            continue
        if moment <= received + timedelta(days=2):
            return from_datetime(moment)
    return 0


def day_of(microseconds: int) -> int:
    return microseconds // _A_DAY
