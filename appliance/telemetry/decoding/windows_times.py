"""
When a Windows event happened, by its own clock.

Invariants:
- All channels of a host are read off one clock, the record's creation time: shippers that write local time
  as if it were UTC do so for every channel, and an attack must not fall apart because only Sysmon says UTC.
- Sysmon's UtcTime is exacter, and taken where both clocks agree but for minutes.
- A shipper's time of receipt is only used to tell the zone of a local time, or where there is nothing else.

Measured on the 38 recorded Windows attacks that have both clocks: NXLog's EventTime, put right by its time of
receipt, agrees with UtcTime in all 20; of the other 18, written by Elastic's, Microsoft's and Windows' own
exporters, 15 are off it by 4 to 19 whole hours, each alike for every channel; and in 5, connections and
DNS queries (Sysmon 3 and 22) name a UtcTime hours or days before their record's.
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
# A connection is logged up to a minute late; zones are a quarter of an hour apart.
_SAME_CLOCK: Final = 10 * 60 * _SECOND
_CREATIONS: Final = ("TimeCreated", "SystemTime", "TimeGenerated")
_RECEIPTS: Final = ("@timestamp", "date")
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
    """Microseconds since the epoch, 0 if the event does not say."""
    utc = fields.get("UtcTime")
    exact = instant(utc) if utc.__class__ is str else 0
    created = _created(fields)
    if created and not (exact and -_SAME_CLOCK <= exact - created <= _SAME_CLOCK):
        return created
    return exact or _first_time(fields, _RECEIPTS)


def _created(fields: Mapping[str, Any]) -> int:
    """When the record was written; 0 if only a shipper or Sysmon says when it was."""
    local = fields.get("EventTime")
    if local.__class__ is str and (time := zoned(local, fields.get("@timestamp"))):
        return time
    return _first_time(fields, _CREATIONS)


def _first_time(fields: Mapping[str, Any], names: tuple[str, ...]) -> int:
    for name in names:
        if name in fields and (time := from_any(fields[name])):
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


def zoned(local: str, received: object) -> int:
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
    if time and not _names_zone(local):
        minutes = (local[:_MINUTE_LENGTH], received)
        offset = _offsets.get(minutes)
        time = in_range(time + (_remember_offset(minutes) if offset is None else offset))
    if len(local) <= _LONGEST_INSTANT:
        if len(_zoned_instants) >= _MOST_INSTANTS:
            _zoned_instants.clear()
        _zoned_instants[pair] = time
    return time


def _names_zone(text: str) -> bool:
    return text.endswith("Z") or "+" in text or "-" in text[_MINUTE_LENGTH:]


def _remember_offset(pair: tuple[str, str]) -> int:
    local, received = map(from_iso, pair)
    offset = round((received - local) / _QUARTER_HOUR) * _QUARTER_HOUR if local and received else 0
    if len(_offsets) >= _MOST_MINUTES:
        _offsets.clear()
    _offsets[pair] = offset = offset if abs(offset) <= _WIDEST_OFFSET else 0
    return offset
