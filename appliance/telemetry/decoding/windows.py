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
from typing import Any, Final

import msgspec

from appliance.telemetry.decoding.documents import NotJSONError, parse, spans
from appliance.telemetry.decoding.flattening import BoundExceededError, flatten
from appliance.telemetry.decoding.windows_flat import event_of, flat_event
from appliance.telemetry.decoding.windows_records import fields_of_record
from appliance.telemetry.decoding.windows_shippers import fields_of_ecs, fields_of_winlogbeat, with_event_data
from appliance.telemetry.events import Bounds, Decoded, Event, Malformed

# Fields that hold others, as text or in order.
_PACKED: Final = frozenset({"EventData", "StringInserts"})
_PLAIN: Final = frozenset({str, int, float, type(None), tuple})
_MOST_MALFORMED: Final = 10_000
# Parsing into the types an event may hold is as fast as parsing into any, and proves them on the way.
_flat: Final = msgspec.json.Decoder(dict[str, str | int | float | tuple[str, ...] | None])
_flat_fields, _flat_lines = _flat.decode, _flat.decode_lines
_flat_lines_with_booleans: Final = msgspec.json.Decoder(
    dict[str, str | int | float | bool | tuple[str, ...] | None]
).decode_lines
# What the parser raises: it also meets bytes that are no UTF-8, and values that are of another type.
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError)
# Windows bounds a record at 64 KiB of UTF-16; escaped, as UTF-8 and with its message it stays below this.
# Whatever is larger is none, and would only cost the matcher its time.
_LARGEST_EVENT_BYTES: Final = 262_144
# The same bound for what the provider wrote, its rendered message aside, with a tenth more to spare.
_MOST_CHARACTERS: Final = 36_000
_SMALL_BYTES: Final = 16_384
_CARRIAGE_RETURN: Final = 13
_OPENING_BRACE: Final = 0x7B
_CLOSING_BRACE: Final = 0x7D
# Lines parsed by one call. Where one of them is not flat all of them are read again, so not too many.
_RUN_BYTES: Final = 32_768


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
        self._body, self._view = body, memoryview(body)
        self._bounds = bounds
        self._host = fallback_host
        self._append = self.decoded.events.append
        self._room = bounds.events
        # What a shipper nests it nests in every event, so that trying to read the next one as flat is vain.
        self._is_nested = self._has_booleans = False
        self._longest = min(bounds.event_bytes, _LARGEST_EVENT_BYTES)
        self._most_fields = bounds.fields

    def add_lines(self) -> None:
        """Adds what is on each line."""
        body = self._body
        position, length = 0, len(body) - body.endswith(b"\n")
        while position < length:
            last = body.find(b"\n", position + _RUN_BYTES, length)
            last = length if last < 0 else last
            if not (self._add_flat_lines(position, last) or self._add_each_line(position, last)):
                return
            position = last + 1

    def _add_each_line(self, position: int, last: int) -> bool:
        body, add, find = self._body, self.add, self._body.find
        while position < last:
            end = find(b"\n", position, last)
            end = last if end < 0 else end
            if not add(position, body[position:end]):
                return False
            position = end + 1
        return True

    def _add_flat_lines(self, position: int, last: int) -> bool:
        """
        Adds a run of lines with one call of the parser, if each is a flat document; else adds none of them.

        JSON cannot break a line between a closing and an opening brace. So if all lines begin and end with
        them, and there are as many documents as lines, each line is one document.
        """
        if self._is_nested or self._longest < _SMALL_BYTES:
            return False
        documents = self._parsed(position, last)
        if not 0 < len(documents) < self._room:
            return False
        events: list[Event] = []
        append, is_flat, host, body, find = (
            events.append,
            self._is_flat,
            self._host,
            self._body,
            self._body.find,
        )
        for fields in documents:
            end = find(b"\n", position, last)
            if end < 0:
                end = last
            stop = end - (body[end - 1] == _CARRIAGE_RETURN)
            is_line = (
                position < last and body[position] == _OPENING_BRACE and body[stop - 1] == _CLOSING_BRACE
            )
            if not is_line or end - position > _SMALL_BYTES:
                return False
            if is_flat(fields):
                append(flat_event(fields, host, position, stop))
            elif (event := windows_event(fields, self._bounds, host)).__class__ is Event:
                append(_placed(event, position, stop))
            else:
                return False
            position = end + 1
        if position <= last:
            return False
        self.decoded.events += events
        self._room -= len(events)
        return True

    def _parsed(self, position: int, last: int) -> list[dict[str, Any]]:
        """The documents of a run, all of them flat; else none."""
        piece = self._view[position:last]
        if not self._has_booleans:
            try:
                return _flat_lines(piece)
            except _UNREADABLE as error:
                # A sender that writes booleans does so in event after event.
                self._has_booleans = isinstance(error, msgspec.ValidationError)
        try:
            return _flat_lines_with_booleans(piece) if self._has_booleans else []
        except _UNREADABLE:
            return []

    def _is_flat(self, fields: dict[str, Any]) -> bool:
        """Whether there is no need to look at its values: nothing is packed into one field."""
        return not (
            "EventData" in fields
            or "StringInserts" in fields
            or fields.get("EventID").__class__ is not int
            or len(fields) > self._most_fields
            or (self._has_booleans and not _PLAIN.issuperset(map(type, fields.values())))
        )

    def add(self, start: int, piece: bytes) -> bool:
        """Adds the event of one document; False once the body's bound is reached."""
        size = len(piece)
        if size > self._longest:
            return self._refuse(start, piece, f"longer than {self._longest} bytes")
        try:
            fields = None if self._is_nested else _flat_fields(piece)
        except _UNREADABLE:
            fields = None
        if fields is None:
            outcome = self._read_slowly(piece)
        else:
            if size > _SMALL_BYTES and _has_long_tuple(fields, self._most_fields):
                return self._refuse(start, piece, f"more than {self._most_fields} values in a field")
            if self._is_flat(fields):
                outcome = flat_event(fields, self._host, 0, 0)
            else:
                outcome = windows_event(fields, self._bounds, self._host)
        if outcome.__class__ is not Event:
            return self._refuse(start, piece, str(outcome))
        event: Event = outcome
        if size > _MOST_CHARACTERS and _characters(event.fields) > _MOST_CHARACTERS:
            return self._refuse(
                start, piece, f"more than {_MOST_CHARACTERS} characters, as no Windows record"
            )
        self._append(_placed(event, start, start + size - (piece[-1] == _CARRIAGE_RETURN)))
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


