"""
Conjunctions as bits: which of many conjunctions does an event satisfy?

Every conjunction is one bit. Each value of each field has a mask of the conjunctions it does not rule
out; their AND is the answer. Masks are remembered per value, within a bound in bytes.

Source: the design and measurements in `docs/architecture.md`, "The matcher".
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from appliance.detection.matching.conjunctions import Conjunction
from appliance.detection.matching.databases import DatabaseStore
from appliance.detection.matching.fields import FieldTests
from appliance.detection.matching.keywords import KeywordGate
from appliance.detection.matching.memory import Memory
from appliance.detection.matching.values import elements_of
from appliance.detection.sigma.tree import Test
from appliance.telemetry.events import Value

MISSING: Final[Any] = object()
"""Stands for the value of a field that is not there; no event can hold it."""

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


class FieldMasks:
    """The masks of one field; field None stands for all values of the event together."""

    def __init__(
        self,
        field: str | None,
        conjunctions: Sequence[Conjunction],
        memory: Memory,
        store: DatabaseStore | None,
    ) -> None:
        self.field = field
        self._everything = (1 << len(conjunctions)) - 1
        self.concerned = 0
        tests: dict[Test, int] = {}
        self._effects: list[dict[int, int]] = []
        self._base: list[int] = []
        for position, conjunction in enumerate(conjunctions):
            self._add(position, conjunction, tests)
        self._tests = FieldTests(list(tests), store)
        self.gate = KeywordGate(list(tests), store) if field is None else None
        self.nothing = self._mask(set())
        self.missing = self._mask(set(self._tests.null))
        self.empty = self._mask({*self._tests.null, *self._tests.exists})
        self.cost = len(self._tests.expressions)
        self.memo = memory.memo({MISSING: self.missing, None: self.empty})

    def mask(self, value: Value) -> int:
        """The conjunctions that a value of the field does not rule out; remembered."""
        if (known := self.memo.old(value)) is not None:
            return known
        elements = elements_of(value)
        passed = self._tests.passed(elements)
        passed.update(self._tests.exists)
        if not elements:
            passed.update(self._tests.null)
        mask = self._mask(passed) if passed else self.nothing
        return self.memo.remember(value, mask)

    def mask_of_all(self, fields: Mapping[str, Value]) -> int:
        """The conjunctions that the values of an event together do not rule out."""
        if self.gate is not None and not self.gate.opens(fields):
            return self.nothing
        passed: set[int] = set()
        for value in fields.values():
            passed |= self._tests.passed(elements_of(value))
        return self._mask(passed) if passed else self.nothing

    def _add(self, position: int, conjunction: Conjunction, tests: dict[Test, int]) -> None:
        layer = 0
        bit = 1 << position
        for factor in conjunction:
            if factor.field != self.field:
                continue
            self.concerned |= bit
            effect_layer = _NEGATED if factor.negated else layer
            if not factor.negated:
                self._require(layer, bit)
                layer += 1
            for test in factor.tests:
                number = tests.setdefault(test, len(tests))
                if number == len(self._effects):
                    self._effects.append({})
                effects = self._effects[number]
                effects[effect_layer] = effects.get(effect_layer, 0) | bit

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
        self.everything = (1 << len(conjunctions)) - 1
        named = {factor.field for conjunction in conjunctions for factor in conjunction}
        masks = [FieldMasks(field, conjunctions, memory, store) for field in sorted(named - {None}, key=str)]
        short = [mask for mask in masks if mask.field not in _LONG_FIELDS]
        # Whatever can rule out most comes first; long fields come last, cheapest first.
        short.sort(key=lambda mask: -mask.concerned.bit_count())
        long = sorted((mask for mask in masks if mask.field in _LONG_FIELDS), key=lambda mask: mask.cost)
        self._short = [(str(mask.field), mask.memo.get, mask.mask) for mask in short]
        self._long = [(str(mask.field), mask.memo.get, mask.mask, mask.concerned) for mask in long]
        self._keywords = FieldMasks(None, conjunctions, memory, store) if None in named else None

    def satisfied(self, fields: Mapping[str, Value]) -> int:
        """One bit per conjunction that the fields of an event satisfy."""
        get = fields.get
        left = self.everything
        for field, recall, compute in self._short:
            value = get(field, MISSING)
            mask = recall(value)
            left &= compute(value) if mask is None else mask
            if not left:
                return 0
        for field, recall, compute, concerned in self._long:
            if left & concerned:
                value = get(field, MISSING)
                mask = recall(value)
                left &= compute(value) if mask is None else mask
        if self._keywords is not None and left & self._keywords.concerned:
            left &= self._keywords.mask_of_all(fields)
        return left
