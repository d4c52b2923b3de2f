"""
Which rules can match an event at all, from its kind, channel and code.

Invariants:
- What the route decides (EventID clauses, the log source) is decided here, once per route,
  and not per event.
- However many different routes hostile events invent, memory stays bounded.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from appliance.detection.matching.exact import predicate_of
from appliance.detection.sigma.logsources import WINDOWS, Stream
from appliance.detection.sigma.tree import All, Any, Clause, Exists, Node, Not, Null, Reference, Text

Candidate = tuple[int, Stream]

_LOG_SOURCE: Final = "log source"


class RouteIndex:
    """Rules by the streams their log sources mean."""

    def __init__(self, streams: Sequence[Sequence[Stream]]) -> None:
        self._by_place: dict[tuple[str, str], list[Candidate]] = {}
        for number, each in enumerate(streams):
            for stream in each:
                self._by_place.setdefault((stream.kind, stream.channel), []).append((number, stream))

    def rules(self, kind: str, channel: str, code: str) -> dict[int, tuple[str, ...]]:
        """
        The rules that a route concerns, in order.

        Returns:
            Rule number → the EventType values it is narrowed to, () for any.
        """
        found: dict[int, tuple[str, ...]] = {}
        for number, stream in self._candidates(kind, channel.lower()):
            if stream.codes and code not in stream.codes:
                continue
            known = found.get(number)
            # Two streams of one rule may carry the same route; the wider one decides.
            found[number] = stream.event_types if known is None else _wider(known, stream.event_types)
        return dict(sorted(found.items()))

    def _candidates(self, kind: str, channel: str) -> Iterator[Candidate]:
        for prefix in _prefixes(kind):
            for place in dict.fromkeys(((prefix, channel), (prefix, ""))):
                yield from self._by_place.get(place, ())


def narrowed(tree: Node, event_types: tuple[str, ...]) -> Node:
    """The tree with what its log source demands beyond the route, as clauses that can be explained."""
    if not event_types:
        return tree
    clauses = tuple(Clause(_LOG_SOURCE, "EventType", (), Text((each,))) for each in event_types)
    return All((tree, clauses[0] if len(clauses) == 1 else Any(clauses)))


def decided(tree: Node, kind: str, code: str) -> Node | bool:
    """What is left of a tree when the route's EventID is known."""
    if kind != WINDOWS:
        return tree
    return _decided(tree, code)


def looks_at_route(tree: Node) -> bool:
    """Whether a route can decide a clause of a tree. Channel is none: event 104 has one of its own."""
    if isinstance(tree, Clause):
        return tree.field == "EventID"
    items = (tree.item,) if isinstance(tree, Not) else tree.items
    return any(looks_at_route(item) for item in items)


def _decided(node: Node, code: str) -> Node | bool:
    if isinstance(node, Clause):
        return _decided_clause(node, code)
    if isinstance(node, Not):
        item = _decided(node.item, code)
        return not item if isinstance(item, bool) else Not(item)
    ends = isinstance(node, Any)
    left: list[Node] = []
    for item in node.items:
        outcome = _decided(item, code)
        if outcome is ends:
            return ends
        if not isinstance(outcome, bool):
            left.append(outcome)
    if not left:
        return not ends
    return left[0] if len(left) == 1 else type(node)(tuple(left))


def _decided_clause(clause: Clause, code: str) -> Node | bool:
    if clause.field != "EventID" or isinstance(clause.test, Reference):
        return clause
    if isinstance(clause.test, Exists):
        return True
    if isinstance(clause.test, Null):
        return False
    return predicate_of(clause.test)(code)


def _prefixes(kind: str) -> Iterator[str]:
    """A kind and those above it: zeek.dns, zeek."""
    yield kind
    while "." in kind:
        kind = kind.rpartition(".")[0]
        yield kind


def _wider(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one + other)) if one and other else ()
