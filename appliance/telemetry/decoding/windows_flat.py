"""
One flat Windows event: a line whose parsed dictionary becomes the event's fields.

Nearly every event passes here, so nothing is asked twice: what follows from host, channel and event id is
worked out once for all of their events.

Invariants:
- The natural key names a record by host, channel, record number and time; clearing a log starts its
  numbers again, so the time is part of it. Number and time are added to a digest of host and channel bit by
  bit: two records share a key by chance as rarely as with a digest of all of it, for a quarter of the time.
  Whoever could work out a number and time that collide could as well claim the record's own name.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from appliance.telemetry.decoding.windows_fields import CHANNELS_WITH_ALIASES, complete
from appliance.telemetry.decoding.windows_times import event_time, instant, zoned
from appliance.telemetry.events import Event

_LATE: Final = frozenset({"3", "22"})  # connections and DNS queries, whose UtcTime may be days old
_HOSTS: Final = ("Computer", "ComputerName", "computer_name")
_RECORD_NUMBERS: Final = ("EventRecordID", "record_number", "record_id")
_DIGITS: Final = 18
_END_OF_NUMBERS: Final = 10**_DIGITS
# Hosts, channels and event ids repeat; hostile ones could be any number.
_MOST_ORIGINS: Final = 8192
_origins: dict[tuple[Any, Any, Any], "_Origin"] = {}


class _Origin(NamedTuple):
    """What follows from the host, channel and id that a flat line names."""

    host: str
    channel: str
    code: str
    is_late: bool
    has_aliases: bool
    digest: int  # of the part of the natural key that they are


def flat_event(fields: dict[str, Any], fallback_host: str, start: int, end: int) -> Event:
    """The event of a flat line whose EventID is a number, and which lies there; it keeps the dictionary."""
    get = fields.get
    name = get("Hostname")
    origin = _origins.get((name, get("Channel"), get("EventID")))
    if origin is None:
        _remember_origin(name, get("Channel"), get("EventID"))
        event = event_of(fields, str(get("EventID")), fallback_host)
        event.start, event.end = start, end
        return event
    host, channel, code, is_late, has_aliases, digest = origin
    utc, local = get("UtcTime"), get("EventTime")
    if utc.__class__ is str and not is_late and local is not None and "@timestamp" in fields:
        time = instant(utc) or event_time(fields)  # NXLog's two clocks agree
    elif utc is None and local.__class__ is str:
        time = zoned(local, get("@timestamp")) or event_time(fields)
    else:
        time = event_time(fields)
    fields.setdefault("Computer", name)
    if "Provider_Name" not in fields and "SourceName" in fields:
        fields["Provider_Name"] = fields["SourceName"]
    if has_aliases or "Hashes" in fields or "Provider_Name" not in fields:
        complete(fields, channel, code)
    record = get("RecordNumber")
    if record.__class__ is int and 0 <= record < _END_OF_NUMBERS:
        key: bytes | None = (digest ^ (record << 64 | time)).to_bytes(16, "big")
    else:
        key = _key_of(fields, host, channel, time)
    return Event("windows", channel, code, fields, time, host, key, start, end)


def event_of(fields: dict[str, Any], code: str, fallback_host: str) -> Event:
    """The event that any flat fields are, wherever they name its host, channel and time."""
    # The record's own channel was set aside where a provider writes a field of the same name.
    channel = fields.pop("\0channel") if "\0channel" in fields else fields.get("Channel")
    if type(channel) is not str:
        channel = ""
    host = fields.get("Hostname")
    host = host.lower() if type(host) is str else _host(fields) or fallback_host
    time = event_time(fields)
    if "SourceName" in fields and "Provider_Name" not in fields:
        fields["Provider_Name"] = fields["SourceName"]
    if "Hostname" in fields and "Computer" not in fields:
        fields["Computer"] = fields["Hostname"]
    if channel in CHANNELS_WITH_ALIASES or "Hashes" in fields or "Provider_Name" not in fields:
        complete(fields, channel, code)
    return Event("windows", channel, code, fields, time, host, _key_of(fields, host, channel, time))


def _remember_origin(name: object, channel: object, code: object) -> None:
    if type(name) is not str:
        return
    if len(_origins) >= _MOST_ORIGINS:
        _origins.clear()
    known = channel if isinstance(channel, str) else ""
    digest = _digest_of(name.lower(), known)
    is_late, has_aliases = str(code) in _LATE, known in CHANNELS_WITH_ALIASES
    _origins[name, channel, code] = _Origin(name.lower(), known, str(code), is_late, has_aliases, digest)


def _key_of(fields: Mapping[str, Any], host: str, channel: str, time: int) -> bytes | None:
    record = fields.get("RecordNumber")
    if record is None:
        record = next((fields[name] for name in _RECORD_NUMBERS if name in fields), None)
    if record is None:
        return None
    number = str(record)
    if number.isascii() and number.isdigit() and len(number) <= _DIGITS:
        return (_digest_of(host, channel) ^ (int(number) << 64 | time)).to_bytes(16, "big")
    return _digest_of(host, channel, number, str(time)).to_bytes(16, "big")


def _digest_of(*parts: str) -> int:
    named = "\0".join(parts).encode("utf-8", "replace")
    return int.from_bytes(blake2b(named, digest_size=16).digest())


def _host(fields: Mapping[str, Any]) -> str:
    for name in _HOSTS:
        value = fields.get(name)
        if type(value) is str:
            return value.lower()
    return ""