def _placed(event: Event, start: int, end: int) -> Event:
    event.start, event.end = start, end
    return event


def windows_event(document: Any, bounds: Bounds, fallback_host: str = "") -> Event | str:
    """One event out of a parsed document, or why it is none; the document may be changed."""
    if type(document) is not dict:
        return "not a JSON object"
    if "Channel" not in document or "EventID" not in document:
        reshape = _shape(document)
        if reshape is not None:
            document = reshape(document)
    try:
        fields = _flattened(document, bounds)
    except BoundExceededError as error:
        return str(error)
    event_id = fields.get("EventID")
    if event_id is None or type(event_id) is tuple:
        return "no event id"
    return event_of(fields, str(event_id), fallback_host)


def _shape(document: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]] | None:
    if type(document.get("winlog")) is dict:
        return fields_of_ecs
    if "event_id" in document and ("log_name" in document or "event_data" in document):
        return fields_of_winlogbeat
    record = document.get("Event")
    return fields_of_record if type(record) is dict else None


def _flattened(fields: dict[str, Any], bounds: Bounds) -> dict[str, Any]:
    """The fields with every value one that an event may hold; mostly they are the document itself."""
    if len(fields) > bounds.fields:
        raise BoundExceededError(f"more than {bounds.fields} fields")
    if not _PACKED.isdisjoint(fields):
        fields = with_event_data(fields)
    if _PLAIN.issuperset(map(type, fields.values())):
        return fields
    return _with_odd_flattened(fields, bounds)


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


def _with_odd_flattened(fields: dict[str, Any], bounds: Bounds) -> dict[str, Any]:
    odd = {name: value for name, value in fields.items() if type(value) not in _PLAIN}
    for name in odd:
        del fields[name]
    fields.update(flatten(odd, bounds))
    if _has_long_tuple(fields, bounds.fields):
        raise BoundExceededError(f"more than {bounds.fields} values in a field")
    return fields
