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

from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from typing import Any, Final

import orjson

from appliance.telemetry.decoding.documents import NotJSONError, parse, spans
from appliance.telemetry.decoding.flattening import BoundExceededError, flatten
from appliance.telemetry.decoding.windows_fields import complete
from appliance.telemetry.decoding.windows_records import fields_of_record
from appliance.telemetry.decoding.windows_shippers import fields_of_ecs, fields_of_winlogbeat, with_event_data
from appliance.telemetry.decoding.windows_times import event_time
from appliance.telemetry.events import Bounds, Decoded, Event, Malformed

_PLAIN: Final = frozenset({str, int, float, type(None), tuple})
_TEXTS: Final = frozenset({str})
_MOST_MALFORMED: Final = 10_000
_BLANK: Final = b" \t\r"
_HOSTS: Final = ("Hostname", "Computer", "ComputerName", "computer_name")
_RECORD_NUMBERS: Final = ("RecordNumber", "EventRecordID", "record_number", "record_id")
_SMALLEST_INTEGER: Final = -(2**63)
_LARGEST_INTEGER: Final = 2**63 - 1


def decode_windows_json(body: bytes, bounds: Bounds, options: Mapping[str, str]) -> Decoded:
    """
    The Windows events of a body: JSON lines, an array, or documents one after another.

    Options: `host` names the machine of records that name none.
    """
    decoded = Decoded(events=[], malformed=[])
    events, malformed = decoded.events, decoded.malformed
    fallback_host = options.get("host", "").lower()
    loads = orjson.loads
    for start, end in _spans(body):
        if len(events) >= bounds.events or len(malformed) >= _MOST_MALFORMED:
            reason = f"more than {bounds.events} events in one body"
            malformed.append(Malformed(start, len(body), reason))
            break
        if end - start > bounds.event_bytes:
            malformed.append(Malformed(start, end, f"longer than {bounds.event_bytes} bytes"))
            continue
        piece = body[start:end]
        try:
            document = loads(piece)
        except orjson.JSONDecodeError:
            document = _leniently(piece)
        outcome = windows_event(document, bounds, fallback_host)
        if isinstance(outcome, str):
            malformed.append(Malformed(start, end, outcome))
        else:
            outcome.start, outcome.end = start, end
            events.append(outcome)
    return decoded


def _spans(body: bytes) -> Iterator[tuple[int, int]]:
    """Where the documents lie: as `spans` has it, with a shortcut for what almost every body is."""
    first = body[: body.find(b"\n") + 1]
    if first.startswith(b"{") and first.rstrip().endswith(b"}"):
        return _lines(body)
    return spans(body)


def _lines(body: bytes) -> Iterator[tuple[int, int]]:
    """Each line that is not blank, without its line ending."""
    start, length = 0, len(body)
    find = body.find
    while start < length:
        end = find(b"\n", start)
        if end < 0:
            end = length
        last = end
        while last > start and body[last - 1] in _BLANK:
            last -= 1
        if last > start:
            yield start, last
        start = end + 1


def windows_event(document: Any, bounds: Bounds, fallback_host: str = "") -> Event | str:
    """One event out of a parsed document, or why it is none; the document may be changed."""
    if type(document) is not dict:
        return document if isinstance(document, str) else "not a JSON object"
    try:
        fields = _fields(document, bounds)
    except BoundExceededError as error:
        return str(error)
    event_id = fields.get("EventID")
    if event_id is None or type(event_id) is tuple:
        return "no event id"
    return _event(fields, str(event_id), fallback_host)


def _fields(document: dict[str, Any], bounds: Bounds) -> dict[str, Any]:
    if "Channel" in document and "EventID" in document:
        return _flat(document, bounds)
    reshape = _shape(document)
    return _flat(document if reshape is None else reshape(document), bounds)


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
    if "EventData" in fields or "StringInserts" in fields:
        fields = with_event_data(fields)
    tags = fields.get("tags")
    if type(tags) is list and _TEXTS.issuperset(map(type, tags)):
        fields["tags"] = tuple(tags)  # Logstash adds them to every event
    # One pass in C over the types, because almost no event has any other.
    if not _PLAIN.issuperset(map(type, fields.values())):
        return _flattened(fields, bounds)
    return fields


def _flattened(fields: dict[str, Any], bounds: Bounds) -> dict[str, Any]:
    odd = {name: value for name, value in fields.items() if type(value) not in _PLAIN}
    for name in odd:
        del fields[name]
    fields.update(flatten(odd, bounds))
    return fields


def _event(fields: dict[str, Any], code: str, fallback_host: str) -> Event:
    channel = fields.get("Channel")
    channel = channel if type(channel) is str else ""
    # The record's own channel was set aside where a provider writes a field of the same name.
    channel = fields.pop("\0channel", channel)
    host = _first_text(fields, _HOSTS).lower() or fallback_host
    time = event_time(fields)
    complete(fields, channel, code)
    record = next((fields[name] for name in _RECORD_NUMBERS if name in fields), None)
    key = None if record is None else _key(host, channel, record, time)
    return Event("windows", channel, code, fields, time, host, key)


def _key(host: str, channel: str, record: object, time: int) -> bytes:
    # Clearing a log starts its numbers again, so the time is part of what names a record.
    return blake2b(f"{host}\0{channel}\0{record}\0{time}".encode("utf-8", "replace"), digest_size=16).digest()


def _first_text(fields: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = fields.get(name)
        if type(value) is str:
            return value
    return ""


def _leniently(piece: bytes) -> Any:
    try:
        document = parse(piece)
    except NotJSONError as error:
        return f"not JSON: {error}"
    return "not a JSON object" if isinstance(document, str) else document
