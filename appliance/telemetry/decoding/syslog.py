"""
Syslog messages: RFC 5424, RFC 3164 with its many dialects, and the same lines as they stand in log files.

Invariants:
- Any text is a syslog message: RFC 3164 knows no malformed one, so only bounds make a line malformed.
- What a message carries (CEF, LEEF, JSON, audit records, Sysmon XML) is decoded as what it is; the
  header then only supplies host and time where the content has none.
"""

import re
from typing import NamedTuple

from appliance.telemetry.decoding import programs
from appliance.telemetry.decoding.aliases import CONNECTION, apply
from appliance.telemetry.decoding.context import DEEPEST_NESTING, Context
from appliance.telemetry.decoding.documents import NotJSONError, parse
from appliance.telemetry.decoding.flattening import Fields
from appliance.telemetry.decoding.times import from_bsd, from_iso
from appliance.telemetry.events import Event

_PRIORITY = re.compile(r"<(\d{1,3})>")
_RFC5424 = re.compile(r"1 (\S+) (\S+) (\S+) (\S+) (\S+) ?")
_ELEMENT = re.compile(r'\[([^\s\]"=]++)((?: ++[^\s\]"=]++="(?:[^"\\\]]++|\\.)*+")*+) *+\]', re.DOTALL)
_PARAMETER = re.compile(r'([^\s\]"=]++)="((?:[^"\\\]]++|\\.)*+)"', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\\]])')
# Cisco puts a sequence number before the time and a star or dot where its clock is unsure.
_BSD_TIME = re.compile(
    r"(?:\d{1,10}: )?[*.]?([A-Z][a-z]{2}) {1,2}(\d{1,2}) (?:(\d{4}) )?(\d\d:\d\d:\d\d)(?:\.\d{1,9})?"
    r"(?: [A-Z]{3,5})?:? "
)
_ISO_TIME = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?) ")
_TAG = re.compile(r"([^\s:\[\]()|={}]{1,128})(?:\(([^)\s]{0,64})\))?(?:\[([^\]\s]{0,32})\])?:(?: |$)")
_BARE_TAG = re.compile(r"([^\s:\[\]()|={}]{1,128})\[(\d{1,10})\] ")
_HOST = re.compile(r"([^\s:\[\]=|{}(]{1,255}|[0-9A-Fa-f:.]{2,45}) ")
# Cisco devices begin a message with %FACILITY-SEVERITY-MNEMONIC; what was typed is logged under these.
_CISCO = re.compile(r"%([a-z0-9_]{1,32})-(?:[a-z0-9_]{1,32}-)?[0-7]-[a-z0-9_]{1,64}\Z")
_CISCO_KINDS = {
    "aaa": "cisco.aaa", "aaaa": "cisco.aaa", "parser": "cisco.aaa", "sys": "cisco.aaa", "bgp": "cisco.bgp",
    "ldp": "cisco.ldp", "tcp": "cisco.bgp",
}  # fmt: skip
_FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5",
    "local6", "local7",
)  # fmt: skip
_SEVERITIES = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"]
_HIGHEST_PRIORITY = 191
_MOST_PARAMETERS = 512
_BOM = "\ufeff"


class Header(NamedTuple):
    """What stands before the message."""

    host: str = ""
    program: str = ""
    pid: str = ""
    time: int = 0
    priority: int = -1
    msgid: str = ""
    module: str = ""


def syslog_event(text: str, context: Context, piece: bytes) -> Event:
    """One syslog message, with or without a priority in front."""
    fields: Fields = {}
    header, message = split(text, context, fields)
    return message_event(header, message, fields, context, piece)


def message_event(header: Header, message: str, fields: Fields, context: Context, piece: bytes) -> Event:
    """The event of a message whose header is already known (from the wire or from a shipper's JSON)."""
    inner = _content(message, context, piece)
    if inner is not None:
        inner.time = inner.time or header.time
        if header.host and inner.host in ("", context.host):
            inner.host = header.host.lower()
        return inner
    program = header.program.rsplit("/", 1)[-1].lower()
    _add_header(fields, header)
    fields["message"] = message
    programs.add_program_fields(fields, program, message)
    apply(fields, CONNECTION)
    return Event(
        _kind(program),
        "",
        "",
        fields,
        header.time,
        header.host.lower() or context.host,
    )


def _kind(program: str) -> str:
    if program.startswith("%"):
        cisco = _CISCO.match(program)
        if cisco:
            return _CISCO_KINDS.get(cisco[1], "cisco.syslog")
    return programs.KINDS.get(program, "linux.syslog")


