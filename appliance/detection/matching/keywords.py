"""
A quick no to keywords: most events hold none, and all their values would have to be scanned to know.

The fields are serialised once, which is far cheaper than touching each value, and the bytes are scanned
for a literal of each keyword. Only if one is there are the values scanned one by one.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from appliance.detection.matching.databases import DatabaseStore, Scan, scanner
from appliance.detection.matching.gates import gates_of
from appliance.detection.matching.globs import literal_expression, literals
from appliance.detection.sigma.tree import Regex, Test, Text
from appliance.telemetry.events import Value

_LONGEST_GATE: Final = 64
# The letters outside ASCII that `fold` turns into ASCII ones: İ, the Kelvin sign and the long s.
FOLDING_TO_ASCII: Final = tuple(letter.encode() for letter in ("\u0130", "\u212a", "\u017f"))
_PART_OF_A_FLOAT: Final = re.compile(r"[0-9.]*e?[+-]?[0-9.]*")
_DIGITS_OF_AN_EXPONENT: Final = 3


class KeywordGate:
    """Opens if an event could hold a keyword; it may open for nothing, but never stays shut wrongly."""

    def __init__(self, tests: Sequence[Test], store: DatabaseStore | None = None) -> None:
        self._scan: Scan | None = None
        gates = [_gates(test) for test in tests]
        if all(gates):
            expressions = dict.fromkeys(_expression(gate) for each in gates for gate in each)
            letters = map(literal_expression, FOLDING_TO_ASCII)
            self._scan = scanner([*expressions, *letters], store, caseless=True)

    def opens(self, fields: Mapping[str, Value]) -> bool:
        if self._scan is None:
            return True
        try:
            serialised = orjson.dumps(fields)
        except TypeError:  # a lone surrogate, which JSON cannot spell
            return True
        return bool(self._scan(serialised))


def _gates(test: Test) -> tuple[str, ...]:
    """ASCII literals of which a matching value holds at least one; () if none can be told."""
    if isinstance(test, Regex):
        return _usable(gates_of(test.pattern) or ())
    if not isinstance(test, Text):
        return ()
    runs = [run for literal in literals(test.parts) for run in _ascii_runs(literal) if run]
    longest = max(runs, key=len, default="")[:_LONGEST_GATE]
    return _usable((longest,))


def _usable(gates: tuple[str, ...]) -> tuple[str, ...]:
    # Serialising writes some numbers in another way than they are compared in: 7e-05 as 0.00007.
    return () if any(_could_be_in_a_float(gate.lower()) for gate in gates) else gates


def _could_be_in_a_float(gate: str) -> bool:
    if gate.isdigit():
        return len(gate) <= _DIGITS_OF_AN_EXPONENT  # longer runs of digits stay together in every notation
    return _PART_OF_A_FLOAT.fullmatch(gate) is not None or gate in "inf" or gate in "nan"


def _ascii_runs(literal: str) -> list[str]:
    """What serialising does not change, but for escapes that `_expression` repeats."""
    return "".join(char if " " <= char <= "~" else "\0" for char in literal).split("\0")


def _expression(gate: str) -> bytes:
    return literal_expression(orjson.dumps(gate)[1:-1])
