"""Which decoder a JSON object, a line or a whole body belongs to, by its content alone."""

import re
from bisect import bisect_right
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import orjson

from appliance.telemetry.decoding import framing
from appliance.telemetry.decoding.auditd import audit_id
from appliance.telemetry.decoding.cloud import cloud_event, service_of
from appliance.telemetry.decoding.context import DEEPEST_NESTING, Context, text_of
from appliance.telemetry.decoding.cowrie import cowrie_event
from appliance.telemetry.decoding.documents import NotJSONError, Reading, lies_in_lines, parse, spans
from appliance.telemetry.decoding.evtx import decode_evtx
from appliance.telemetry.decoding.generic import generic_event, generic_line
from appliance.telemetry.decoding.honeypots import honeypot_event, pot_of
from appliance.telemetry.decoding.journald import is_journal, journal_event
from appliance.telemetry.decoding.osquery import is_osquery, osquery_event
from appliance.telemetry.decoding.schemas import ecs_event, is_ecs, is_ocsf, ocsf_event
from appliance.telemetry.decoding.shippers import inner_document, shipped_event
from appliance.telemetry.decoding.suricata import suricata_event
from appliance.telemetry.decoding.syslog import is_header
from appliance.telemetry.decoding.text import access_or_line, decode_csv, decode_text, text_event
from appliance.telemetry.decoding.weblogs import is_access_line
from appliance.telemetry.decoding.windows import decode_windows_json
from appliance.telemetry.decoding.windows import windows_event as built_windows_event
from appliance.telemetry.decoding.windows_shippers import is_winlogbeat
from appliance.telemetry.decoding.zeek import name_in, zeek_event
from appliance.telemetry.events import Bounds, Decoded, Decoder, Event

_ZEEK_MARKS = frozenset(("_path", "@stream", "uid", "fuid", "id.orig_h", "id_orig_h", "id.resp_h"))
# A key that only Windows events have; inside a JSON string its quotes would be escaped.
_WINDOWS = re.compile(
    rb'"(?:Channel|winlog)"\s{0,8}:|"Event"\s{0,8}:\s{0,8}\{\s{0,8}"(?:System|#attributes)"'
)
_WINDOWS_NAMES = (b'"Channel"', b'"winlog"', b'"Event"')
_SAMPLE_BYTES = 65_536
_SAMPLE_LINES = 8
_CSV_HEADER = re.compile(r'"?[A-Za-z@_][\w .@/()-]*"?(?:,"?[A-Za-z@_][\w .@/()-]*"?){2,}\r?\Z')
_EVTX = b"ElfFile\x00"
_SURELY_A_RECORD_BYTES = 32_768
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def prepare(bounds: Bounds, options: Mapping[str, str]) -> Context:
    """A context whose nested messages are dispatched by content."""
    context = Context(bounds, options)
    context.object_event = object_event
    context.text_event = text_event
    return context


def object_event(document: dict[str, Any], context: Context, piece: bytes) -> Event:
    """One event out of a JSON object in whichever format it is."""
    if "event_type" in document and ("flow_id" in document or document["event_type"] == "stats"):
        return suricata_event(document, context, piece)
    if text_of(document.get("eventid")).startswith("cowrie."):
        return cowrie_event(document, context, piece)
    if "ts" in document and (_ZEEK_MARKS & document.keys() or name_in(context.options.get("filename", ""))):
        return zeek_event(document, context, piece)
    if is_winlogbeat(document):
        return winlogbeat_event(document, context, piece) or generic_event(document, context, piece)
    if _is_windows(document):
        return windows_event(document, context) or generic_event(document, context, piece)
    return _wrapped_event(document, context, piece) or _known_event(document, context, piece)


