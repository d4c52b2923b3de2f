"""
Log lines in the JSON that shippers wrap around them: Filebeat, Logstash, Fluent Bit, Vector, rsyslog's
omelasticsearch, Sentinel exports, and search results copied out of Elasticsearch or Splunk.

A wrapper is taken off only where its message is an event in a format of its own, or where the wrapper says
which program wrote it; otherwise the document itself is the event.
"""

from typing import Any

from appliance.telemetry.decoding.context import DEEPEST_NESTING, Context, text_of
from appliance.telemetry.decoding.documents import NotJSONError, parse
from appliance.telemetry.decoding.flattening import Fields
from appliance.telemetry.decoding.syslog import Header, is_header, message_event, syslog_event
from appliance.telemetry.decoding.times import from_anything
from appliance.telemetry.decoding.weblogs import access_event
from appliance.telemetry.events import Event

_MESSAGES = ("message", "log", "MESSAGE", "SyslogMessage", "_raw", "msg", "line")
_MARKS = frozenset(
    (
        "@timestamp", "@version", "agent", "stream", "kubernetes", "input", "programname", "syslogtag",
        "appname", "ident", "SyslogMessage", "sourcetype", "source_type", "date", "tag", "_raw", "source",
        "program", "timereported", "host", "hostname",
    )
)  # fmt: skip
_PROGRAMS = ("programname", "appname", "ident", "program", "app_name", "SYSLOG_IDENTIFIER", "syslogtag")
_PIDS = ("procid", "pid", "procid", "process_id", "ProcessID")
_TIMES = ("timereported", "@timestamp", "EventTime", "timestamp", "TimeGenerated", "date", "time")
_HOSTS = ("hostname", "HostName", "Computer", "logsource", "_HOSTNAME", "fromhost", "syslog_hostname")
_NESTED = ("_source", "result")


def inner_document(document: dict[str, Any]) -> dict[str, Any] | None:
    """The event inside a search hit; None if the document is none."""
    for name in _NESTED:
        inner = document.get(name)
        if isinstance(inner, dict) and ("_index" in document or "_raw" in inner):
            return inner
    return None


def shipped_event(document: dict[str, Any], context: Context, piece: bytes) -> Event | None:
    """The event that the document carries; None if it is one itself."""
    if context.nesting >= DEEPEST_NESTING or not _MARKS & document.keys():
        return None
    message = _message(document)
    if not message:
        return None
    header = _header(document)
    event = _of_message(message, header, document, context, piece)
    if event is not None:
        event.time = event.time or header.time
        if header.host and event.host in ("", context.host):
            event.host = header.host.lower()
    return event


def _of_message(
    message: str, header: Header, document: dict[str, Any], context: Context, piece: bytes
) -> Event | None:
    text = message.lstrip()
    if text.startswith("{"):
        return _of_json(text, context, piece)
    if header.program:
        fields: Fields = {}
        for name in ("facility", "severity"):
            value = document.get(name)
            if isinstance(value, (str, int)) and not isinstance(value, bool):
                fields[name] = value
        return message_event(header, message, fields, context, piece)
    if is_header(text) or text.startswith(("CEF:", "LEEF:", "<Event")) or "audit(" in text[:200]:
        return syslog_event(text, context, piece)
    return access_event(text, context, piece)


def _of_json(text: str, context: Context, piece: bytes) -> Event | None:
    if context.object_event is None:
        return None
    try:
        inner = parse(text.encode("utf-8", "replace"))
    except NotJSONError:
        return None
    if type(inner) is not dict:
        return None
    context.nesting += 1
    try:
        return context.object_event(inner, context, piece)
    finally:
        context.nesting -= 1


def _message(document: dict[str, Any]) -> str:
    event = document.get("event")
    if isinstance(event, dict) and isinstance(event.get("original"), str):
        return str(event["original"])
    return next((document[name] for name in _MESSAGES if isinstance(document.get(name), str)), "")


def _header(document: dict[str, Any]) -> Header:
    program = next((text_of(document.get(name)) for name in _PROGRAMS if text_of(document.get(name))), "")
    if "SyslogMessage" in document:
        program = text_of(document.get("ProcessName")) or program
    name, _, rest = program.partition("[")
    pid = next((str(document[key]) for key in _PIDS if isinstance(document.get(key), (str, int))), "")
    return Header(
        host=_host(document),
        program=name.rstrip(":"),
        pid=pid or rest.rstrip("]:"),
        time=next((time for key in _TIMES if (time := from_anything(document.get(key)))), 0),
    )


def _host(document: dict[str, Any]) -> str:
    for key in ("host", "agent"):
        value = document.get(key)
        if isinstance(value, dict):
            name = text_of(value.get("name")) or text_of(value.get("hostname"))
            if name:
                return name
    named = next((text_of(document.get(key)) for key in _HOSTS if text_of(document.get(key))), "")
    return named or text_of(document.get("host"))
