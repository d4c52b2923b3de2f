"""
Bodies made of lines or counted frames of text.

Invariant: the adjacent audit records of one event are one event, also inside syslog; everything else is one
event a line.
"""

import csv
import re
from collections.abc import Iterable, Mapping

from appliance.telemetry.decoding import framing
from appliance.telemetry.decoding.auditd import MOST_RECORDS, audit_id, auditd_event
from appliance.telemetry.decoding.cef import cef_event, leef_event
from appliance.telemetry.decoding.context import Context, TextBuilder
from appliance.telemetry.decoding.flattening import BoundExceededError, Fields
from appliance.telemetry.decoding.generic import generic_line, mapped_event
from appliance.telemetry.decoding.syslog import split, syslog_event
from appliance.telemetry.decoding.sysmon_linux import UnsafeXMLError, sysmon_event
from appliance.telemetry.decoding.weblogs import access_event
from appliance.telemetry.events import Bounds, Decoded, Event, Malformed

_RECORD = re.compile(rb'(?:[^"\n]++|"(?:[^"]++|"")*+(?:"|\Z))++')
_LONGEST_COLUMN_NAME = 256


def text_event(text: str, context: Context, piece: bytes) -> Event:
    """One event out of a line of text in whichever format it is."""
    if text.startswith("CEF:"):
        return cef_event(text, context, piece)
    if text.startswith("LEEF:"):
        return leef_event(text, context, piece)
    if "audit(" in text[:200]:
        line = text.encode("utf-8", "replace")
        if audit_id(line):
            return auditd_event([line], context)
    if text.startswith("<Event"):
        try:
            return sysmon_event(text, context, piece)
        except UnsafeXMLError as error:
            return Event("linux.syslog", "", "", {"message": text, "reason": str(error)}, host=context.host)
    return syslog_event(text, context, piece)


def access_or_line(text: str, context: Context, piece: bytes) -> Event:
    """A web server's access line, or the bare line where it is another."""
    return access_event(text, context, piece) or syslog_event(text, context, piece)


def decode_text(body: bytes, context: Context, spans: Iterable[framing.Span], build: TextBuilder) -> Decoded:
    """Each span as one event, adjacent audit records of one event together."""
    decoded = Decoded(events=[], malformed=[])
    bounds = context.bounds
    group: list[framing.Span] = []
    group_id = b""
    for start, end in spans:
        if len(decoded.events) >= bounds.events:
            reason = f"more than {bounds.events} events in one body"
            decoded.malformed.append(Malformed(start, len(body), reason))
            break
        line = body[start:end]
        audit = audit_id(line) if b"audit(" in line[:2048] and end - start <= bounds.event_bytes else b""
        if group and (audit != group_id or len(group) >= MOST_RECORDS):
            _add_group(decoded, body, group, context)
            group = []
        if audit:
            group.append((start, end))
            group_id = audit
        else:
            _add_line(decoded, line, start, context, build)
    if group:
        _add_group(decoded, body, group, context)
    return decoded


def decode_csv(body: bytes, bounds: Bounds, options: Mapping[str, str]) -> Decoded:
    """Comma-separated values; the columns' names are the first record, or the option `columns`."""
    context = Context(bounds, options)
    names = _cells(options.get("columns", ""))
    decoded = Decoded(events=[], malformed=[])
    start = 3 if body.startswith(b"\xef\xbb\xbf") else 0
    for match in _RECORD.finditer(body, start):
        if match[0].isspace():
            continue
        if len(decoded.events) >= bounds.events:
            reason = f"more than {bounds.events} events in one body"
            decoded.malformed.append(Malformed(match.start(), len(body), reason))
            break
        if not names:
            names = [name.strip()[:_LONGEST_COLUMN_NAME] for name in _cells(_text(match[0]))][: bounds.fields]
        else:
            _add_row(decoded, match, names, context)
    return decoded


def _add_row(decoded: Decoded, match: "re.Match[bytes]", names: list[str], context: Context) -> None:
    start, end = match.span()
    end -= match[0].endswith(b"\r")
    cells = _cells(_text(match[0])) if end - start <= context.bounds.event_bytes else []
    if not cells or len(cells) > len(names):
        reason = f"{len(cells)} cells under {len(names)} columns" if cells else "no readable record"
        decoded.malformed.append(Malformed(start, end, reason))
        return
    fields: Fields = {name: cell for name, cell in zip(names, cells, strict=False) if name}
    event = mapped_event(fields, context)
    event.start, event.end = start, end
    decoded.events.append(event)


def _cells(text: str) -> list[str]:
    try:
        return next(csv.reader([text], strict=False), []) if text else []
    except csv.Error:
        return []


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r").replace("\0", "\ufffd")


def _add_line(decoded: Decoded, line: bytes, start: int, context: Context, build: TextBuilder) -> None:
    if len(line) > context.bounds.event_bytes:
        reason = f"longer than {context.bounds.event_bytes} bytes"
        decoded.malformed.append(Malformed(start, start + len(line), reason))
        return
    try:
        # Senders of counted messages often leave a line ending inside; it is no part of what was said.
        event = build(line.decode("utf-8", "replace").rstrip("\r\n\0"), context, line)
    except BoundExceededError as error:
        decoded.malformed.append(Malformed(start, start + len(line), str(error)))
        return
    event.start = start
    event.end = start + len(line)
    decoded.events.append(event)


def _add_group(decoded: Decoded, body: bytes, spans: list[framing.Span], context: Context) -> None:
    start, end = spans[0][0], spans[-1][1]
    if end - start > context.bounds.event_bytes:
        reason = f"longer than {context.bounds.event_bytes} bytes"
        decoded.malformed.append(Malformed(start, end, reason))
        return
    lines = [body[first:last] for first, last in spans]
    header, _ = split(lines[0][:1024].decode("utf-8", "replace"), context, {})
    try:
        event = auditd_event(lines, context, header.host)
    except BoundExceededError as error:
        decoded.malformed.append(Malformed(start, end, str(error)))
        return
    event.time = event.time or header.time
    event.start, event.end = start, end
    decoded.events.append(event)


__all__ = ["access_or_line", "decode_csv", "decode_text", "generic_line", "text_event"]
