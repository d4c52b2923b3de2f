"""
When a Windows event happened, by its own clock.

Invariants:
- Sysmon's UtcTime and the record's own creation time decide; a shipper's time of receipt is only used to
  tell the zone of a local time, or where there is nothing else.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from appliance.telemetry.decoding.times import from_anything, from_iso, in_range

_MINUTE_LENGTH: Final = 16
_MOST_MINUTES: Final = 8192
_SECOND: Final = 1_000_000
_QUARTER_HOUR: Final = 15 * 60 * _SECOND
_WIDEST_OFFSET: Final = 15 * 60 * 60 * _SECOND
_DAY_SECONDS: Final = 86_400
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_LOCAL: Final = datetime(1970, 1, 1)  # noqa: DTZ001 — for times without an offset, which are UTC
_read: Final = datetime.fromisoformat
_offsets: dict[tuple[str, str], int] = {}
# Events come in bursts, many within one millisecond; hostile times could be any.
_instants: dict[str, int] = {}
_zoned_instants: dict[tuple[str, str], int] = {}
_MOST_INSTANTS: Final = 8192
_LONGEST_INSTANT: Final = 40


def event_time(fields: Mapping[str, Any]) -> int:
    """Microseconds since the epoch, 0 if the event does not say; `UtcTime` has been looked at already."""
    get = fields.get
    local = get("EventTime")
    if type(local) is str:
        return _zoned(local, get("@timestamp"))
    for name in ("TimeCreated", "SystemTime", "TimeGenerated", "@timestamp", "date"):
        if (value := get(name)) is not None and (time := from_any(value)):
            return time
    return 0


def from_any(value: object) -> int:
    return instant(value) if type(value) is str else from_anything(value)


def instant(text: str) -> int:
    """An ISO 8601 time, UTC if it has no offset; 0 if it is none."""
    known = _instants.get(text)
    return _remember_instant(text) if known is None else known


def _remember_instant(text: str) -> int:
    time = _instant(text)
    if len(text) <= _LONGEST_INSTANT:
        if len(_instants) >= _MOST_INSTANTS:
            _instants.clear()
        _instants[text] = time
    return time


def _instant(text: str) -> int:
    try:
        moment = _read(text)
        since = moment - (_EPOCH_LOCAL if moment.tzinfo is None else _EPOCH)
    except (ValueError, OverflowError):
        return from_anything(text)
    return in_range((since.days * _DAY_SECONDS + since.seconds) * _SECOND + since.microseconds)


def _zoned(local: str, received: object) -> int:
    """
    NXLog's EventTime, which is local time without its offset.

    The time of receipt, which is UTC, tells the offset: zones lie on quarters of an hour.
    """
    if type(received) is not str:
        return instant(local)
    pair = (local, received[:_MINUTE_LENGTH])
    known = _zoned_instants.get(pair)
    return _remember_zoned(pair) if known is None else known


def _remember_zoned(pair: tuple[str, str]) -> int:
    local, received = pair
    time = _instant(local)
    if time and not local.endswith("Z") and "+" not in local:
        minutes = (local[:_MINUTE_LENGTH], received)
        offset = _offsets.get(minutes)
        time += _remember_offset(minutes) if offset is None else offset
    if len(local) <= _LONGEST_INSTANT:
        if len(_zoned_instants) >= _MOST_INSTANTS:
            _zoned_instants.clear()
        _zoned_instants[pair] = time
    return time


def _remember_offset(pair: tuple[str, str]) -> int:
    local, received = map(from_iso, pair)
    offset = round((received - local) / _QUARTER_HOUR) * _QUARTER_HOUR if local and received else 0
    if len(_offsets) >= _MOST_MINUTES:
        _offsets.clear()
    _offsets[pair] = offset = offset if abs(offset) <= _WIDEST_OFFSET else 0
    return offset