def is_header(text: str) -> bool:
    """Whether the text begins as syslog does: with a priority or a time."""
    return any(pattern.match(text) for pattern in (_PRIORITY, _BSD_TIME, _ISO_TIME))


def split(text: str, context: Context, fields: Fields) -> tuple[Header, str]:
    """Parts the message from its header; structured data goes into `fields`."""
    priority = -1
    match = _PRIORITY.match(text)
    if match and int(match[1]) <= _HIGHEST_PRIORITY:
        priority = int(match[1])
        text = text[match.end() :]
        modern = _RFC5424.match(text)
        if modern:
            return _modern(modern, text, priority, context, fields)
    return _traditional(text, priority, context)


def _modern(
    match: "re.Match[str]", text: str, priority: int, context: Context, fields: Fields
) -> tuple[Header, str]:
    stamp, host, program, pid, msgid = ("" if value == "-" else value for value in match.groups())
    rest = text[match.end() :]
    rest = rest[1:].removeprefix(" ") if rest.startswith("-") else _structured_data(rest, fields)
    header = Header(host, program, pid, from_iso(stamp, context.zone), priority, msgid)
    return header, rest.removeprefix(_BOM)


def _structured_data(text: str, fields: Fields) -> str:
    position = 0
    while len(fields) < _MOST_PARAMETERS:
        element = _ELEMENT.match(text, position)
        if element is None:
            break
        for parameter in _PARAMETER.finditer(element[2]):
            fields[f"{element[1]}.{parameter[1]}"] = _ESCAPED.sub(r"\1", parameter[2])
        position = element.end()
    return text[position:].removeprefix(" ") if position else text


def _traditional(text: str, priority: int, context: Context) -> tuple[Header, str]:
    time = 0
    match = _BSD_TIME.match(text)
    if match:
        time = _bsd_time(match, context)
    else:
        match = _ISO_TIME.match(text)
        if match:
            time = from_iso(match[1].replace(",", "."), context.zone)
    if match is None:
        if priority < 0:
            return Header(), text
        header, message = _tagged(text)
        return header._replace(priority=priority), message
    rest = text[match.end() :]
    header, message = _tagged(rest)
    if not header.program:
        host = _HOST.match(rest)
        if host:
            header, message = _tagged(rest[host.end() :])
            header = header._replace(host=host[1])
    return header._replace(time=time, priority=priority), message


def _tagged(text: str) -> tuple[Header, str]:
    match = _TAG.match(text)
    if match:
        return Header(program=match[1], module=match[2] or "", pid=match[3] or ""), text[match.end() :]
    match = _BARE_TAG.match(text)
    if match:
        return Header(program=match[1], pid=match[2]), text[match.end() :]
    return Header(), text


def _bsd_time(match: "re.Match[str]", context: Context) -> int:
    month, day, year, clock = match.groups()
    if year:
        # A year that is given needs no guess: its last day stands in for the day of receipt.
        last = from_iso(f"{year}-12-31")
        return from_bsd(month, int(day), clock, last // 86_400_000_000 - 2, context.zone) if last else 0
    if not context.received_day:
        return 0
    return from_bsd(month, int(day), clock, context.received_day, context.zone)


def _add_header(fields: Fields, header: Header) -> None:
    if header.priority >= 0:
        fields["facility"] = _FACILITIES[header.priority >> 3]
        fields["severity"] = _SEVERITIES[header.priority & 7]
    for name, value in (
        ("program", header.program),
        ("pid", header.pid),
        ("msgid", header.msgid),
        ("module", header.module),
        ("hostname", header.host),
    ):
        if value:
            fields[name] = value


def _content(message: str, context: Context, piece: bytes) -> Event | None:
    """The event inside the message, where the message is one in a format of its own."""
    if context.nesting >= DEEPEST_NESTING:
        return None
    context.nesting += 1
    try:
        return _nested(message.lstrip(), context, piece)
    finally:
        context.nesting -= 1


def _nested(message: str, context: Context, piece: bytes) -> Event | None:
    start = message[:5]
    if start in ("@cee:", "@cim:"):
        message = message[5:].lstrip()
        start = message[:5]
    if start[:1] == "{" and context.object_event is not None:
        try:
            document = parse(message.encode("utf-8", "replace"))
        except NotJSONError:
            return None
        return context.object_event(document, context, piece) if type(document) is dict else None
    if context.text_event is not None and (
        start[:4] == "CEF:" or start in ("LEEF:", "<Even") or "audit(" in message[:200]
    ):
        return context.text_event(message, context, piece)
    return None
