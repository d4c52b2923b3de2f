"""
Telemetry is written by attackers and shown on an administrator's terminal or in his spreadsheet.

Invariants:
- Nothing reaches a terminal that could move its cursor, colour it, retitle it or reverse its text
  (CWE-150; control characters, ANSI sequences, Unicode bidi marks): each is shown as its escape.
- No cell of a CSV file starts what a spreadsheet takes for a formula (CWE-1236).
"""

import re

_FORMULA = re.compile(r"^[=+\-@\t\r\n\x00\uff1d\uff0b\uff0d\uff20]")


def inert(text: str, *, keep: str = "") -> str:
    r"""The text with everything that is not printable as a visible escape such as \x1b or \u202e."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in keep else _escape(one) for one in text)


def inert_json(text: str) -> str:
    """A JSON document with what is not printable as JSON escapes, so that it still says the same."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\n" else _json_escape(one) for one in text)


def cell(value: object) -> str:
    """One value for a CSV file: inert, and no formula. Numbers stay numbers."""
    if isinstance(value, bool | int | float):
        return str(value)
    text = "" if value is None else str(value)
    return ("'" if _FORMULA.match(text) else "") + inert(text)


def _escape(one: str) -> str:
    return one.encode("unicode_escape").decode("ascii")


def _json_escape(one: str) -> str:
    units = one.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
