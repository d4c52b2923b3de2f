"""
Windows events sent as JSON: NXLog, Winlogbeat and other ECS shippers, Fluent Bit, Sentinel exports, and
the JSON that EVTX parsers write.

Invariants:
- The event id and channel that decide which rules apply are those of the record, not of the shipper:
  forwarded events keep theirs.
- What a provider wrote wins over what the shipper added under the same name; EventID alone is the record's.
- A document without an event id is malformed here; the caller may still read it as generic JSON.

This is the hottest decoder: a flat NXLog line costs little more than parsing its JSON, so the parsed
dictionary becomes the event's fields and is touched as rarely as possible.
"""

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec

from appliance.telemetry.decoding.documents import NotJSONError, parse, spans
from appliance.telemetry.decoding.flattening import BoundExceededError, flatten
from appliance.telemetry.decoding.windows_fields import CHANNELS_WITH_ALIASES, complete
from appliance.telemetry.decoding.windows_records import fields_of_record
from appliance.telemetry.decoding.windows_shippers import fields_of_ecs, fields_of_winlogbeat, with_event_data
from appliance.telemetry.decoding.windows_times import event_time, instant
from appliance.telemetry.events import Bounds, Decoded, Event, Malformed

# Fields that hold others, as text or in order.
_PACKED: Final = frozenset({"EventData", "StringInserts"})
_PLAIN: Final = frozenset({str, int, float, type(None), tuple})
_MOST_MALFORMED: Final = 10_000
# Parsing into the types an event may hold is as fast as parsing into any, and proves them on the way.
_flat_fields: Final = msgspec.json.Decoder(dict[str, str | int | float | tuple[str, ...] | None]).decode
_EMPTY_DIGEST: Final = blake2b(digest_size=16)  # copying one is cheaper than making one
# Windows bounds a record at 64 KiB of UTF-16; escaped, as UTF-8 and with its message it stays below this.
# Whatever is larger is none, and would only cost the matcher its time.
_LARGEST_EVENT_BYTES: Final = 262_144
# The same bound for what the provider wrote, its rendered message aside, with a tenth more to spare.
_MOST_CHARACTERS: Final = 36_000
_SMALL_BYTES: Final = 16_384
_CARRIAGE_RETURN: Final = 13
_LATE: Final = frozenset({"3", "22"})  # connections and DNS queries, whose UtcTime may be days old
_HOSTS: Final = ("Computer", "ComputerName", "computer_name")
_RECORD_NUMBERS: Final = ("EventRecordID", "record_number", "record_id")
# Hosts, channels and event ids repeat; hostile ones could be any number.
_MOST_ORIGINS: Final = 8192
_origins: dict[tuple[Any, Any, Any], "_Origin"] = {}


class _Origin(NamedTuple):
    """What follows from the host, channel and id that a flat line names, so that it is worked out once."""

    host: str
    channel: str
    code: str
    has_aliases: bool
    digest: Any  # of the part of the natural key that they are


def decode_windows_json(body: bytes, bounds: Bounds, options: Mapping[str, str]) -> Decoded:
    """
    The Windows events of a body: JSON lines, an array, or documents one after another.

    Options: `host` names the machine of records that name none.
    """
    reading = _Reading(body, bounds, options.get("host", "").lower())
    first = body[: body.find(b"\n") + 1]
    if first.startswith(b"{") and first.rstrip().endswith(b"}"):
        reading.add_lines()
    else:
        for start, end in spans(body):
            if not reading.add(start, body[start:end]):
                break
    return reading.decoded


