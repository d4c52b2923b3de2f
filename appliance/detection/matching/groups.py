"""
The rules of one route, compiled: from an event's fields to the rules that fire.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from appliance.detection.matching.conjunctions import Conjunction, alternatives
from appliance.detection.matching.databases import DatabaseStore
from appliance.detection.matching.exact import holds
from appliance.detection.matching.masks import EVERYTHING, NO_TESTS, Conjunctions
from appliance.detection.matching.memory import Memory
from appliance.detection.sigma.tree import Node, Test
from appliance.telemetry.events import Value

NO_RULES: Final[tuple[int, ...]] = ()


class _Way(msgspec.Struct, frozen=True):
    """What else decides once a positive conjunction holds."""

    rule: int
    positives: int
    negatives: int
    verify: Node | None


class Group:
    """
    Rules that the same route concerns.

    Args:
        trees: What the route leaves of each rule's condition: (rule number, tree). A rule with
            True fires for every event of the route.
        gated: The keywords that a body's gate speaks for.

    Attributes:
        always: The rules that fire for every event of the route.
        satisfied: The positive conjunctions that fields satisfy, if any; `fired` goes on from there.
    """

    def __init__(
        self,
        trees: Sequence[tuple[int, Node | bool]],
        memory: Memory,
        store: DatabaseStore | None = None,
        gated: frozenset[Test] = NO_TESTS,
    ) -> None:
        self.always = tuple(number for number, tree in trees if tree is True)
        ways = [
            (number, way)
            for number, tree in trees
            if not isinstance(tree, bool)
            for way in alternatives(tree)
        ]
        positives, of_positives = _placed([way.positives for _, way in ways])
        negatives, of_negatives = _placed([way.negatives for _, way in ways])
        self._ways = [
            _Way(number, of_positives[place], of_negatives[place], way.verify)
            for place, (number, way) in enumerate(ways)
        ]
        self._way_of = _by_bit(self._ways, len(positives))
        self._positives = Conjunctions(positives, memory, store, gated)
        self.satisfied = self._positives.satisfied
        self._negatives = Conjunctions(negatives, memory, store)

    def match(self, fields: Mapping[str, Value], may_hold_keywords: bool = True) -> Sequence[int]:
        """The numbers of the rules that fire, ascending; a gate may have ruled its keywords out."""
        satisfied = self.satisfied(fields, EVERYTHING, may_hold_keywords)
        return self.fired(satisfied, fields) if satisfied else self.always

    def fired(self, satisfied: int, fields: Mapping[str, Value]) -> Sequence[int]:
        """The numbers of the rules that fire where these positive conjunctions are satisfied."""
        ways, asked = self._ways_of(satisfied)
        # Filters are looked at only where one of them could change the answer.
        excluded = self._negatives.satisfied(fields, asked) if asked else 0
        found = set(self.always)
        for way in ways:
            if not way.negatives & excluded and (way.verify is None or holds(way.verify, fields)):
                found.add(way.rule)
        return tuple(sorted(found)) if found else NO_RULES

    def _ways_of(self, satisfied: int) -> tuple[list[_Way], int]:
        """The ways that satisfied conjunctions belong to, and their filters together."""
        ways: list[_Way] = []
        asked = 0
        while satisfied:
            way = self._way_of[satisfied.bit_length() - 1]
            satisfied &= ~way.positives
            ways.append(way)
            asked |= way.negatives
        return ways, asked


def _placed(groups: Sequence[Sequence[Conjunction]]) -> tuple[list[Conjunction], list[int]]:
    """
    All conjunctions in their places, and the bits of those places for each group.

    Those that ask most of one field come first, because masks are as long as the last that asks for more.
    """
    pairs = [(conjunction, number) for number, group in enumerate(groups) for conjunction in group]
    pairs.sort(key=lambda pair: -_most_of_one_field(pair[0]))
    bits = [0] * len(groups)
    for place, (_, number) in enumerate(pairs):
        bits[number] |= 1 << place
    return [conjunction for conjunction, _ in pairs], bits


def _most_of_one_field(conjunction: Conjunction) -> int:
    counted = Counter(factor.field for factor in conjunction if not factor.negated)
    return max(counted.values(), default=0)


def _by_bit(ways: Sequence[_Way], count: int) -> list[_Way]:
    """The way that each positive conjunction belongs to."""
    by_bit = [ways[0]] * count if ways else []
    for way in ways:
        left = way.positives
        while left:
            place = left.bit_length() - 1
            by_bit[place] = way
            left ^= 1 << place
    return by_bit
