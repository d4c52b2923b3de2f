"""
Regular expressions that Vectorscan can decide in the same pass as everything else.

RE2 defines what an expression means (`expressions.linear_regex`); Vectorscan reads bytes as PCRE does. They
agree on an expression that only uses what is listed here, over text that only holds what is listed here.

Invariants:
- An expression that uses anything else is not translated; RE2 decides it.
- `masked` puts one control character, of no class but the negated ones, in the place of each character
  that the two would read differently.
"""

import re
from typing import Final

from appliance.detection.matching.databases import Pattern, compiles, regex_flags
from appliance.detection.sigma.tree import Regex

# Escapes with one meaning in both: classes of ASCII, word boundaries, white space and punctuation.
_CLASSES: Final = frozenset("sSwWdDtnrf")
_BOUNDARIES: Final = frozenset("bB")
_QUANTIFIER: Final = re.compile(r"\{\d+(?:,\d*)?\}")
# The vertical tab is white space to PCRE only.
_READ_DIFFERENTLY: Final = re.compile("[^\\x00-\\x0a\\x0c-\\x7f]")
_PLACEHOLDER: Final = "\x01"
# The letters outside ASCII that are the same as ASCII ones where case is ignored.
_FOLDING_TO_ASCII: Final = ("\u017f", "\u212a", "\u0130")
_LONGEST: Final = 512
_LEADING_FLAGS: Final = re.compile(r"\(\?([ims]+)\)")


def masked(text: str) -> str:
    """Text of ASCII that translated expressions match exactly if they match the text itself."""
    return _READ_DIFFERENTLY.sub(_PLACEHOLDER, text)


def is_unmasked(text: str) -> bool:
    """Whether masking leaves this text alone, and puts it nowhere."""
    return _PLACEHOLDER not in text and masked(text) == text


def is_special(text: str) -> bool:
    """Whether a character of the text is an ASCII letter, or makes the text longer, where case is ignored."""
    return any(letter in text for letter in _FOLDING_TO_ASCII)


def scan_pattern(test: Regex) -> Pattern | None:
    """The expression for Vectorscan, or None if only RE2 can decide it."""
    text, flags = _without_leading_flags(test)
    expression = _translated(text, flags)
    pattern = None if expression is None else Pattern(expression, regex_flags(flags))
    return pattern if pattern and compiles(pattern) else None


def ignores_case(test: Regex) -> bool:
    """Whether a scanned expression does."""
    return "i" in _without_leading_flags(test)[1]


def _without_leading_flags(test: Regex) -> tuple[str, str]:
    leading = _LEADING_FLAGS.match(test.pattern)
    return (test.pattern[leading.end() :], test.flags + leading[1]) if leading else (test.pattern, test.flags)


def _translated(pattern: str, flags: str) -> bytes | None:
    """Outside ASCII, only members of classes are translated, which text of ASCII never is."""
    if "m" in flags or len(pattern) > _LONGEST or ("i" in flags and not pattern.isascii()):
        return None
    pieces: list[str] = []
    position = 0
    while position < len(pattern):
        piece, position = _class(pattern, position) if pattern[position] == "[" else _atom(pattern, position)
        if piece is None:
            return None
        pieces.append(piece)
    return "".join(pieces).encode("utf-8", "surrogatepass")


def _atom(pattern: str, position: int) -> tuple[str | None, int]:
    """What stands outside a class, and where the next begins; None if it is not translated."""
    char = pattern[position]
    if char == "\\":
        escape = _escape(pattern, position, _CLASSES | _BOUNDARIES)
        return escape, position + 2
    if char == "$":  # before a final line feed as well to PCRE, the very end to RE2
        return r"\z", position + 1
    if char == "(" and pattern.startswith(("(?", "(*"), position) and not pattern.startswith("(?:", position):
        return None, position
    if char == "{" and not _QUANTIFIER.match(pattern, position):
        return None, position
    return (char if " " <= char <= "~" else None), position + 1


def _class(pattern: str, position: int) -> tuple[str | None, int]:
    """A class in brackets."""
    start, position = position, position + 1
    if pattern.startswith("^", position):
        position += 1
    first = position
    while position < len(pattern):
        char = pattern[position]
        if char == "]":
            return (None if position == first else pattern[start : position + 1]), position + 1
        if char == "[" or char < " " or char == "\x7f":
            break
        if char == "\\":
            if _escape(pattern, position, _CLASSES) is None:
                break
            position += 1
        position += 1
    return None, position


def _escape(pattern: str, position: int, letters: frozenset[str]) -> str | None:
    escaped = pattern[position + 1 : position + 2]
    is_punctuation = " " < escaped <= "~" and not escaped.isalnum()
    return "\\" + escaped if escaped and (is_punctuation or escaped in letters) else None
