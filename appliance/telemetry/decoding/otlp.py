"""
OpenTelemetry log records, as protobuf or JSON.

Each event's original is its LogRecord's bytes within the request; what the resource says (host, service) is
added to its fields. Source: opentelemetry-proto 1.x, logs/v1 and collector/logs/v1.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from appliance.telemetry.decoding import framing
from appliance.telemetry.decoding.context import Context, text_of
from appliance.telemetry.decoding.dispatch import object_event, prepare, windows_event
from appliance.telemetry.decoding.documents import NotJSONError, Reading, parse
from appliance.telemetry.decoding.flattening import flatten
from appliance.telemetry.decoding.generic import mapped_event
from appliance.telemetry.decoding.syslog import is_header
from appliance.telemetry.decoding.text import text_event
from appliance.telemetry.decoding.times import in_range
from appliance.telemetry.decoding.weblogs import access_event
from appliance.telemetry.events import Bounds, Decoded, Event

_LENGTH_DELIMITED = 2
_LONGEST_VARINT = 10
_DEEPEST = 32
_RESOURCE_LOGS, _RESOURCE, _SCOPE_LOGS, _LOG_RECORDS = 1, 1, 2, 2


class Record(NamedTuple):
    """A log record in neither encoding."""

    time: int
    body: Any
    attributes: dict[str, Any]
    resource: dict[str, Any]


class TruncatedError(ValueError):
    """The protobuf message ends in the middle of a field."""


def decode_protobuf(body: bytes, bounds: Bounds, options: Mapping[str, str]) -> Decoded:
    """An ExportLogsServiceRequest in protobuf."""
    context = prepare(bounds, options)
    reading = Reading(body, context, object_event)
    position = 0
    try:
        for resource_logs in _messages(body, 0, len(body), _RESOURCE_LOGS):
            position = resource_logs[0]
            resource = _resource(body, *resource_logs)
            for start, end in _records(body, *resource_logs):
                if reading.is_full(start):
                    return reading.decoded
                position = end
                _add(reading, body, (start, end), _protobuf_record(resource), context)
    except (TruncatedError, DecodeError) as error:
        reading.refuse(position, len(body), f"not an OTLP request: {error}")
    return reading.decoded


def decode_json(body: bytes, bounds: Bounds, options: Mapping[str, str]) -> Decoded:
    """An ExportLogsServiceRequest in JSON."""
    context = prepare(bounds, options)
    reading = Reading(body, context, object_event)
    opening = framing.array_after(body, b"resourceLogs", 0, len(body))
    if opening < 0:
        reading.refuse(0, len(body), "not an OTLP request: no resourceLogs")
        return reading.decoded
    for start, end in framing.elements(body, opening, len(body)):
        try:
            resource = _json_resource(body[start:end])
        except NotJSONError as error:
            reading.refuse(start, end, f"not JSON: {error}")
            continue
        for first, last in _json_records(body, start, end):
            if reading.is_full(first):
                return reading.decoded
            _add(reading, body, (first, last), _json_record(resource), context)
    return reading.decoded


Read = Callable[[bytes], Record]


def _add(reading: Reading, body: bytes, span: framing.Span, read: Read, context: Context) -> None:
    piece = body[span[0] : span[1]]
    if len(piece) > context.bounds.event_bytes:
        reading.refuse(*span, f"longer than {context.bounds.event_bytes} bytes")
        return
    try:
        event = record_event(read(piece), context, piece)
    except (DecodeError, ValueError, RecursionError) as error:
        reading.refuse(*span, f"not a log record: {error}")
        return
    reading.place(event, *span)


def record_event(record: Record, context: Context, piece: bytes) -> Event:
    """The event that a record carries, or the record itself with its attributes as fields."""
    event = _carried(record.body, context, piece)
    if event is None:
        named = record.body if isinstance(record.body, dict) else {"message": record.body}
        document = {**record.resource, **record.attributes, **named}
        event = mapped_event(flatten(document, context.bounds), context)
    event.time = event.time or record.time
    host = text_of(record.resource.get("host.name")).lower()
    if host and event.host in ("", context.host):
        event.host = host
    return event


def _carried(body: Any, context: Context, piece: bytes) -> Event | None:
    if isinstance(body, dict):
        windows = _windows_document(body)
        return windows_event(windows, context) if windows else None
    if not isinstance(body, str):
        return None
    text = body.lstrip()
    if text.startswith("{"):
        try:
            document = parse(text.encode("utf-8", "replace"))
        except NotJSONError:
            return None
        return object_event(document, context, piece) if isinstance(document, dict) else None
    if is_header(text) or text.startswith(("CEF:", "LEEF:", "<Event", "type=")):
        return text_event(text, context, piece)
    return access_event(text, context, piece)


def _windows_document(body: dict[str, Any]) -> dict[str, Any] | None:
    """The collector's windowseventlog record in the flat spelling that the Windows decoder reads."""
    if "channel" not in body or "event_id" not in body:
        return None
    identifier = body["event_id"]
    provider = body.get("provider")
    data = body.get("event_data")
    flat: dict[str, Any] = {}
    if isinstance(data, dict):
        pairs = data.get("data")
        for item in pairs if isinstance(pairs, list) else [data]:
            flat.update(item if isinstance(item, dict) else {})
    flat.update(
        Channel=body["channel"],
        EventID=identifier.get("id") if isinstance(identifier, dict) else identifier,
        Hostname=body.get("computer"),
        EventTime=body.get("system_time"),
        RecordNumber=body.get("record_id"),
        SourceName=provider.get("name") if isinstance(provider, dict) else provider,
    )
    return flat