class _Reading:
    """One body being decoded."""

    def __init__(self, body: bytes, bounds: Bounds, fallback_host: str) -> None:
        self.decoded = Decoded(events=[], malformed=[])
        self._body = body
        self._bounds = bounds
        self._host = fallback_host
        self._append = self.decoded.events.append
        self._room = bounds.events
        # What a shipper nests it nests in every event, so that trying to read the next one as flat is vain.
        self._is_nested = False
        self._longest = min(bounds.event_bytes, _LARGEST_EVENT_BYTES)
        self._most_fields = bounds.fields

    def add_lines(self) -> None:
        """Adds what is on each line."""
        body, add, find = self._body, self.add, self._body.find
        position, length = 0, len(body)
        while position < length:
            end = find(b"\n", position)
            if end < 0:
                end = length
            if not add(position, body[position:end]):
                return
            position = end + 1

    def add(self, start: int, piece: bytes) -> bool:
        """Adds the event of one document; False once the body's bound is reached."""
        size = len(piece)
        if size > self._longest:
            return self._refuse(start, piece, f"longer than {self._longest} bytes")
        try:
            fields = None if self._is_nested else _flat_fields(piece)
        except msgspec.MsgspecError:
            fields = None
        if fields is None:
            outcome = self._read_slowly(piece)
        else:
            if size > _SMALL_BYTES and _has_long_tuple(fields, self._most_fields):
                return self._refuse(start, piece, f"more than {self._most_fields} values in a field")
            # What needs no look at its values: a flat document with nothing packed into one field.
            if (
                "EventData" in fields
                or "StringInserts" in fields
                or fields.get("EventID").__class__ is not int
                or len(fields) > self._most_fields
            ):
                outcome = windows_event(fields, self._bounds, self._host)
            else:
                outcome = _flat_event(fields, self._host)
        if outcome.__class__ is not Event:
            return self._refuse(start, piece, str(outcome))
        event: Event = outcome
        if size > _MOST_CHARACTERS and _characters(event.fields) > _MOST_CHARACTERS:
            return self._refuse(
                start, piece, f"more than {_MOST_CHARACTERS} characters, as no Windows record"
            )
        event.start = start
        event.end = start + size - (piece[-1] == _CARRIAGE_RETURN)
        self._append(event)
        self._room -= 1
        return self._room > 0 or self._stop(event.end)

    def _read_slowly(self, piece: bytes) -> Event | str:
        """What the fast reading did not take: nested values, booleans, and what is no JSON at all."""
        try:
            document = parse(piece)
        except NotJSONError as error:
            return f"not JSON: {error}"
        self._is_nested = type(document) is dict and dict in map(type, document.values())
        return windows_event(document, self._bounds, self._host)

    def _refuse(self, start: int, piece: bytes, reason: str) -> bool:
        stripped = piece.strip()
        if stripped:
            start += piece.index(stripped)
            self.decoded.malformed.append(Malformed(start, start + len(stripped), reason))
        return len(self.decoded.malformed) < _MOST_MALFORMED or self._stop(start + len(stripped))

    def _stop(self, position: int) -> bool:
        """Says that the rest of the body was not looked at, if there is any."""
        rest = self._body[position:].strip()
        if rest:
            reason = f"more than {self._bounds.events} events in one body"
            self.decoded.malformed.append(Malformed(position, len(self._body), reason))
        return False


def windows_event(document: Any, bounds: Bounds, fallback_host: str = "") -> Event | str:
    """One event out of a parsed document, or why it is none; the document may be changed."""
    if type(document) is not dict:
        return "not a JSON object"
    if "Channel" not in document or "EventID" not in document:
        reshape = _shape(document)
        if reshape is not None:
            document = reshape(document)
    try:
        fields = _flat(document, bounds)
    except BoundExceededError as error:
        return str(error)
    event_id = fields.get("EventID")
    if event_id is None or type(event_id) is tuple:
        return "no event id"
    return _event(fields, str(event_id), fallback_host)


def _shape(document: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]] | None:
    if type(document.get("winlog")) is dict:
        return fields_of_ecs
    if "event_id" in document and ("log_name" in document or "event_data" in document):
        return fields_of_winlogbeat
    record = document.get("Event")
    return fields_of_record if type(record) is dict else None


def _flat(fields: dict[str, Any], bounds: Bounds) -> dict[str, Any]:
    """The fields with every value one that an event may hold; mostly they are the document itself."""
    if len(fields) > bounds.fields:
        raise BoundExceededError(f"more than {bounds.fields} fields")
    if not _PACKED.isdisjoint(fields):
        fields = with_event_data(fields)
    if _PLAIN.issuperset(map(type, fields.values())):
        return fields
    return _flattened(fields, bounds)


def _has_long_tuple(fields: Mapping[str, Any], most: int) -> bool:
    return any(type(value) is tuple and len(value) > most for value in fields.values())


