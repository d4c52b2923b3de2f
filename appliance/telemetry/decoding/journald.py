"""
The systemd journal as `journalctl -o json` exports it.

Source: systemd.journal-fields(7), and systemd's "Journal Export Formats": a field that is no valid UTF-8
comes as an array of byte values; a field that occurs twice as an array of strings.
"""

from typing import Any

from appliance.telemetry.decoding.auditd import auditd_event
from appliance.telemetry.decoding.context import Context, natural_key, text_of
from appliance.telemetry.decoding.flattening import Fields, flatten
from appliance.telemetry.decoding.syslog import Header, message_event
from appliance.telemetry.decoding.times import in_range
from appliance.telemetry.events import Event

_KEPT = (
    "_EXE",
    "_CMDLINE",
    "_UID",
    "_SYSTEMD_UNIT",
    "_TRANSPORT",
    "_COMM",
    "UNIT",
    "_BOOT_ID",
    "_MACHINE_ID",
)
_LONGEST_DIGITS = 18


def is_journal(document: dict[str, Any]) -> bool:
    return "__REALTIME_TIMESTAMP" in document or ("MESSAGE" in document and "_BOOT_ID" in document)


def journal_event(document: dict[str, Any], context: Context, piece: bytes) -> Event:
    """One journal entry, read like the syslog message it stands for."""
    message = _text(document.get("MESSAGE"))
    time = _microseconds(document)
    host = _text(document.get("_HOSTNAME"))
    if document.get("_TRANSPORT") == "audit":
        event = _audit(document, message, context)
    else:
        flat = flatten({name: document[name] for name in _KEPT if name in document}, context.bounds)
        fields: Fields = {name: value for name, value in flat.items() if value is not None}
        event = message_event(_header(document, host, time), message, fields, context, piece)
    event.time = event.time or time
    event.host = event.host or host.lower()
    cursor = text_of(document.get("__CURSOR"))
    if cursor:
        event.key = natural_key("journal", cursor)
    return event


def _header(document: dict[str, Any], host: str, time: int) -> Header:
    priority = _digit(document.get("PRIORITY"), 7)
    facility = _digit(document.get("SYSLOG_FACILITY"), 23)
    return Header(
        host=host,
        program=_text(document.get("SYSLOG_IDENTIFIER")) or _text(document.get("_COMM")),
        pid=_text(document.get("SYSLOG_PID")) or _text(document.get("_PID")),
        time=time,
        priority=facility * 8 + priority if facility >= 0 and priority >= 0 else -1,
    )


def _audit(document: dict[str, Any], message: str, context: Context) -> Event:
    # The journal cuts "type=… msg=audit(…):" off and gives its parts as fields of their own.
    name = _text(document.get("_AUDIT_TYPE_NAME")) or _text(document.get("_AUDIT_TYPE"))
    serial = _text(document.get("_AUDIT_ID"))
    text = message.removeprefix(name).lstrip()
    serial = serial if serial.isdecimal() else "0"
    line = f"type={name or 'UNKNOWN'} msg=audit(0.0:{serial[:20]}): {text}"
    return auditd_event([line.encode("utf-8", "replace")], context, _text(document.get("_HOSTNAME")))


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value:
        if all(type(item) is int and 0 <= item <= 255 for item in value):  # noqa: PLR2004 — a byte
            return bytes(value).decode("utf-8", "replace")
        return _text(value[0]) if isinstance(value[0], str) else ""
    return ""


def _microseconds(document: dict[str, Any]) -> int:
    for name in ("_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP"):
        value = _text(document.get(name))
        if value.isdecimal() and len(value) <= _LONGEST_DIGITS:
            return in_range(int(value))
    return 0


def _digit(value: object, highest: int) -> int:
    text = _text(value)
    return int(text) if text.isdecimal() and len(text) <= 2 and int(text) <= highest else -1  # noqa: PLR2004