def decode_json(body: bytes, bounds: Bounds, options: Mapping[str, str]) -> Decoded:
    """JSON documents of any mixture; runs of Windows events go to their decoder whole."""
    context = prepare(bounds, options)
    reading = Reading(body, context, object_event)
    run: list[framing.Span] = []
    in_lines = lies_in_lines(body)
    for start, end in framing.lines(body) if in_lines else spans(body):
        if len(reading.decoded.events) + len(run) >= bounds.events:
            reading.refuse(start, len(body), f"more than {bounds.events} events in one body")
            break
        if _looks_like_windows(body, start, end):
            run.append((start, end))
            continue
        if run:
            _add_windows(reading, body, run, context, in_lines=in_lines)
            run = []
        reading.add(start, end)
    if run:
        _add_windows(reading, body, run, context, in_lines=in_lines)
    return reading.decoded


def decode_auto(body: bytes, bounds: Bounds, options: Mapping[str, str]) -> Decoded:
    """Any body, by its content; the option `filename` helps where the content says too little."""
    name = detect(body)
    if name == "lines" and options.get("filename", "").lower().endswith(".csv"):
        name = "csv"
    return _BODIES[name](body, bounds, options)


def _looks_like_windows(body: bytes, start: int, end: int) -> bool:
    place = body.find(_WINDOWS_NAMES[0], start, end)
    if place >= 0 and body.startswith(b":", place + len(_WINDOWS_NAMES[0])):
        return True
    # Plain searches first: they cost a tenth of the expression, and most lines have none of these names.
    return any(body.find(name, start, end) >= 0 for name in _WINDOWS_NAMES) and (
        _WINDOWS.search(body, start, end) is not None
    )


def detect(body: bytes) -> str:
    """
    The format's name, as `registry.FORMATS` has it.

    "json" stands for any JSON, also mixed, for its decoder tells each object apart.
    """
    if body.startswith(_EVTX):
        return "evtx"
    start, end = framing.first_byte(body[:_SAMPLE_BYTES])
    first = body[start:end]
    if first == b"[" or (first == b"{" and _reads_as_json(body, start)):
        return "json"
    sample = [
        body[begin:stop].decode("utf-8", "replace")
        for (begin, stop), _ in zip(framing.lines(body[:_SAMPLE_BYTES]), range(_SAMPLE_LINES), strict=False)
    ]
    return _detect_lines(sample)


def _detect_lines(sample: list[str]) -> str:
    if not sample:
        return "lines"
    line = sample[0]
    tests = {
        "cef": line.startswith("CEF:"),
        "leef": line.startswith("LEEF:"),
        "auditd": not is_header(line) and audit_id(line.encode("utf-8", "replace")) != b"",
        "webserver": not is_header(line) and any(map(is_access_line, sample)),
        "syslog": line.startswith("<Event") or any(map(is_header, sample)),
        "csv": len(sample) > 1 and _CSV_HEADER.match(line) is not None,
    }
    return next((name for name, is_so in tests.items() if is_so), "lines")


def _reads_as_json(body: bytes, start: int) -> bool:
    if len(body) > _SAMPLE_BYTES:
        return True
    # `{` may open a line of text as well; one readable document settles it.
    for begin, stop in spans(body):
        try:
            parse(body[begin:stop])
        except NotJSONError:
            continue
        return True
    return b'"' in body[start:]


def _is_windows(document: dict[str, Any]) -> bool:
    if "winlog" in document or "Channel" in document:
        return True
    if "EventID" in document and (
        "SourceName" in document or "ProviderName" in document or "Provider" in document
    ):
        return True
    event = document.get("Event")
    return type(event) is dict and "System" in event


def _wrapped_event(document: dict[str, Any], context: Context, piece: bytes) -> Event | None:
    if is_journal(document):
        return journal_event(document, context, piece)
    inner = inner_document(document)
    if inner is not None and context.nesting < DEEPEST_NESTING:
        context.nesting += 1
        try:
            return object_event(inner, context, piece)
        finally:
            context.nesting -= 1
    return shipped_event(document, context, piece)


def _known_event(document: dict[str, Any], context: Context, piece: bytes) -> Event:
    if is_osquery(document):
        return osquery_event(document, context, piece)
    if is_ocsf(document):
        return ocsf_event(document, context, piece)
    if pot_of(document):
        return honeypot_event(document, context, piece)
    if service_of(document):
        return cloud_event(document, context, piece)
    if is_ecs(document):
        return ecs_event(document, context, piece)
    return generic_event(document, context, piece)


