"""
Bodies of Splunk's HTTP Event Collector: objects one after another, each around one event.

The envelope is part of the original; its `time` and `host` only fill what the event does not say.
"""

from collections.abc import Mapping
from typing import Any

from appliance.telemetry.decoding import framing
from appliance.telemetry.decoding.context import DEEPEST_NESTING, Context, text_of
from appliance.telemetry.decoding.dispatch import object_event, prepare
from appliance.telemetry.decoding.documents import NotJSONError, Reading, parse
from appliance.telemetry.decoding.generic import generic_event, generic_line
from appliance.telemetry.decoding.syslog import is_header
from appliance.telemetry.decoding.text import text_event
from appliance.telemetry.decoding.times import from_anything
from appliance.telemetry.decoding.weblogs import access_event
from appliance.telemetry.events import Bounds, Decoded, Event

_OWN_FORMATS = ("CEF:", "LEEF:", "<Event", "type=")


def decode_hec(body: bytes, bounds: Bounds, options: Mapping[str, str]) -> Decoded:
    """Every `event` of the body."""
    reading = Reading(body, prepare(bounds, options), hec_event)
    position = 0
    for start, end in framing.documents(body):
        if reading.is_full(start):
            return reading.decoded
        if body[position:start].strip(b" \t\r\n,[]"):
            reading.refuse(position, start, "not JSON: text between the objects")
        reading.add(start, end)
        position = end
    if body[position:].strip(b" \t\r\n,[]"):
        reading.refuse(position, len(body), "not JSON: text after the last object")
    return reading.decoded


def hec_event(document: dict[str, Any], context: Context, piece: bytes) -> Event:
    """The event in one envelope; an object without `event` is taken as one itself."""
    inner = document.get("event")
    if isinstance(inner, dict):
        event = object_event(inner, context, piece)
    elif isinstance(inner, str):
        event = _of_text(inner, context, piece)
    else:
        event = generic_event(document, context, piece)
    event.time = event.time or from_anything(document.get("time"))
    host = text_of(document.get("host")).lower()
    if host and event.host in ("", context.host):
        event.host = host
    return event


def _of_text(text: str, context: Context, piece: bytes) -> Event:
    start = text.lstrip()
    if start.startswith("{") and context.nesting < DEEPEST_NESTING:
        try:
            document = parse(start.encode("utf-8", "replace"))
        except NotJSONError:
            document = None
        if isinstance(document, dict):
            return object_event(document, context, piece)
    if is_header(start) or start.startswith(_OWN_FORMATS):
        return text_event(start, context, piece)
    return access_event(start, context, piece) or generic_line(text, context, piece)
