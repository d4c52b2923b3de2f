"""
The compiled rule set: every event goes through `RuleSet.match`.

Invariants:
- A rule set never changes. A reload builds a new one beside it; events meet one or the other, so none
  is dropped and none is matched by half a set.
- Groups are compiled when the first event of their route comes, or ahead of it by `prepare`.
- One thread matches: Vectorscan's scratch memory is not shared.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any, Final

from appliance.detection.explaining import Explanation, explain
from appliance.detection.matching.bodies import BodyGate
from appliance.detection.matching.databases import DatabaseStore
from appliance.detection.matching.groups import NO_RULES, Group
from appliance.detection.matching.masks import EVERYTHING, NO_TESTS
from appliance.detection.matching.memory import DEFAULT_BYTES, Memory
from appliance.detection.matching.routes import RouteIndex, decided, looks_at_route, narrowed
from appliance.detection.sigma.logsources import WINDOWS, Stream, Streams, streams_of
from appliance.detection.sigma.parsing import ParsedRule
from appliance.detection.sigma.rules import Rule
from appliance.detection.sigma.tree import Node, Test, clauses_of
from appliance.telemetry.events import Event

# Real estates have about 700 routes; hostile events could invent any number.
_MOST_ROUTES: Final = 4096

Route = tuple[str, str, str]

_PROCESS_CREATION: Final = (WINDOWS, "process_creation")
_UNKNOWN: Final[Any] = object()


class RuleSet:
    """
    Rules, ready to match.

    Attributes:
        version: Hash of the versions of all its rules, 32 hexadecimal digits.
        rules: What `match` indexes into.
    """

    def __init__(
        self,
        parsed: Sequence[ParsedRule],
        *,
        store: DatabaseStore | None = None,
        memory_bytes: int = DEFAULT_BYTES,
    ) -> None:
        self.rules: tuple[Rule, ...] = tuple(each.rule for each in parsed)
        self.version = _version(self.rules)
        self._trees = tuple(each.tree for each in parsed)
        self._looks_at_route = tuple(looks_at_route(tree) for tree in self._trees)
        streams = [streams_of(rule.logsource) for rule in self.rules]
        self._index = RouteIndex([each.streams if each else () for each in streams])
        self._body_gate = BodyGate(_gated_keywords(parsed, streams))
        self._store = store
        self._memory = Memory(memory_bytes)
        self._groups: dict[object, Group | None] = {}
        self._routes: dict[Route, Group | None] = {}

    def match(self, event: Event) -> Sequence[int]:
        """The rules that fire for an event, as ascending indexes into `rules`; an empty tuple for none."""
        try:
            group = self._routes[event.kind, event.channel, event.code]
        except KeyError:
            group = self._route((event.kind, event.channel, event.code))
        return NO_RULES if group is None else group.match(event.fields)

    def match_body(self, events: Sequence[Event], body: bytes) -> list[Sequence[int]]:
        """
        What `match` says for each event of a body of JSON, faster.

        Args:
            events: Events decoded from `body`, whose `start` and `end` point into it.
            body: JSON text as it arrived; not for other formats, whose originals do not spell out values.
        """
        suspects = self._body_gate.suspects(events, body)
        known = self._routes.get
        found: list[Sequence[int]] = []
        append = found.append
        for event, suspect in zip(events, suspects, strict=True):
            route = (event.kind, event.channel, event.code)
            group = known(route, _UNKNOWN)
            if group is _UNKNOWN:
                group = self._route(route)
            if group is None:
                append(NO_RULES)
                continue
            satisfied = group.satisfied(event.fields, EVERYTHING, suspect)
            append(group.fired(satisfied, event.fields) if satisfied else group.always)
        return found

    def prepare(self, routes: Iterable[Route]) -> None:
        """Compiles the groups of routes ahead of their first event, as a reload does with known ones."""
        for route in routes:
            if route not in self._routes:
                self._route(route)

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes seen so far: what to `prepare` in the next rule set."""
        return tuple(self._routes)

    def concerned(self, route: Route) -> tuple[Rule, ...]:
        """The rules that events of a route can make fire, whatever their fields."""
        return tuple(self.rules[number] for number, _ in self._left(route))

    def condition(self, number: int, route: Route) -> Node | bool:
        """What decides whether a rule fires for events of a route; False if they do not concern it."""
        narrowing = self._index.rules(*route).get(number)
        return False if narrowing is None else self._decided(number, narrowing, route)

    def explain(self, number: int, event: Event) -> Explanation:
        """
        Why a rule fired for an event.

        Raises:
            ValueError: It does not fire.
        """
        return explain(self.condition(number, event.route), event)

    def _left(self, route: Route) -> list[tuple[int, Node | bool]]:
        concerned = self._index.rules(*route)
        left = [(number, self._decided(number, types, route)) for number, types in concerned.items()]
        return [(number, tree) for number, tree in left if tree is not False]

    def _decided(self, number: int, event_types: tuple[str, ...], route: Route) -> Node | bool:
        tree = narrowed(self._trees[number], event_types)
        return decided(tree, route[0], route[2]) if self._looks_at_route[number] else tree

    def _route(self, route: Route) -> Group | None:
        if len(self._routes) >= _MOST_ROUTES:
            self._routes.clear()
        left = self._left(route)
        # Routes that leave the same of the same rules share a group, so that groups stay few.
        # What decoders of other kinds add to a value is not known to the gate.
        gated = self._body_gate.tests if route[0] == WINDOWS else NO_TESTS
        each = tuple((number, _fingerprint(tree, self._trees[number])) for number, tree in left)
        signature = (bool(gated), each)
        if signature not in self._groups:
            self._groups[signature] = Group(left, self._memory, self._store, gated) if left else None
        group = self._routes[route] = self._groups[signature]
        return group


def _gated_keywords(parsed: Sequence[ParsedRule], streams: Sequence[Streams | None]) -> Iterator[Test]:
    """
    The keywords that a body is searched for at once.

    Those that concern every Windows event or the start of a process: they meet many events that hold none.
    The others, such as names of malware in reports of anti-virus, are rarely asked for and often there.
    """
    for each, meant in zip(parsed, streams, strict=True):
        is_wide = meant is not None and Stream(WINDOWS) in meant.streams
        if is_wide or (each.rule.logsource.product, each.rule.logsource.category) == _PROCESS_CREATION:
            yield from (clause.test for clause in clauses_of(each.tree) if clause.field is None)


def _fingerprint(left: Node | bool, tree: Node) -> object:
    """Equal for equal trees, cheap where the route left the tree as it was."""
    return True if left is tree else left


def _version(rules: Iterable[Rule]) -> str:
    digest = blake2b(digest_size=16)
    for rule in rules:
        digest.update(f"{rule.id} {rule.version} {rule.owner}\n".encode(errors="surrogatepass"))
    return digest.hexdigest()