def windows_event(document: dict[str, Any], context: Context) -> Event | None:
    """One Windows event that came nested in something else; None if its decoder knows it not."""
    events = decode_windows_json(orjson.dumps(document), context.bounds, context.options).events
    return events[0] if events else None


def winlogbeat_event(document: dict[str, Any], context: Context, piece: bytes) -> Event | None:
    """
    One document of Winlogbeat 5 or 6; None if its decoder knows it not.

    Its keys are words that others use too, so only the parsed document tells: it comes here and not in a run.
    """
    if len(piece) > _SURELY_A_RECORD_BYTES:
        return windows_event(document, context)  # which bounds what a record can be
    outcome = built_windows_event(document, context.bounds, context.options.get("host", "").lower())
    return outcome if isinstance(outcome, Event) else None


def _add_windows(
    reading: Reading, body: bytes, run: list[framing.Span], context: Context, *, in_lines: bool
) -> None:
    """Hands a run of Windows objects to their decoder and moves what it found to its place in the body."""
    if in_lines and all(later == end + 1 for (_, end), (later, _) in pairwise(run)):
        _add_windows_lines(reading, body, run, context)
        return
    # A line break in JSON stands only where a blank may, so the pieces can be joined as lines.
    joined = b"\n".join(body[start:end].replace(b"\n", b" ") for start, end in run)
    offsets: list[int] = []
    position = 0
    for start, end in run:
        offsets.append(position)
        position += end - start + 1
    found = decode_windows_json(joined, context.bounds, context.options)
    for event in found.events:
        shift = _shift(event.start, run, offsets)
        event.start, event.end = event.start + shift, event.end + shift
    reading.decoded.events.extend(found.events)
    for piece in found.malformed:
        shift = _shift(piece.start, run, offsets)
        reading.refuse(piece.start + shift, piece.end + shift, piece.reason)


def _add_windows_lines(reading: Reading, body: bytes, run: list[framing.Span], context: Context) -> None:
    """The same for lines that follow one another, which need not be copied one by one."""
    first, last = run[0][0], run[-1][1]
    found = decode_windows_json(body[first:last], context.bounds, context.options)
    for event in found.events if first else ():
        event.start, event.end = event.start + first, event.end + first
    reading.decoded.events.extend(found.events)
    for piece in found.malformed:
        reading.refuse(piece.start + first, piece.end + first, piece.reason)


def _shift(start: int, run: list[framing.Span], offsets: list[int]) -> int:
    index = bisect_right(offsets, start) - 1
    return run[index][0] - offsets[index]


def decode_syslog(body: bytes, bounds: Bounds, options: Mapping[str, str]) -> Decoded:
    """Syslog messages, one a line."""
    return decode_text(body, prepare(bounds, options), framing.lines(body), text_event)


def decode_syslog_frames(body: bytes, bounds: Bounds, options: Mapping[str, str]) -> Decoded:
    """Syslog messages with octet counts, as the receivers hand them on."""
    return decode_text(body, prepare(bounds, options), framing.counted(body), text_event)


def decode_access(body: bytes, bounds: Bounds, options: Mapping[str, str]) -> Decoded:
    """A web server's access log."""
    return decode_text(body, prepare(bounds, options), framing.lines(body), access_or_line)


def decode_plain(body: bytes, bounds: Bounds, options: Mapping[str, str]) -> Decoded:
    """Lines of which nothing is known but what the mapping says."""
    return decode_text(body, prepare(bounds, options), framing.lines(body), generic_line)


_BODIES: dict[str, Decoder] = {
    "json": decode_json,
    "syslog": decode_syslog,
    "auditd": decode_syslog,
    "cef": decode_syslog,
    "leef": decode_syslog,
    "webserver": decode_access,
    "csv": decode_csv,
    "lines": decode_plain,
    "evtx": decode_evtx,
}
