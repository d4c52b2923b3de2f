"""
Many regular expressions in one pass: which of them could match a value?

Vectorscan suspects, RE2 decides. The two agree on ASCII text but for the vertical tab, so only such text is
scanned; for any other, every expression is a suspect.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import hyperscan

from appliance.detection.matching.databases import DatabaseStore, Scan, scanner
from appliance.detection.sigma.tree import Regex

# Perl reads this escape as a class of characters, RE2 as one.
_READ_DIFFERENTLY: Final = ("\\v", "[[:", "\\p", "\\P")

Numbered = tuple[int, Regex]


class RegexSuspects:
    """The expressions that could match a value, by the numbers of their tests."""

    def __init__(self, tests: Iterable[Numbered], store: DatabaseStore | None = None) -> None:
        numbered = list(tests)
        self.numbers = [number for number, _ in numbered]
        eligible = [(number, _expression(test)) for number, test in numbered if _is_eligible(test)]
        self._scan, self._scanned = _scanner(eligible, store)
        self._unscanned = [number for number in self.numbers if number not in set(self._scanned)]

    def numbers_for(self, raw: str) -> Sequence[int]:
        """The numbers of the tests that RE2 has to decide for a value."""
        if self._scan is None or not raw.isascii() or "\v" in raw:
            return self.numbers
        found = self._scan(raw.encode())
        return [*self._unscanned, *(self._scanned[position] for position in found)]


def _scanner(eligible: list[tuple[int, bytes]], store: DatabaseStore | None) -> tuple[Scan | None, list[int]]:
    """A scanner of those expressions that Vectorscan takes, and their numbers."""
    for each in (eligible, None):
        # Mostly all compile; only if not is each tried alone.
        chosen = [pair for pair in eligible if _compiles(pair[1])] if each is None else each
        if not chosen:
            break
        try:
            scan = scanner([expression for _, expression in chosen], store, suspecting=True)
        except hyperscan.error:
            continue
        return scan, [number for number, _ in chosen]
    return None, []


def _compiles(expression: bytes) -> bool:
    try:
        scanner([expression], suspecting=True)
    except hyperscan.error:
        return False
    return True


def _is_eligible(test: Regex) -> bool:
    return test.pattern.isascii() and not any(part in test.pattern for part in _READ_DIFFERENTLY)


def _expression(test: Regex) -> bytes:
    return (f"(?{test.flags})" if test.flags else "").encode() + test.pattern.encode()
