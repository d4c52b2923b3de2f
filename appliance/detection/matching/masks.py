"""
Conjunctions as bits: which of many conjunctions does an event satisfy?

Every conjunction is one bit. Each value of each field has a mask of the conjunctions it does not rule
out; their AND is the answer. Masks are remembered per value, within a bound in bytes.

Source: the design and measurements in `docs/architecture.md`, "The matcher".
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from appliance.detection.matching.conjunctions import Conjunction, Factor
from appliance.detection.matching.databases import DatabaseStore
from appliance.detection.matching.fields import FieldTests
from appliance.detection.matching.keywords import KeywordGate
from appliance.detection.matching.memory import Memory, remembered_as
from appliance.detection.matching.values import elements_of
from appliance.detection.sigma.tree import Test
from appliance.telemetry.events import Value

MISSING: Final[Any] = object()
"""Stands for the value of a field that is not there; no event can hold it."""

NO_TESTS: Final[frozenset[Test]] = frozenset()
EVERYTHING: Final = -1
_NEGATED: Final = -1
# Fields with values so long and different that looking whether they matter at all pays.
_LONG_FIELDS: Final = frozenset(
    [
        "CommandLine",
        "ParentCommandLine",
        "ScriptBlockText",
        "Payload",
        "ContextInfo",
        "Data",
        "Message",
        "CallTrace",
    ]
)


Placed = tuple[int, Factor]


class FieldMasks:
    """The masks of one field; field None stands for all values of the event together."""

    def __init__(
        self,
        field: str | None,
        placed: Sequence[Placed],
        count: int,
        memory: Memory,
        store: DatabaseStore | None,
    ) -> None:
        self.field = field
        self._everything = (1 << count) - 1
        self.concerned = 0
        tests: dict[Test, int] = {}
        self._effects: list[dict[int, int]] = []
        self._base: list[int] = []
        layers: dict[int, int] = {}
        for position, factor in placed:
            self._add(position, factor, layers, tests)
        self.tests = frozenset(tests)
        self._tests = FieldTests(list(tests), store)
        self.gate = KeywordGate(list(tests), store) if field is None else None
        self.nothing = self._mask(set())
        self.missing = self._mask(set(self._tests.null))
        self.empty = self._mask({*self._tests.null, *self._tests.exists})
        self.cost = len(self._tests.expressions)
        self.memo = memory.memo({MISSING: self.missing, None: self.empty})

    def mask(self, value: Value) -> int:
        """The conjunctions that a value of the field does not rule out; remembered."""
        key = remembered_as(value)
        if (known := self.memo.recall(key)) is not None:
            return known
        elements = elements_of(value)
        passed = self._tests.passed(elements)
        passed.update(self._tests.exists)
        if not elements:
            passed.update(self._tests.null)
        mask = self._mask(passed) if passed else self.nothing
        return self.memo.remember(key, mask)

    def mask_of_all(self, fields: Mapping[str, Value]) -> int:
        """The conjunctions that the values of an event together do not rule out."""
        if self.gate is not None and not self.gate.opens(fields):
            return self.nothing
        passed: set[int] = set()
        for value in fields.values():
            passed |= self._tests.passed(elements_of(value))
        return self._mask(passed) if passed else self.nothing

    def _add(self, position: int, factor: Factor, layers: dict[int, int], tests: dict[Test, int]) -> None:
        bit = 1 << position
        self.concerned |= bit
        layer = _NEGATED
        if not factor.negated:
            layer = layers.get(position, 0)
            layers[position] = layer + 1
            self._require(layer, bit)
        for test in factor.tests:
            number = tests.setdefault(test, len(tests))
            if number == len(self._effects):
                self._effects.append({})
            effects = self._effects[number]
            effects[layer] = effects.get(layer, 0) | bit

    def _require(self, layer: int, bit: int) -> None:
        """Several factors of one conjunction on one field need a layer each: all must hold."""
        while len(self._base) <= layer:
            self._base.append(self._everything)
        self._base[layer] &= ~bit

    def _mask(self, passed: set[int]) -> int:
        layers = list(self._base)
        excluded = 0
        for number in passed:
            for layer, bits in self._effects[number].items():
                if layer == _NEGATED:
                    excluded |= bits
                else:
                    layers[layer] |= bits
        mask = self._everything & ~excluded
        for layer in layers:
            mask &= layer
        return mask


class Conjunctions:
    """A set of conjunctions, compiled."""

    def __init__(
        self, conjunctions: Sequence[Conjunction], memory: Memory, store: DatabaseStore | None
    ) -> None:
        by_field = _by_field(conjunctions)
        masks = {
            field: FieldMasks(field, placed, len(conjunctions), memory, store)
            for field, placed in by_field.items()
        }
        self._keywords = masks.pop(None, None)
        only_keywords = _bits(
            position
            for position, conjunction in enumerate(conjunctions)
            if conjunction and all(factor.field is None for factor in conjunction)
        )
        # Nothing but the costly look at all values decides these; apart, the others can end early.
        self._only_keywords = only_keywords
        self._start = ((1 << len(conjunctions)) - 1) & ~only_keywords
        short = [mask for field, mask in masks.items() if field not in _LONG_FIELDS]
        long = sorted((mask for field, mask in masks.items() if field in _LONG_FIELDS), key=_cost)
        self._fields = [
            (str(mask.field), mask.memo.get, mask.mask, mask.concerned)
            for mask in [*_most_telling_first(short, self._start), *long]
        ]

    def satisfied(
        self,
        fields: Mapping[str, Value],
        ruled_out: frozenset[Test] = NO_TESTS,
        among: int = EVERYTHING,
    ) -> int:
        """
        One bit per conjunction that the fields of an event satisfy.

        Args:
            ruled_out: Keywords known not to be in the event.
            among: The conjunctions that are asked about.
        """
        get = fields.get
        left = self._start & among
        for field, recall, compute, concerned in self._fields:
            if left & concerned:
                value = get(field, MISSING)
                mask = recall(value)
                left &= compute(value) if mask is None else mask
                if not left:
                    break
        if self._keywords is not None:
            left |= self._only_keywords & among
            if left & self._keywords.concerned:
                is_no = ruled_out is not NO_TESTS and self._keywords.tests <= ruled_out
                left &= self._keywords.nothing if is_no else self._keywords.mask_of_all(fields)
        return left


def _by_field(conjunctions: Sequence[Conjunction]) -> dict[str | None, list[Placed]]:
    """The factors on each field, with the places of their conjunctions."""
    by_field: dict[str | None, list[Placed]] = {}
    for position, conjunction in enumerate(conjunctions):
        for factor in conjunction:
            by_field.setdefault(factor.field, []).append((position, factor))
    return by_field


def _most_telling_first(masks: list["FieldMasks"], start: int) -> list["FieldMasks"]:
    """Fields in the order in which a value that matches nothing rules out most of what is left."""
    ordered: list[FieldMasks] = []
    left = start
    waiting = sorted(masks, key=lambda mask: str(mask.field))
    while waiting:
        best = min(waiting, key=lambda mask: (left & mask.nothing).bit_count())
        waiting.remove(best)
        ordered.append(best)
        left &= best.nothing
    return ordered


def _cost(masks: "FieldMasks") -> int:
    return masks.cost


def _bits(positions: Iterable[int]) -> int:
    bits = 0
    for position in positions:
        bits |= 1 << position
    return bits
