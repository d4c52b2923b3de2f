"""
All tests of one field at once: what does a value amount to?

Each test has an effect, a number whose bits `masks` gave a meaning; the effects of the tests that a value
passes are joined by OR, so that no list of tests is ever made.

Invariants:
- The answer is exact. What the scan can only suspect (long patterns, expressions that only RE2 can read)
  is confirmed by `exact.predicate_of` where a gate opened.
- A value of ASCII is scanned once as it is, caselessly where that is meant. Any other is scanned `masked`,
  and after `fold` for the patterns that are not ASCII either.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from appliance.detection.matching.databases import (
    CASED,
    CASELESS,
    Accumulator,
    DatabaseStore,
    Pattern,
    accumulator,
)
from appliance.detection.matching.exact import Element, Predicate, predicate_of
from appliance.detection.matching.gates import gates_of
from appliance.detection.matching.globs import folded, literal_expression, literals, scan_expression
from appliance.detection.matching.regexes import (
    ignores_case,
    is_special,
    is_unmasked,
    masked,
    scan_pattern,
)
from appliance.detection.matching.values import fold, text_of
from appliance.detection.sigma.tree import ANY_TEXT, Exists, Null, Part, Regex, Test, Text

# Longer or more forking patterns make big automata; they are gated by their longest literal instead.
_LONGEST_SCANNED: Final = 300
_MOST_WILDCARDS: Final = 4
_LONGEST_GATE: Final = 64

Candidate = tuple[int, Predicate]


class FieldTests:
    """
    The tests of one field, compiled together.

    Args:
        tests: Each once.
        effects: Of each test.
        width: No effect has a bit beyond this many; those are used in here.

    Attributes:
        null: The effect of a missing value.
        exists: The effect of the field being there.
        patterns: What a scan looks for.
    """

    def __init__(
        self, tests: Sequence[Test], effects: Sequence[int], width: int, store: DatabaseStore | None = None
    ) -> None:
        self.null = self.exists = self._any = 0
        self._equal: dict[str, int] = {}
        self._tails: dict[str, int] = {}
        self._always: list[Candidate] = []
        # Suspicions are bits beyond the effects.
        self._width = width
        self._suspects: list[Candidate] = []
        self._plain: dict[Pattern, int] = {}
        self._special: dict[Pattern, int] = {}
        # Plain patterns with characters beyond ASCII, which text of ASCII need not be searched for.
        self._foreign: dict[Pattern, int] = {}
        # What the scan of a masked value cannot answer: of any, and of one with letters like the long s.
        self._unmaskable: dict[Pattern, Candidate] = {}
        self._caseless: dict[Pattern, Candidate] = {}
        self._every_special: dict[Pattern, Candidate] = {}
        for test, effect in zip(tests, effects, strict=True):
            self._place(test, effect)
        self._any |= self.exists
        self._longest_equal = max(map(len, self._equal), default=-1)
        self._longest_tail = max(map(len, self._tails), default=-1)
        self.patterns = [*self._plain, *self._special]
        self._scan: Accumulator | None = accumulator(self.patterns, store) if self.patterns else None
        self._effects = [*self._plain.values(), *self._special.values()]
        self._plain_effects = [*self._plain.values(), *[0] * len(self._special)]
        self._masked_effects = [*self._plain.values(), *self._maskable_effects(self._unmaskable)]
        foreign = list(self._foreign)
        self._scan_foreign: Accumulator | None = accumulator(foreign, store) if foreign else None
        self._foreign_effects = list(self._foreign.values())

    def effect(self, elements: Sequence[Element]) -> int:
        """The effects of the tests that one of the elements passes, and of `exists`; not that of `null`."""
        effect = 0
        for element in elements:
            effect |= self.effect_of(element)
        return effect

    def effect_of(self, element: Element) -> int:
        """The effects of the tests that an element passes."""
        raw: str = element if element.__class__ is str else text_of(element)
        if raw.isascii() and "\v" not in raw and "\x01" not in raw and raw:
            effect = self._any
            size = len(raw)
            if size <= self._longest_equal and (text := raw.lower()) in self._equal:
                effect |= self._equal[text]
            if self._tails and (cut := raw.rfind("\\") + 1) and size - cut <= self._longest_tail:
                effect |= self._tails.get(raw[cut:].lower(), 0)
            if self._scan is not None:
                effect = self._scan(raw.encode(), self._effects, effect)
        else:
            effect = self._of_any_text(raw, element)
        for more, predicate in self._always:
            if more & ~effect and predicate(element):
                effect |= more
        if self._suspects and effect >> self._width:
            effect = self._without_suspicions(effect, element)
        return effect

    def _of_any_text(self, raw: str, element: Element) -> int:
        text = fold(raw)
        effect = self._any | self._equal.get(text, 0)
        cut = text.rfind("\\") + 1
        if cut:
            effect |= self._tails.get(text[cut:], 0)
        if self._scan_foreign is not None:
            effect = self._scan_foreign(text.encode("utf-8", "surrogatepass"), self._foreign_effects, effect)
        if self._scan is None:
            return effect
        if raw and not is_special(raw):
            # One scan answers for plain text as well: what is masked is in none of its patterns.
            effect = self._scan(masked(raw).encode(), self._masked_effects, effect)
            asked = self._unmaskable
        else:
            # Vectorscan does not look at nothing.
            asked = self._unmaskable | self._caseless if raw else self._every_special
            effect = self._scan(text.encode("utf-8", "surrogatepass"), self._plain_effects, effect)
            known = [0] * len(self._plain) + self._maskable_effects(asked)
            effect = self._scan(masked(raw).encode(), known, effect)
        for more, predicate in asked.values():
            if predicate(element):
                effect |= more
        return effect

    def _maskable_effects(self, but: Mapping[Pattern, Candidate]) -> list[int]:
        return [0 if pattern in but else effect for pattern, effect in self._special.items()]

    def _without_suspicions(self, effect: int, element: Element) -> int:
        suspicions = effect >> self._width
        effect &= (1 << self._width) - 1
        while suspicions:
            place = suspicions.bit_length() - 1
            suspicions ^= 1 << place
            more, predicate = self._suspects[place]
            if more & ~effect and predicate(element):
                effect |= more
        return effect

    def _place(self, test: Test, effect: int) -> None:
        """Decides how a test is answered."""
        if isinstance(test, Null):
            self.null |= effect
        elif isinstance(test, Exists):
            self.exists |= effect
        elif isinstance(test, Text):
            self._place_text(test, effect)
        elif isinstance(test, Regex):
            self._place_regex(test, effect)
        else:
            self._always.append((effect, predicate_of(test)))

    def _place_regex(self, test: Regex, effect: int) -> None:
        pattern = scan_pattern(test)
        if pattern is not None:
            self._special[pattern] = self._special.get(pattern, 0) | effect
            candidate = (self._special[pattern], predicate_of(test))
            self._every_special[pattern] = candidate
            if not test.pattern.isascii():
                self._unmaskable[pattern] = candidate
            if ignores_case(test):
                self._caseless[pattern] = candidate
        else:
            self._gate(test, effect, gates_of(test.pattern) or ())

    def _place_text(self, test: Text, effect: int) -> None:
        parts = folded(test)
        if test.parts == (ANY_TEXT,):
            self._any |= effect
        elif test.cased:
            self._place_cased(test, effect)
        elif all(isinstance(part, str) for part in parts):
            text = "".join(map(str, parts))
            self._equal[text] = self._equal.get(text, 0) | effect
        elif (tail := _tail(parts)) is not None:
            self._tails[tail] = self._tails.get(tail, 0) | effect
        elif _is_small(parts):
            self._place_plain(Pattern(scan_expression(parts), CASELESS), "".join(literals(parts)), effect)
        else:
            self._gate(test, effect, literals(parts)[:1])

    def _place_plain(self, pattern: Pattern, text: str, effect: int) -> None:
        place = self._plain if is_unmasked(text) else self._foreign
        place[pattern] = place.get(pattern, 0) | effect

    def _place_cased(self, test: Text, effect: int) -> None:
        is_maskable = is_unmasked("".join(literals(test.parts)))
        if not is_maskable or not _is_small(test.parts):
            self._gate(test, effect, literals(folded(test))[:1])
            return
        pattern = Pattern(scan_expression(test.parts), CASED)
        self._special[pattern] = self._special.get(pattern, 0) | effect
        self._every_special[pattern] = (self._special[pattern], predicate_of(test))

    def _gate(self, test: Test, effect: int, gates: Sequence[str]) -> None:
        candidate = (effect, predicate_of(test))
        if not gates or not all(gates):
            self._always.append(candidate)
            return
        suspicion = 1 << (self._width + len(self._suspects))
        self._suspects.append(candidate)
        for gate in gates:
            expression = literal_expression(gate[:_LONGEST_GATE].encode("utf-8", "surrogatepass"))
            self._place_plain(Pattern(expression, CASELESS), gate[:_LONGEST_GATE], suspicion)


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
