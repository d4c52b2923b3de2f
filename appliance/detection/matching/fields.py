"""
All tests of one field at once: which of them does a value pass?

Invariants:
- The answer is exact. What the scan can only suspect (cased text, expressions, long patterns) is
  confirmed by `exact.predicate_of` where a gate opened.
- A value is scanned once, after `fold`.
"""

from collections.abc import Sequence
from typing import Final

from appliance.detection.matching.databases import DatabaseStore, Scan, scanner
from appliance.detection.matching.exact import Element, Predicate, predicate_of
from appliance.detection.matching.gates import gates_of
from appliance.detection.matching.globs import folded, literal_expression, literals, scan_expression
from appliance.detection.matching.regexes import Numbered, RegexSuspects
from appliance.detection.matching.values import fold, text_of
from appliance.detection.sigma.tree import (
    ANY_TEXT,
    Exists,
    Null,
    Part,
    Regex,
    Test,
    Text,
)

# Longer or more forking patterns make big automata; they are gated by their longest literal instead.
_LONGEST_SCANNED: Final = 300
_MOST_WILDCARDS: Final = 4
_LONGEST_GATE: Final = 64
_LONG: Final = 2048

Candidate = tuple[int, Predicate]


class FieldTests:
    """
    The tests of one field, compiled together.

    Attributes:
        null: The tests that a missing value passes.
        exists: The tests passed if only the field is there.
    """

    def __init__(self, tests: Sequence[Test], store: DatabaseStore | None = None) -> None:
        self.null = [number for number, test in enumerate(tests) if isinstance(test, Null)]
        self.exists = [number for number, test in enumerate(tests) if isinstance(test, Exists)]
        self._any = [number for number, test in enumerate(tests) if test == Text((ANY_TEXT,))]
        self._equal: dict[str, list[int]] = {}
        self._tails: dict[str, list[int]] = {}
        self._always: list[Candidate] = []
        self._scanned: dict[bytes, tuple[list[int], list[Candidate]]] = {}
        self._predicates: dict[int, Predicate] = {}
        self._ungated: list[Numbered] = []
        self._regexes: list[Numbered] = []
        for number, test in enumerate(tests):
            self._place(number, test)
        self.expressions = list(self._scanned)
        self._outcomes = list(self._scanned.values())
        self._scan: Scan | None = scanner(self.expressions, store) if self.expressions else None
        self._suspects = RegexSuspects(self._ungated, store) if self._ungated else None
        self._long_suspects = RegexSuspects(self._regexes, store)
        del self._scanned

    def passed(self, elements: Sequence[Element]) -> set[int]:
        """The numbers of the tests that one of the elements passes; not those in `null` and `exists`."""
        passed: set[int] = set()
        for element in elements:
            self._test(element, passed)
        return passed

    def _test(self, element: Element, passed: set[int]) -> None:
        raw = element if element.__class__ is str else text_of(element)
        text = fold(raw)
        if self._any:
            passed.update(self._any)
        if text in self._equal:
            passed.update(self._equal[text])
        if self._tails:
            tail = text[text.rfind("\\") + 1 :]
            if tail in self._tails and len(tail) < len(text):
                passed.update(self._tails[tail])
        candidates = self._always
        if self._scan:
            candidates = candidates + self._scanned_candidates(text, passed)
        if self._regexes:
            candidates = self._with_regexes(raw, candidates)
        for number, predicate in candidates:
            if number not in passed and predicate(element):
                passed.add(number)

    def _with_regexes(self, raw: str, candidates: list[Candidate]) -> list[Candidate]:
        """
        The candidates, and the expressions that could match.

        A long value may open every gate and still match nothing, so there all expressions are scanned for.
        """
        if len(raw) > _LONG:
            candidates = [candidate for candidate in candidates if candidate[0] not in self._predicates]
            numbers = self._long_suspects.numbers_for(raw)
        elif self._suspects is None:
            return candidates
        else:
            numbers = self._suspects.numbers_for(raw)
        return [*candidates, *((number, self._predicates[number]) for number in numbers)]

    def _scanned_candidates(self, text: str, passed: set[int]) -> list[Candidate]:
        suspects: list[Candidate] = []
        outcomes = self._outcomes
        for position in self._scan(text.encode("utf-8", "surrogatepass")):  # type: ignore[misc]  # not None here
            certain, suspected = outcomes[position]
            if certain:
                passed.update(certain)
            if suspected:
                suspects += suspected
        return suspects

    def _place(self, number: int, test: Test) -> None:
        """Decides how a test is answered."""
        if isinstance(test, Null | Exists) or test == Text((ANY_TEXT,)):
            return
        if isinstance(test, Text):
            self._place_text(number, test)
        elif isinstance(test, Regex):
            self._place_regex(number, test)
        else:
            self._always.append((number, predicate_of(test)))

    def _place_regex(self, number: int, test: Regex) -> None:
        self._predicates[number] = predicate_of(test)
        self._regexes.append((number, test))
        gates = gates_of(test.pattern)
        if gates:
            self._gate(number, test, gates)
        else:
            self._ungated.append((number, test))

    def _place_text(self, number: int, test: Text) -> None:
        parts = folded(test)
        if test.cased:
            self._gate_by_literal(number, test, parts)
        elif all(isinstance(part, str) for part in parts):
            self._equal.setdefault("".join(map(str, parts)), []).append(number)
        elif (tail := _tail(parts)) is not None:
            self._tails.setdefault(tail, []).append(number)
        elif _is_small(parts):
            self._scanned.setdefault(scan_expression(parts), ([], []))[0].append(number)
        else:
            self._gate_by_literal(number, test, parts)

    def _gate_by_literal(self, number: int, test: Text, parts: tuple[Part, ...]) -> None:
        longest = literals(parts)
        if longest and longest[0]:
            self._gate(number, test, (longest[0],))
        else:
            self._always.append((number, predicate_of(test)))

    def _gate(self, number: int, test: Test, gates: Sequence[str]) -> None:
        for gate in gates:
            expression = literal_expression(gate[:_LONGEST_GATE].encode("utf-8", "surrogatepass"))
            self._scanned.setdefault(expression, ([], []))[1].append((number, predicate_of(test)))


def _is_small(parts: tuple[Part, ...]) -> bool:
    size = sum(len(part) if isinstance(part, str) else 1 for part in parts)
    wildcards = sum(not isinstance(part, str) for part in parts)
    has_literal = any(isinstance(part, str) for part in parts)
    return has_literal and size <= _LONGEST_SCANNED and wildcards <= _MOST_WILDCARDS


def _tail(parts: tuple[Part, ...]) -> str | None:
    r"""
    The file name of a pattern like `*\\name.exe`, or None.

    Such patterns are most of those on Image: a text ends with one exactly if its part behind the last
    backslash is the name, which a dictionary answers.
    """
    match parts:
        case (0, str(literal)) if literal.startswith("\\") and "\\" not in literal[1:]:
            return literal[1:]
        case _:
            return None