def _characters(fields: Mapping[str, Any]) -> int:
    """How long the texts of an event are together, without its message, copies counted once."""
    different = {id(value): value for value in fields.values()}
    different.pop(id(fields.get("Message")), None)
    different.pop(id(fields.get("message")), None)
    total = 0
    for value in different.values():
        each = value if type(value) is tuple else (value,)
        total += sum(len(element) for element in each if type(element) is str)
    return total


def _flattened(fields: dict[str, Any], bounds: Bounds) -> dict[str, Any]:
    odd = {name: value for name, value in fields.items() if type(value) not in _PLAIN}
    for name in odd:
        del fields[name]
    fields.update(flatten(odd, bounds))
    if _has_long_tuple(fields, bounds.fields):
        raise BoundExceededError(f"more than {bounds.fields} values in a field")
    return fields


def _flat_event(fields: dict[str, Any], fallback_host: str) -> Event:
    """What `_event` makes of a flat line, for most lines without asking anything twice."""
    get = fields.get
    name = get("Hostname")
    code = get("EventID")
    origin = _origins.get((name, get("Channel"), code))
    if origin is None:
        if name.__class__ is str:
            _remember_origin(name, get("Channel"), code)
        return _event(fields, str(code), fallback_host)
    host, channel, code, has_aliases, prefix = origin
    utc = get("UtcTime")
    if utc.__class__ is str and code not in _LATE and "EventTime" in fields and "@timestamp" in fields:
        time = instant(utc) or event_time(fields)  # NXLog's two clocks agree
    else:
        time = event_time(fields)
    _name_origin(fields)
    if has_aliases or "Hashes" in fields or "Provider_Name" not in fields:
        complete(fields, channel, code)
    record = get("RecordNumber")
    if record.__class__ is not int:
        return Event("windows", channel, code, fields, time, host, _key_of(fields, host, channel, time))
    digest = prefix.copy()
    digest.update(b"%d\0%d" % (record, time))
    return Event("windows", channel, code, fields, time, host, digest.digest())


def _remember_origin(name: str, channel: object, code: object) -> None:
    if len(_origins) >= _MOST_ORIGINS:
        _origins.clear()
    known = channel if isinstance(channel, str) else ""
    digest = _EMPTY_DIGEST.copy()
    digest.update(_key_prefix(name.lower(), known))
    has_aliases = known in CHANNELS_WITH_ALIASES
    _origins[name, channel, code] = _Origin(name.lower(), known, str(code), has_aliases, digest)


def _event(fields: dict[str, Any], code: str, fallback_host: str) -> Event:
    # The record's own channel was set aside where a provider writes a field of the same name.
    channel = fields.pop("\0channel") if "\0channel" in fields else fields.get("Channel")
    if type(channel) is not str:
        channel = ""
    host = fields.get("Hostname")
    host = host.lower() if type(host) is str else _host(fields) or fallback_host
    time = event_time(fields)
    _name_origin(fields)
    if channel in CHANNELS_WITH_ALIASES or "Hashes" in fields or "Provider_Name" not in fields:
        complete(fields, channel, code)
    return Event("windows", channel, code, fields, time, host, _key_of(fields, host, channel, time))


def _name_origin(fields: dict[str, Any]) -> None:
    """What NXLog calls otherwise."""
    if "SourceName" in fields and "Provider_Name" not in fields:
        fields["Provider_Name"] = fields["SourceName"]
    if "Hostname" in fields and "Computer" not in fields:
        fields["Computer"] = fields["Hostname"]


def _key_of(fields: Mapping[str, Any], host: str, channel: str, time: int) -> bytes | None:
    record = fields.get("RecordNumber")
    if record is None:
        record = next((fields[name] for name in _RECORD_NUMBERS if name in fields), None)
    if record is None:
        return None
    # Clearing a log starts its numbers again, so the time is part of what names a record.
    digest = _EMPTY_DIGEST.copy()
    digest.update(_key_prefix(host, channel))
    digest.update(f"{record}\0{time}".encode("utf-8", "replace"))
    return digest.digest()


def _key_prefix(host: str, channel: str) -> bytes:
    return f"{host}\0{channel}\0".encode("utf-8", "replace")


def _host(fields: Mapping[str, Any]) -> str:
    for name in _HOSTS:
        value = fields.get(name)
        if type(value) is str:
            return value.lower()
    return ""
