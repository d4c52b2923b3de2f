"""
Bodies made of JSON documents: one a line, in an array, in a wrapper, or one after another.

Invariant: what cannot be read as JSON becomes `Malformed` over exactly its bytes; the rest is decoded.
"""

from collections.abc import Callable, Iterator, Mapping
import json
from typing import Any

import orjson

from appliance.telemetry.decoding import framing
from appliance.telemetry.decoding.context import Context, ObjectBuilder
from appliance.telemetry.decoding.flattening import BoundExceededError
from appliance.telemetry.events import Bounds, Decoded, Decoder, Malformed

# Members whose array holds the events: CloudTrail, Azure diagnostic logs, M365, our own envelope.
WRAPPERS = ("Records", "records", "value", "events")
# A wrapper says little beside its array; a record that merely has such a member says more.
_MOST_WRAPPER_MEMBERS = 4
_MOST_MALFORMED = 10_000
_EXCERPT = 120

Preparing = Callable[[Bounds, Mapping[str, str]], Context]


class NotJSONError(ValueError):
    """These bytes are no JSON document; the message says where it breaks."""


def parse(piece: bytes) -> Any:
    """
    One JSON document.

    orjson refuses what real senders emit (invalid UTF-8, lone surrogates, raw control characters), so such
    a document gets a second, lenient reading in which only those characters are replaced.

    Raises:
        NotJSONError: It is no JSON document.
    """
    try:
        return orjson.loads(piece)
    except orjson.JSONDecodeError as strict:
        reason = str(strict)
    try:
        lenient = json.loads(piece.decode("utf-8", "replace"), strict=False, parse_constant=str)
        return _storable(lenient)
    except (ValueError, RecursionError):
        raise NotJSONError(reason[:_EXCERPT]) from None


def decode_with(build: ObjectBuilder, prepare: Preparing) -> Decoder:
    """The decoder that hands each JSON object of a body to `build`."""

    def decode(body: bytes, bounds: Bounds, options: Mapping[str, str]) -> Decoded:
        return decode_documents(body, prepare(bounds, options), build)

    return decode


def decode_documents(body: bytes, context: Context, build: ObjectBuilder) -> Decoded:
    """Every JSON object of the body as an event, every other piece as malformed."""
    decoded = Decoded(events=[], malformed=[])
    limit = context.bounds.events
    for start, end in spans(body):
        if len(decoded.events) >= limit or len(decoded.malformed) >= _MOST_MALFORMED:
            decoded.malformed.append(Malformed(start, len(body), f"more than {limit} events in one body"))
            break
        add_document(decoded, body, start, end, context, build)
    return decoded


def add_document(
    decoded: Decoded, body: bytes, start: int, end: int, context: Context, build: ObjectBuilder
) -> None:
    """Decodes one document, which may wrap many events, into `decoded`."""
    size = end - start
    if size > context.bounds.event_bytes:
        document = _wrapper_only(body, start, end, context)
    else:
        document = _parsed(decoded, body, start, end)
    if document is None:
        if size > context.bounds.event_bytes:
            reason = f"longer than {context.bounds.event_bytes} bytes"
            decoded.malformed.append(Malformed(start, end, reason))
        return
    if type(document) is dict:
        wrapper = _wrapper_name(document) if len(document) <= _MOST_WRAPPER_MEMBERS else ""
        if wrapper:
            _add_wrapped(decoded, body, (start, end), wrapper, document, context, build)
            return
        add_object(decoded, document, body[start:end], start, context, build)
    elif type(document) is list:
        for first, last in framing.elements(body, start, end):
            add_document(decoded, body, first, last, context, build)
    else:
        decoded.malformed.append(Malformed(start, end, "not a JSON object"))


def add_object(
    decoded: Decoded,
    document: dict[str, Any],
    piece: bytes,
    start: int,
    context: Context,
    build: ObjectBuilder,
) -> None:
    """Builds one event whose original is `piece`, `start` bytes into the body."""
    try:
        event = build(document, context, piece)
    except BoundExceededError as error:
        decoded.malformed.append(Malformed(start, start + len(piece), str(error)))
        return
    event.start = start
    event.end = start + len(piece)
    decoded.events.append(event)


def spans(body: bytes) -> Iterator[framing.Span]:
    """Where the documents of the body lie; a JSON array counts as its elements."""
    start, end = framing.first_byte(body)
    first = body[start:end]
    if first == b"[":
        return framing.elements(body, start, len(body))
    if first == b"{" and _spreads_over_lines(body, start):
        return framing.documents(body, start)
    return framing.lines(body)


def _spreads_over_lines(body: bytes, start: int) -> bool:
    newline = body.find(b"\n", start)
    if newline < 0:
        return False
    try:
        parse(body[start:newline])
    except NotJSONError:
        first = next(framing.documents(body, start), (start, start))
        try:
            return first[1] > newline and type(parse(body[first[0] : first[1]])) is dict
        except NotJSONError:
            return False
    return False


def _parsed(decoded: Decoded, body: bytes, start: int, end: int) -> Any:
    try:
        document = parse(body[start:end])
    except NotJSONError as error:
        decoded.malformed.append(Malformed(start, end, f"not JSON: {error}"))
        return None
    if document is None:
        decoded.malformed.append(Malformed(start, end, "not a JSON object"))
    return document


def _wrapper_only(body: bytes, start: int, end: int, context: Context) -> Any:
    """A document over the event bound is read only if it wraps many events (a CloudTrail file)."""
    if end - start > context.bounds.body_bytes or not any(
        framing.array_after(body, name.encode(), start, min(end, start + 4096)) >= 0 for name in WRAPPERS
    ):
        return None
    try:
        document = parse(body[start:end])
    except NotJSONError:
        return None
    return document if type(document) is dict and _wrapper_name(document) else None


def _add_wrapped(
    decoded: Decoded,
    body: bytes,
    span: framing.Span,
    name: str,
    document: dict[str, Any],
    context: Context,
    build: ObjectBuilder,
) -> None:
    records = document[name]
    opening = framing.array_after(body, name.encode(), *span)
    pieces = list(framing.elements(body, opening, span[1])) if opening >= 0 else []
    if len(pieces) != len(records):
        pieces = [span] * len(records)
    hostname = document.get("hostname")
    previous, context.host = context.host, hostname.lower() if isinstance(hostname, str) else context.host
    for record, (start, end) in zip(records, pieces, strict=True):
        if len(decoded.events) >= context.bounds.events:
            decoded.malformed.append(Malformed(start, span[1], f"more than {context.bounds.events} events"))
            break
        if end - start > context.bounds.event_bytes and (start, end) != span:
            reason = f"longer than {context.bounds.event_bytes} bytes"
            decoded.malformed.append(Malformed(start, end, reason))
        else:
            add_object(decoded, record, body[start:end], start, context, build)
    context.host = previous


def _wrapper_name(document: dict[str, Any]) -> str:
    if len(document) > _MOST_WRAPPER_MEMBERS:
        return ""
    return next((name for name in WRAPPERS if _is_array_of_objects(document.get(name))), "")


def _is_array_of_objects(value: Any) -> bool:
    return type(value) is list and bool(value) and all(type(item) is dict for item in value)


def _storable(value: Any) -> Any:
    """The lenient reading with lone surrogates and numbers without a finite value made text."""
    if type(value) is str:
        return value.encode("utf-8", "replace").decode("utf-8")
    if type(value) is float:
        return value if -1.8e308 < value < 1.8e308 else str(value)
    if type(value) is list:
        return [_storable(item) for item in value]
    if type(value) is dict:
        return {_storable(key): _storable(item) for key, item in value.items()}
    return value
