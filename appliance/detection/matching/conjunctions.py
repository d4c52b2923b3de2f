"""
From a rule's tree to conjunctions: what has to be true of each field at once.

A rule fires if, in one of its alternatives, some positive conjunction holds and no negative one does.
Filters of several fields become negative conjunctions, because as a part of the positive ones they
would multiply. What still does not fit is relaxed and verified on the tree (`exact.holds`).

Invariants:
- A conjunction is a list of factors, all of which must hold. A factor is about one field: one of its
  tests holds, or, if negated, none does.
- Relaxing may only make more events candidates, never fewer.
"""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Final

import msgspec

from appliance.detection.sigma.tree import All, Any, Clause, Node, Not, Reference, Test

MOST_CONJUNCTIONS: Final = 64


class Factor(msgspec.Struct, frozen=True):
    """One of `tests` holds for the field, or none if negated. Field None means any value."""

    field: str | None
    negated: bool
    tests: frozenset[Test]


Conjunction = tuple[Factor, ...]


class Alternative(msgspec.Struct, frozen=True):
    """
    One way for a rule to fire.

    Attributes:
        positives: One of these must hold.
        negatives: None of these may.
        verify: If not None, this tree must hold as well.
    """

    positives: tuple[Conjunction, ...]
    negatives: tuple[Conjunction, ...] = ()
    verify: Node | None = None


class _TooMany(Exception):
    """The conjunctions of a tree multiply beyond the cap."""


def alternatives(tree: Node) -> tuple[Alternative, ...]:
    """The ways for a rule to fire."""
    if _refers(tree):
        return (_relaxed(tree),)
    try:
        return tuple(_alternative(part) for part in _alternatives(tree))
    except _TooMany:
        return (_relaxed(tree),)


def _alternatives(tree: Node) -> list[Node]:
    """The parts of an OR at the root; those without a filter stay together."""
    if not isinstance(tree, Any):
        return [tree]
    plain = [item for item in tree.items if not _negates(item)]
    filtered = [item for item in tree.items if _negates(item)]
    return [*([Any(tuple(plain))] if plain else []), *filtered]


def _alternative(tree: Node) -> Alternative:
    positives: list[Node] = []
    negatives: list[Conjunction] = []
    for part in _conjuncts(tree):
        if isinstance(part, Not) and not _fits_in_place(part):
            negatives += _normal(part.item, negated=False)
        else:
            positives.append(part)
    return Alternative(tuple(_normal(All(tuple(positives)), negated=False)), tuple(negatives))


def _fits_in_place(filtered: Not) -> bool:
    try:
        return len(_normal(filtered, negated=False)) == 1
    except _TooMany:
        return False


def _conjuncts(tree: Node) -> Iterable[Node]:
    if isinstance(tree, All):
        for item in tree.items:
            yield from _conjuncts(item)
    elif isinstance(tree, Not) and isinstance(tree.item, Any):
        # not (a or b) is two filters; apart, each may fit in place.
        for item in tree.item.items:
            yield from _conjuncts(Not(item))
    elif isinstance(tree, Not) and isinstance(tree.item, Not):
        yield from _conjuncts(tree.item.item)
    else:
        yield tree


def _relaxed(tree: Node) -> Alternative:
    """As many conjuncts as fit; the tree itself decides."""
    kept: list[Conjunction] = [()]
    for part in _conjuncts(tree):
        if _refers(part):
            continue
        try:
            kept = _product([kept, _normal(part, negated=False)])
        except _TooMany:
            continue
    return Alternative(tuple(kept), verify=tree)


def _normal(node: Node, *, negated: bool) -> list[Conjunction]:
    """
    Disjunctive normal form.

    Raises:
        _TooMany: More than MOST_CONJUNCTIONS.
    """
    if isinstance(node, Clause):
        return [(Factor(node.field, negated, frozenset((node.test,))),)]
    if isinstance(node, Not):
        return _normal(node.item, negated=not negated)
    parts = [_normal(item, negated=negated) for item in node.items]
    return _product(parts) if isinstance(node, All) is not negated else _union(parts)


def _union(parts: Sequence[list[Conjunction]]) -> list[Conjunction]:
    """Single positive factors on one field become one factor: most selections are such lists."""
    merged: dict[str | None, set[Test]] = {}
    others: dict[Conjunction, None] = {}
    for conjunction in (conjunction for part in parts for conjunction in part):
        if len(conjunction) == 1 and not conjunction[0].negated:
            merged.setdefault(conjunction[0].field, set()).update(conjunction[0].tests)
        else:
            others[conjunction] = None
    lists: list[Conjunction] = [(Factor(field, False, frozenset(tests)),) for field, tests in merged.items()]
    return _capped([*lists, *others])


def _product(parts: Sequence[list[Conjunction]]) -> list[Conjunction]:
    result: list[Conjunction] = [()]
    for part in parts:
        _check(len(result) * len(part))
        result = [_joined(one, other) for one, other in product(result, part)]
    return result


def _joined(one: Conjunction, other: Conjunction) -> Conjunction:
    """Both; negated factors on one field become one factor, because none of either may hold."""
    factors = dict.fromkeys(factor for factor in (*one, *other) if not factor.negated)
    negated: dict[str | None, set[Test]] = {}
    for factor in (*one, *other):
        if factor.negated:
            negated.setdefault(factor.field, set()).update(factor.tests)
    return (*factors, *(Factor(field, True, frozenset(tests)) for field, tests in negated.items()))


def _capped(conjunctions: list[Conjunction]) -> list[Conjunction]:
    _check(len(conjunctions))
    return conjunctions


def _check(count: int) -> None:
    if count > MOST_CONJUNCTIONS:
        raise _TooMany


def _negates(node: Node) -> bool:
    match node:
        case Not():
            return True
        case All(items) | Any(items):
            return any(_negates(item) for item in items)
        case _:
            return False


def _refers(node: Node) -> bool:
    match node:
        case Clause(test=test):
            return isinstance(test, Reference)
        case Not(item):
            return _refers(item)
        case All(items) | Any(items):
            return any(_refers(item) for item in items)
