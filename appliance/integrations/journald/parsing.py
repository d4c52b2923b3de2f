"""
A line of `journalctl --output=json` as an entry.

Source: systemd.journal-fields(7); journalctl(1), `--output=json`: what is no UTF-8 comes as a list of bytes,
what is larger than 4096 bytes as null, a field that occurs more than once as a list of these.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from appliance.cluster.timeline import Entry, Level

# What is shown; journalctl leaves the rest away.
FIELDS = ("MESSAGE", "PRIORITY", "_SYSTEMD_UNIT", "UNIT", "SYSLOG_IDENTIFIER", "_COMM", "_PID")
TOO_LARGE = "(more than 4096 bytes; `journalctl --all` on the node shows them)"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LEVELS = tuple(Level)


def entry(line: bytes, node: str) -> Entry:
    """
    Raises:
        ValueError: It is no entry of a journal.
    """
    try:
        said = msgspec.json.decode(line, type=dict[str, Any])
        time = _EPOCH + timedelta(microseconds=int(said["__REALTIME_TIMESTAMP"]))
    except (msgspec.MsgspecError, RecursionError, KeyError, TypeError, OverflowError) as error:
        raise ValueError("this is no entry of a journal, or it has no time") from error
    # What systemd says about a unit stands in its own unit and names the other one.
    unit = _text(said.get("UNIT", "")) or _text(said.get("_SYSTEMD_UNIT", ""))
    return Entry(
        time=time,
        node=node,
        unit=unit,
        level=_level(_text(said.get("PRIORITY", ""))),
        identifier=_text(said.get("SYSLOG_IDENTIFIER", "")) or _text(said.get("_COMM", "")),
        pid=_number(_text(said.get("_PID", ""))),
        message=_text(said.get("MESSAGE", "")),
    )


def _text(value: Any) -> str:
    if value is None:
        return TOO_LARGE
    if not isinstance(value, list):
        return str(value)
    if all(isinstance(one, int) and 0 <= one <= 0xFF for one in value):  # noqa: PLR2004 — a byte
        return bytes(value).decode("utf-8", "backslashreplace")
    return " ".join(_text(one) for one in value)


def _level(text: str) -> Level | None:
    number = _number(text)
    return _LEVELS[number] if number is not None and number < len(_LEVELS) else None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None  # noqa: PLR2004 — a pid has seven