def _records(body: bytes, start: int, end: int) -> Iterator[framing.Span]:
    for scope in _messages(body, start, end, _SCOPE_LOGS):
        yield from _messages(body, *scope, _LOG_RECORDS)


def _resource(body: bytes, start: int, end: int) -> dict[str, Any]:
    for first, last in _messages(body, start, end, _RESOURCE):
        return _attributes(Resource.FromString(body[first:last]).attributes)
    return {}


def _protobuf_record(resource: dict[str, Any]) -> Read:
    def read(piece: bytes) -> Record:
        record = LogRecord.FromString(piece)
        nanoseconds = record.time_unix_nano or record.observed_time_unix_nano
        return Record(
            in_range(nanoseconds // 1000), _value(record.body, 0), _attributes(record.attributes), resource
        )

    return read


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value, 0) for pair in pairs}


def _value(value: AnyValue, depth: int) -> Any:
    name = value.WhichOneof("value")
    if name is None or depth > _DEEPEST:
        return None
    if name == "array_value":
        return [_value(item, depth + 1) for item in value.array_value.values]
    if name == "kvlist_value":
        return {pair.key: _value(pair.value, depth + 1) for pair in value.kvlist_value.values}
    if name == "bytes_value":
        return value.bytes_value.decode("utf-8", "replace")
    return getattr(value, name)


def _messages(body: bytes, start: int, end: int, number: int) -> Iterator[framing.Span]:
    """Where the embedded messages of one field lie within a protobuf message."""
    position = start
    while position < end:
        tag, position = _varint(body, position, end)
        if tag & 7 == _LENGTH_DELIMITED:
            size, position = _varint(body, position, end)
            if size > end - position:
                raise TruncatedError("a field is longer than its message")
            if tag >> 3 == number:
                yield position, position + size
            position += size
        else:
            position = _after_scalar(body, position, end, tag & 7)


def _after_scalar(body: bytes, position: int, end: int, wire_type: int) -> int:
    if wire_type == 0:
        return _varint(body, position, end)[1]
    size = {1: 8, 5: 4}.get(wire_type)
    if size is None or position + size > end:
        raise TruncatedError(f"wire type {wire_type} does not belong here")
    return position + size


def _varint(body: bytes, position: int, end: int) -> tuple[int, int]:
    value = 0
    for index in range(min(_LONGEST_VARINT, end - position)):
        byte = body[position + index]
        value |= (byte & 127) << (7 * index)
        if byte < 128:  # noqa: PLR2004 — the continuation bit
            return value, position + index + 1
    raise TruncatedError("a number does not end")


def _json_resource(piece: bytes) -> dict[str, Any]:
    document = parse(piece)
    resource = document.get("resource") if isinstance(document, dict) else None
    return _json_attributes(resource.get("attributes")) if isinstance(resource, dict) else {}


def _json_records(body: bytes, start: int, end: int) -> Iterator[framing.Span]:
    opening = framing.array_after(body, b"scopeLogs", start, end)
    if opening < 0:
        return
    for first, last in framing.elements(body, opening, end):
        records = framing.array_after(body, b"logRecords", first, last)
        if records >= 0:
            yield from framing.elements(body, records, last)


def _json_record(resource: dict[str, Any]) -> Read:
    def read(piece: bytes) -> Record:
        document = parse(piece)
        if not isinstance(document, dict):
            raise NotJSONError("not a JSON object")
        time = next(
            (
                int(text)
                for name in ("timeUnixNano", "observedTimeUnixNano")
                if (text := _digits(document, name))
            ),
            0,
        )
        return Record(
            in_range(time // 1000),
            _json_value(document.get("body"), 0),
            _json_attributes(document.get("attributes")),
            resource,
        )

    return read


def _digits(document: dict[str, Any], name: str) -> str:
    text = str(document.get(name, ""))
    return text if text.isdecimal() and len(text) <= 20 and int(text) else ""  # noqa: PLR2004 — 64 bits


def _json_attributes(pairs: Any) -> dict[str, Any]:
    return (
        {
            str(pair.get("key", "")): _json_value(pair.get("value"), 0)
            for pair in pairs
            if isinstance(pair, dict)
        }
        if isinstance(pairs, list)
        else {}
    )


def _json_value(value: Any, depth: int) -> Any:
    if not isinstance(value, dict) or depth > _DEEPEST:
        return None
    for name in ("stringValue", "boolValue", "doubleValue", "bytesValue"):
        if name in value:
            return value[name]
    if "intValue" in value:
        text = str(value["intValue"])
        return int(text) if text.lstrip("-").isdecimal() and len(text) <= 20 else text  # noqa: PLR2004 — 64 bits
    array = value.get("arrayValue")
    if isinstance(array, dict) and isinstance(array.get("values"), list):
        return [_json_value(item, depth + 1) for item in array["values"]]
    pairs = value.get("kvlistValue")
    if isinstance(pairs, dict) and isinstance(pairs.get("values"), list):
        return {
            str(pair.get("key", "")): _json_value(pair.get("value"), depth + 1)
            for pair in pairs["values"]
            if isinstance(pair, dict)
        }
    return None
