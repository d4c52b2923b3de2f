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
from collections.abc import Iterable, Sequence
from typing import Final

from appliance.detection.matching.databases import finder
from appliance.detection.matching.globs import literal_expression, literals
from appliance.detection.matching.keywords import FOLDING_TO_ASCII
from appliance.detection.sigma.tree import Test, Text
from appliance.telemetry.events import Event

# Characters that no encoding on the way spells otherwise, but for the escapes below.
_RUN: Final = re.compile(r"[A-Za-z0-9 .,:;_$@#%()*+=!?^`~{}|\[\]-]+")
# What spells such a character, or a letter that folds to one, otherwise: as \\u0073 in JSON, &#115; in XML.
_ESCAPES: Final = (
    rb"\\u00[2-7]",
    rb"\\u(?:0130|017f|212a)",
    rb"&#[03-9]",
    rb"&#1[0-2]",
    rb"&#x[02-7]",
    rb"&#x1[37]",
)
_SHORTEST: Final = 4
_LIKE_A_NUMBER: Final = re.compile(r"[0-9 .einfax+-]*")
_ADDED_BY_DECODERS: Final = ("untrusted", "low", "medium plus", "high", "system", "true", "false")


class BodyGate:
    """Which events of a body could hold one of some keywords."""

    def __init__(self, tests: Iterable[Test]) -> None:
        gates = {test: _gate(test) for test in tests}
        # The tests that the gate speaks for.
        self.tests = frozenset(test for test, gate in gates.items() if gate)
        expressions = [literal_expression(gate.encode()) for gate in gates.values() if gate]
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
    usable = [run for run in runs if len(run) >= _SHORTEST and not _could_be_added(run.lower())]
    return max(usable, key=len, default="")


def _could_be_added(run: str) -> bool:
    return _LIKE_A_NUMBER.fullmatch(run) is not None or any(run in added for added in _ADDED_BY_DECODERS)
