"""
The rules of one route, compiled: from an event's fields to the rules that fire.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from appliance.detection.matching.conjunctions import Alternative, Conjunction, alternatives
from appliance.detection.matching.databases import DatabaseStore
from appliance.detection.matching.exact import holds
from appliance.detection.matching.masks import NO_TESTS, Conjunctions
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
    """

    def __init__(
        self,
        trees: Sequence[tuple[int, Node | bool]],
        memory: Memory,
        store: DatabaseStore | None = None,
        gated: frozenset[Test] = NO_TESTS,
    ) -> None:
        self._always = tuple(number for number, tree in trees if tree is True)
        positives: list[Conjunction] = []
        negatives: list[Conjunction] = []
        self._ways: list[_Way] = []
        for number, tree in trees:
            if not isinstance(tree, bool):
                for way in alternatives(tree):
                    self._ways.append(_way(number, way, positives, negatives))
        self._way_of = [way for way in self._ways for _ in range(way.positives.bit_count())]
        self._positives = Conjunctions(positives, memory, store, gated)
        self._negatives = Conjunctions(negatives, memory, store)

    def match(self, fields: Mapping[str, Value], *, may_hold_keywords: bool = True) -> Sequence[int]:
        """The numbers of the rules that fire, ascending; a gate may have ruled its keywords out."""
        satisfied = self._positives.satisfied(fields, may_hold_keywords=may_hold_keywords)
        if not satisfied:
            return self._always
        ways, asked = self._ways_of(satisfied)
        # Filters are looked at only where one of them could change the answer.
        excluded = self._negatives.satisfied(fields, asked) if asked else 0
        fired = set(self._always)
        for way in ways:
            if not way.negatives & excluded and (way.verify is None or holds(way.verify, fields)):
                fired.add(way.rule)
        return tuple(sorted(fired)) if fired else NO_RULES

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


def _way(number: int, way: Alternative, positives: list[Conjunction], negatives: list[Conjunction]) -> _Way:
    """Gives the conjunctions of an alternative their places."""
    return _Way(number, _placed(way.positives, positives), _placed(way.negatives, negatives), way.verify)


def _placed(conjunctions: Sequence[Conjunction], places: list[Conjunction]) -> int:
    bits = ((1 << len(conjunctions)) - 1) << len(places)
    places += conjunctions
    return bits
