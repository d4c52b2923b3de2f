"""Patterns with wildcards, as RE2 and as Vectorscan expressions."""

import re

import re2  # type: ignore[import-untyped]  # has no stubs

from appliance.detection.matching.values import fold
from appliance.detection.sigma.tree import ANY_TEXT, Part, Text

# One character of UTF-8, surrogates included, for an engine that scans bytes.
_ONE_CHARACTER = r"(?:[\x00-\x7f]|[\xc0-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf7][\x80-\xbf]{3})"
_SAFE_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _")


def folded(test: Text) -> tuple[Part, ...]:
    """The parts as they are looked for in folded text."""
    return tuple(fold(part) if isinstance(part, str) else part for part in test.parts)


def glob_regex(test: Text) -> str:
    """
    The whole pattern as an RE2 expression, for folded text unless the test is cased.

    It needs the flag `s`.
    """
    parts = test.parts if test.cased else folded(test)
    inner = "".join(_re2_part(part) for part in parts)
    return rf"\A(?:{inner})\z"


def scan_expression(parts: tuple[Part, ...]) -> bytes:
    """A pattern as a Vectorscan expression over UTF-8 bytes; it needs the flag DOTALL."""
    start = b"" if parts[0] == ANY_TEXT else rb"\A"
    end = b"" if parts[-1] == ANY_TEXT else rb"\z"
    inner = parts[not start : len(parts) - (not end)]
    return start + b"".join(map(_scan_part, inner)) + end


def literal_expression(literal: bytes) -> bytes:
    """Bytes as a Vectorscan expression."""
    return b"".join(bytes((byte,)) if byte in _SAFE_BYTES else b"\\x%02x" % byte for byte in literal)


def literals(parts: tuple[Part, ...]) -> list[str]:
    """The literal parts, longest first: each must be in a text that matches."""
    return sorted((part for part in parts if isinstance(part, str)), key=len, reverse=True)


def _re2_part(part: Part) -> str:
    if isinstance(part, str):
        return str(re2.escape(part)) if part.isascii() else re.escape(part)
    return ".*" if part == ANY_TEXT else "."


def _scan_part(part: Part) -> bytes:
    if isinstance(part, str):
        return literal_expression(part.encode("utf-8", "surrogatepass"))
    return b".*" if part == ANY_TEXT else _ONE_CHARACTER.encode()
