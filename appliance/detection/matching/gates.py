"""
Literals that a text must hold before a regular expression can match it.

A multi-pattern scan looks for the gates of all expressions at once; RE2 runs only where a gate opened.
A gate may open for nothing, but never stay shut wrongly: whatever is in doubt has no gate.
"""

import re
from functools import lru_cache
from importlib import import_module
from typing import Any, Final

# The parser of the standard library, private in name only since 3.11. It has no stubs, and whether a type
# checker knows the modules by their import depends on what else it has read.
codes, parser = import_module("re._constants"), import_module("re._parser")

_SHORTEST: Final = 3
_MOST_ALTERNATIVES: Final = 32


@lru_cache(maxsize=4096)
def gates_of(pattern: str) -> tuple[str, ...] | None:
    """
    Folded literals of which a matching text holds at least one, or None if none can be told.

    Only ASCII letters count, because RE2 and `fold` agree on their case under every flag.
    """
    if "[[:" in pattern:  # a POSIX class to RE2, a nested set to the standard library
        return None
    try:
        tree = parser.parse(pattern)
    except (re.error, OverflowError, RecursionError):
        return None
    found = _required(tree)
    return found if found and min(map(len, found)) >= _SHORTEST else None


def _required(sequence: Any) -> tuple[str, ...]:
    """The best set of alternatives that one element of a sequence requires; () if none does."""
    best: tuple[str, ...] = ()
    run = ""
    for code, argument in sequence:
        if code is codes.LITERAL and argument < 0x80:  # noqa: PLR2004 — the end of ASCII
            run += chr(argument).lower()
            best = _better(best, (run,))
            continue
        run = ""
        best = _better(best, _required_by(code, argument))
    return best


def _required_by(code: Any, argument: Any) -> tuple[str, ...]:
    if code is codes.SUBPATTERN:
        return _required(argument[3])
    if code in (codes.MAX_REPEAT, codes.MIN_REPEAT) and argument[0] >= 1:
        return _required(argument[2])
    if code is codes.BRANCH:
        each = [_required(branch) for branch in argument[1]]
        union = tuple(dict.fromkeys(literal for required in each for literal in required))
        return union if all(each) and len(union) <= _MOST_ALTERNATIVES else ()
    return ()


def _better(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return max(one, other, key=lambda alternatives: min(map(len, alternatives), default=0))
