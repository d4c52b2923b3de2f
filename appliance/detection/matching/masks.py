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
from appliance.detection.matching.memory import LONGEST_TEXT, Memory, digest_of
from appliance.detection.matching.spreading import Spread, bits
from appliance.detection.matching.values import elements_of
from appliance.detection.sigma.tree import Test
from appliance.telemetry.events import Value

MISSING: Final[Any] = object()
"""Stands for the value of a field that is not there; no event can hold it."""

NO_TESTS: Final[frozenset[Test]] = frozenset()
EVERYTHING: Final = -1
# Scanning a long value for so few patterns costs less than its digest (4 µs and 6 µs, 5.7 kB, 300 patterns).
_CHEAP: Final = 512
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


# So few conjunctions are numbered by themselves.
_FEW: Final = 128

Placed = tuple[int, Factor]
# The conjunctions that need nothing of it, and where its bits begin in an effect.
_Layer = tuple[int, int]


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
        positions = sorted({position for position, _ in placed})
        self.concerned = bits(positions)
        self._spread: Spread | None = None
        if len(positions) <= _FEW:
            # Numbers of a few bits instead of thousands, of which few different ones come about.
            self._spread = Spread(positions, count)
            places = {position: place for place, position in enumerate(positions)}
            placed, count = [(places[position], factor) for position, factor in placed], len(positions)
        self._everything = (1 << count) - 1
        # Several factors of one conjunction on one field need a layer each: all must hold.
        self._layers: list[_Layer] = []
        self._negated_at = 0
        effects = self._effects(placed)
        self.tests = frozenset(effects)
        self._first_bits = self._layers[1][1] if len(self._layers) > 1 else self._negated_at
        self._needs_nothing = self._left_by_first = self._everything
        for others, start in self._layers:
            self._needs_nothing &= others
            self._left_by_first &= others if start else self._everything
        width = max((effect.bit_length() for effect in effects.values()), default=0)
        self._tests = FieldTests(list(effects), list(effects.values()), width, store)
        self.gate = KeywordGate(list(effects), store) if field is None else None
        self.nothing = self._mask(0)
        self.missing = self._mask(self._tests.null)
        self.empty = self._mask(self._tests.null | self._tests.exists)
        self.cost = len(self._tests.patterns)
        self._is_worth_remembering = self.cost > _CHEAP
        self.memo = memory.memo({MISSING: self.missing, None: self.empty})
        # Looking a long text up costs its hash; some fields hold little else.
        self.recall = self._recall if field in _LONG_FIELDS else self.memo.get
        self.answer = self.mask if memory.remembers else self._compute

    def mask(self, value: Value) -> int:
        """The conjunctions that a value of the field does not rule out; remembered."""
        is_long = value.__class__ is str and len(value) > LONGEST_TEXT
        if is_long and not self._is_worth_remembering:
            return self._compute(value)
        key: Any = digest_of(str(value)) if is_long else value
        known = self.memo.recall(key)
        return self.memo.remember(key, self._compute(value)) if known is None else known

    def _recall(self, value: Value) -> int | None:
        if value.__class__ is str and len(value) > LONGEST_TEXT:
            return None
        return self.memo.get(value)

    def mask_of_all(self, fields: Mapping[str, Value]) -> int:
        """The conjunctions that the values of an event together do not rule out."""
        if self.gate is not None and not self.gate.opens(fields):
            return self.nothing
        effect = 0
        for value in fields.values():
            effect |= self._tests.effect(elements_of(value))
        return self._mask(effect)

    def _compute(self, value: Value) -> int:
        tests = self._tests
        if value.__class__ is str:
            effect = tests.effect_of(value)
            return self._mask(effect) if effect else self.nothing
        elements = elements_of(value)
        return self._mask(tests.effect(elements) | tests.exists | (0 if elements else tests.null))

    def _effects(self, placed: Sequence[Placed]) -> dict[Test, int]:
        """Effect of each test: a bit per conjunction in each layer, those of negated factors last."""
        layers: list[list[Placed]] = []
        negated: list[Placed] = []
        seen: dict[int, int] = {}
        for position, factor in placed:
            layer = seen.get(position, 0)
            if factor.negated:
                negated.append((position, factor))
                continue
            seen[position] = layer + 1
            if layer == len(layers):
                layers.append([])
            layers[layer].append((position, factor))
        effects: dict[Test, int] = {}
        for each in layers:
            required = bits(position for position, _ in each)
            self._layers.append((self._everything & ~required, self._negated_at))
            _share(effects, each, self._negated_at)
            # A layer ends with its last conjunction, so that numbers stay short.
            self._negated_at += required.bit_length()
        _share(effects, negated, self._negated_at)
        return effects

    def _mask(self, effect: int) -> int:
        mask = self._local_mask(effect)
        return mask if self._spread is None else self._spread.of(mask)

    def _local_mask(self, effect: int) -> int:
        if effect.bit_length() <= self._first_bits:
            # Mostly nothing holds beyond the first layer, so that what needs more is ruled out.
            return self._left_by_first & effect | self._needs_nothing
        excluded = effect >> self._negated_at
        # Mostly nothing is excluded, and only the first layer, which begins at 0, has any bit.
        mask = self._everything & ~excluded if excluded else self._everything
        for others, start in self._layers:
            mask &= others | (effect >> start if start else effect)
        return mask


def _share(effects: dict[Test, int], placed: Iterable[Placed], start: int) -> None:
    for position, factor in placed:
        for test in factor.tests:
            effects[test] = effects.get(test, 0) | 1 << (start + position)


class Conjunctions:
    """A set of conjunctions, compiled."""

    def __init__(
        self,
        conjunctions: Sequence[Conjunction],
        memory: Memory,
        store: DatabaseStore | None,
        gated: frozenset[Test] = NO_TESTS,
    ) -> None:
        by_field = _by_field(conjunctions)
        masks = {
            field: FieldMasks(field, placed, len(conjunctions), memory, store)
            for field, placed in by_field.items()
        }
        self._keywords = masks.pop(None, None)
        # Whether a body's gate that said no said it about all keywords here.
        self._is_gated = self._keywords is not None and self._keywords.tests <= gated
        only_keywords = bits(
            position
            for position, conjunction in enumerate(conjunctions)
            if conjunction and all(factor.field is None for factor in conjunction)
        )
        # Nothing but the costly look at all values decides these; apart, the others can end early.
        self._only_keywords = only_keywords
        self._without_keywords = EVERYTHING if self._keywords is None else self._keywords.nothing
        self._settled = only_keywords & self._without_keywords
        self._start = ((1 << len(conjunctions)) - 1) & ~only_keywords
        short = [mask for field, mask in masks.items() if field not in _LONG_FIELDS]
        long = sorted((mask for field, mask in masks.items() if field in _LONG_FIELDS), key=_cost)
        self._fields = [
            (str(mask.field), mask.recall, mask.answer, mask.concerned)
            for mask in [*_most_telling_first(short, self._start), *long]
        ]

    def satisfied(
        self,
        fields: Mapping[str, Value],
        among: int = EVERYTHING,
        may_hold_keywords: bool = True,
    ) -> int:
        """
        One bit per conjunction that the fields of an event satisfy.

        Args:
            among: The conjunctions that are asked about.
            may_hold_keywords: False if the gate said that the event holds none of its keywords.
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
        if self._keywords is None:
            return left
        if self._is_gated and not may_hold_keywords:
            return (left & self._without_keywords | self._settled) & among
        left |= self._only_keywords & among
        return left & self._keywords.mask_of_all(fields) if left & self._keywords.concerned else left


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
