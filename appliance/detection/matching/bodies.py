"""
A quick no to keywords for a whole body of JSON: one scan says which of its events could hold any.

Rules without a log source of their own look at every value of every event, which would cost more than all
other rules together. The values of an event stand in its original, so the original is scanned instead.

Invariants:
- An event is passed over only if no value can hold a keyword, whatever the decoder made of its JSON: gates
  are runs of characters that JSON, JSON within JSON and XML within JSON leave as they are, and every way to
  spell such a character otherwise opens the gate.
- What decoders add without it standing in the original (integrity levels, numbers written in another way)
  is looked for in the gates themselves; such gates cannot be used.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from appliance.detection.matching.databases import finder
from appliance.detection.matching.globs import literal_expression, literals
from appliance.detection.matching.keywords import FOLDING_TO_ASCII
from appliance.detection.sigma.tree import Test, Text
from appliance.telemetry.events import Event

# Characters that no encoding on the way spells otherwise, but for the escapes below.
_RUN: Final = re.compile(r"[A-Za-z0-9 .,:;_$@#%()*+=!?^`~{}|\[\]-]+")
# What spells such a character, or a letter that folds to one, otherwise: as \\u0073 in JSON, &#115; in XML.
# Their beginnings only: a scan for nothing but short literals is twice as fast.
_ESCAPES: Final = (rb"\\u00", rb"\\u01", rb"\\u21", rb"&#")
# Characters that logs are full of; a few that are rarer make a piece worth looking for.
_COMMON: Final = frozenset("etaoinsrhlcdup 0123456789.,_-=%[]{}()|")
_FEWEST_RARE: Final = 2
_RARE_ENOUGH: Final = 4
_SHORTEST: Final = 4
_LIKE_A_NUMBER: Final = re.compile(r"[0-9 .einfax+-]*")
_ADDED_BY_DECODERS: Final = ("untrusted", "low", "medium plus", "high", "system", "true", "false")


class BodyGate:
    """Which events of a body could hold one of some keywords."""

    def __init__(self, tests: Iterable[Test]) -> None:
        gates = _sharing({test: _gate(test) for test in tests})
        # The tests that the gate speaks for.
        self.tests = frozenset(test for test, gate in gates.items() if gate)
        expressions = [literal_expression(gate.encode()) for gate in dict.fromkeys(gates.values()) if gate]
        letters = [literal_expression(letter) for letter in FOLDING_TO_ASCII]
        self._find = finder([*expressions, *_ESCAPES, *letters]) if self.tests else None

    def suspects(self, events: Sequence[Event], body: bytes) -> list[bool]:
        """For each event, whether one of the keywords could be in it."""
        if self._find is None:
            return [True] * len(events)
        ends = sorted(self._find(body))
        if not ends:
            return [False] * len(events)
        return [_any_within(ends, event.start, event.end) for event in events]


def _any_within(ends: Sequence[int], start: int, end: int) -> bool:
    place = bisect_left(ends, start)
    return place < len(ends) and ends[place] <= end


def _gate(test: Test) -> str:
    """A run of characters that a matching value must hold; "" if there is none to rely on."""
    if not isinstance(test, Text):
        return ""
    runs = [run for literal in literals(test.parts) for run in _RUN.findall(literal)]
    return max((run for run in runs if _is_usable(run.lower())), key=len, default="")


def _sharing(gates: Mapping[Test, str]) -> dict[Test, str]:
    """The gates cut down to their rarest pieces, shared ones first: few short literals scan faster."""
    pieces = {test: [*filter(_is_usable, _pieces(gate.lower()))] for test, gate in gates.items()}
    shared = Counter(piece for each in pieces.values() for piece in dict.fromkeys(each))
    found = {}
    for test, gate in gates.items():
        best = max(pieces[test], key=lambda piece: (_rarity(piece), shared[piece], piece), default="")
        found[test] = best if _rarity(best) >= _FEWEST_RARE else gate
    return found


def _pieces(run: str) -> Iterator[str]:
    return (run[start : start + _SHORTEST] for start in range(len(run) - _SHORTEST + 1))


def _rarity(piece: str) -> int:
    return min(_RARE_ENOUGH, sum(2 - char.isalpha() for char in piece if char not in _COMMON))


def _is_usable(run: str) -> bool:
    return len(run) >= _SHORTEST and not _could_be_added(run)


def _could_be_added(run: str) -> bool:
    return _LIKE_A_NUMBER.fullmatch(run) is not None or any(run in added for added in _ADDED_BY_DECODERS)
