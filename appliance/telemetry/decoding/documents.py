"""
Bodies made of JSON documents: one a line, in an array, in a wrapper, or one after another.

Invariant: what cannot be read as JSON becomes `Malformed` over exactly its bytes; the rest is decoded.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from typing import Any

import orjson

from appliance.telemetry.decoding import framing
from appliance.telemetry.decoding.context import DEEPEST_NESTING, Context, ObjectBuilder
from appliance.telemetry.decoding.flattening import BoundExceededError
from appliance.telemetry.events import Bounds, Decoded, Decoder, Event, Malformed

# Members whose array holds the events: CloudTrail, Azure diagnostic logs, M365, our own envelope.
WRAPPERS = ("Records", "records", "value", "events")
# A wrapper says little beside its array; a record that merely has such a member says more.
_MOST_WRAPPER_MEMBERS = 4
_MOST_MALFORMED = 10_000
_EXCERPT = 120
_BEYOND_64_BITS = 2**63
_WRAPPER_OPENING_BYTES = 4096
# Nothing smaller can hold enough values to be slow.
_SMALLEST_CROWD_BYTES = 65_536

Preparing = Callable[[Bounds, Mapping[str, str]], Context]


class NotJSONError(ValueError):
    """These bytes are no JSON document; the message says where it breaks."""


def parse(piece: bytes, *, may_be_crowded: bool = False) -> Any:
    """
    One JSON document.

    orjson refuses what real senders emit (invalid UTF-8, lone surrogates, raw control characters), so such
    a document gets a second, lenient reading in which only those characters are replaced.

    Raises:
        NotJSONError: It is no JSON document, or has more values than a real event and does not wrap many.
    """
    if len(piece) > _SMALLEST_CROWD_BYTES and not may_be_crowded and framing.is_crowded(piece):
        raise NotJSONError("more values than any real event has")
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
        reading = Reading(body, prepare(bounds, options), build)
        for start, end in spans(body):
            if reading.is_full(start):
                break
            reading.add(start, end)
        return reading.decoded

    return decode


class Reading:
    """One body being decoded: what was found in it so far, and how to read the next document."""

    __slots__ = ("_body", "_build", "_context", "decoded")

    def __init__(self, body: bytes, context: Context, build: ObjectBuilder) -> None:
        self.decoded = Decoded(events=[], malformed=[])
        self._body = body
        self._context = context
        self._build = build

    def is_full(self, start: int) -> bool:
        """Whether the body's bound on events is reached; its rest from `start` is then malformed."""
        limit = self._context.bounds.events
        if len(self.decoded.events) < limit and len(self.decoded.malformed) < _MOST_MALFORMED:
            return False
        self.refuse(start, len(self._body), f"more than {limit} events in one body")
        return True

    def add(self, start: int, end: int) -> None:
        """Decodes one document, which may wrap many events."""
        piece = self._body[start:end]
        if end - start > self._context.bounds.event_bytes and not _opens_wrapper(piece):
            self.refuse(start, end, f"longer than {self._context.bounds.event_bytes} bytes")
            return
        try:
            document = parse(
                piece, may_be_crowded=end - start > _SMALLEST_CROWD_BYTES and _opens_wrapper(piece)
            )
        except NotJSONError as error:
            self.refuse(start, end, f"not JSON: {error}")
            return
        if type(document) is dict:
            wrapper = _wrapper_name(document)
            if wrapper:
                self._add_wrapped(start, end, wrapper, document)
            else:
                self.add_object(document, piece, start)
        elif type(document) is list:
            self._add_elements(start, end)
        else:
            self.refuse(start, end, "not a JSON object")

    def add_object(self, document: dict[str, Any], piece: bytes, start: int) -> None:
        """Builds one event whose original is `piece`, `start` bytes into the body."""
        end = start + len(piece)
        try:
            event = self._build(document, self._context, piece)
        except BoundExceededError as error:
            self.refuse(start, end, str(error))
            return
        self.place(event, start, end)

    def place(self, event: Event, start: int, end: int) -> None:
        """Adds a built event with its place in the body."""
        event.start = start
        event.end = end
        self.decoded.events.append(event)

    def refuse(self, start: int, end: int, reason: str) -> None:
        self.decoded.malformed.append(Malformed(start, end, reason))

    def _add_elements(self, start: int, end: int) -> None:
        if self._context.nesting >= DEEPEST_NESTING:
            self.refuse(start, end, "nested too deeply")
            return
        self._context.nesting += 1
        for first, last in framing.elements(self._body, start, end):
            if self.is_full(first):
                break
            self.add(first, last)
        self._context.nesting -= 1

    def _add_wrapped(self, start: int, end: int, name: str, document: dict[str, Any]) -> None:
        records = document[name]
        opening = framing.array_after(self._body, name.encode(), start, end)
        pieces = list(framing.elements(self._body, opening, end)) if opening >= 0 else []
        is_located = len(pieces) == len(records)
        hostname = document.get("hostname")
        previous = self._context.host
        self._context.host = hostname.lower() if isinstance(hostname, str) else previous
        for record, (first, last) in zip(
            records, pieces if is_located else [(start, end)] * len(records), strict=True
        ):
            if self.is_full(first):
                break
            if is_located and last - first > self._context.bounds.event_bytes:
                self.refuse(first, last, f"longer than {self._context.bounds.event_bytes} bytes")
            else:
                self.add_object(record, self._body[first:last], first)
        self._context.host = previous


def spans(body: bytes) -> Iterator[framing.Span]:
    """Where the documents of the body lie; a JSON array counts as its elements."""
    if lies_in_lines(body):
        return framing.lines(body)
    start, end = framing.first_byte(body)
    if body[start:end] == b"[":
        return framing.elements(body, start, len(body))
    return framing.documents(body, start)


def lies_in_lines(body: bytes) -> bool:
    """Whether each document is a line of the body."""
    start, end = framing.first_byte(body)
    first = body[start:end]
    return first != b"[" and not (first == b"{" and _spreads_over_lines(body, start))


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


def _opens_wrapper(piece: bytes) -> bool:
    """Whether a document over the bound of one event begins like one that wraps many."""
    return any(framing.array_after(piece, name.encode(), 0, _WRAPPER_OPENING_BYTES) >= 0 for name in WRAPPERS)


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
    if type(value) is int:
        return value if abs(value) < _BEYOND_64_BITS else str(value)
    if type(value) is float:
        return value if isfinite(value) else str(value)
    if type(value) is list:
        return [_storable(item) for item in value]
    if type(value) is dict:
        return {_storable(key): _storable(item) for key, item in value.items()}
    return value
