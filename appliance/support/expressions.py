"""
The part of PromQL that the shipped alert rules use, evaluated over a node's own samples.

Numbers; selectors with `=`, `!=`, `=~`, `!~` and a range; `+ - * /`, comparisons and `and`; `sum`, `max`,
`min`, `count`, each with `by`; `rate`, `increase`, `histogram_quantile`, `vector`, `time`. Anything else is
refused when a rule is read. What each means, and its corner cases, is Prometheus' own: tests compare the two.

Source: prometheus.io/docs, "Querying"; extrapolation as in Prometheus' `extrapolatedRate`.
"""

import math
import operator
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Protocol

import msgspec

from appliance.foundation.errors import Invalid

Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]
Value = float | Vector
Points = Sequence[tuple[float, float]]

_LOOK_BACK_SECONDS = 300.0
_PAIR = 2
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)(?![\w.])|(?P<name>[a-zA-Z_:][\w:]*)|(?P<text>\"(?:[^\"\\]|\\.)*\")"
    r"|\[(?P<range>\d+[smhd])\]|(?P<sign>==|!=|=~|!~|<=|>=|[-+*/()<>{},=]))"
)


def _divided(one: float, other: float) -> float:
    if other:
        return one / other
    return math.nan if not one or math.isnan(one) else math.copysign(math.inf, one)


_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": _divided
}  # fmt: skip
_COMPARISON: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt,
    "<=": operator.le, ">=": operator.ge,
}  # fmt: skip
_AGGREGATE: dict[str, Callable[[list[float]], float]] = {
    "sum": math.fsum, "max": max, "min": min, "count": lambda values: float(len(values))
}  # fmt: skip


class Series(Protocol):
    """Where samples lie."""

    def of(self, name: str) -> Mapping[Labels, Points]:
        """The points of each series of a metric, by its labels, oldest first, as (seconds, value)."""
        ...


class Number(msgspec.Struct, frozen=True):
    value: float

    def at(self, _series: Series, _now: float) -> Value:
        return self.value


class Selector(msgspec.Struct, frozen=True):
    """A metric's series whose labels match. `seconds` is the range, 0 for the latest value."""

    name: str
    matchers: tuple[tuple[str, str, str], ...] = ()
    seconds: float = 0.0

    def at(self, series: Series, now: float) -> Value:
        return {
            labels | {("__name__", self.name)}: points[-1][1]
            for labels, points in self._within(series, now - _LOOK_BACK_SECONDS, now)
        }

    def ranges(self, series: Series, now: float) -> Iterator[tuple[Labels, Points]]:
        return self._within(series, now - self.seconds, now)

    def _within(self, series: Series, after: float, until: float) -> Iterator[tuple[Labels, Points]]:
        for labels, points in series.of(self.name).items():
            inside = [point for point in points if after < point[0] <= until]
            if inside and all(_matches(dict(labels), matcher) for matcher in self.matchers):
                yield labels, inside


class Call(msgspec.Struct, frozen=True):
    name: str
    arguments: tuple["Node", ...]

    def at(self, series: Series, now: float) -> Value:
        if self.name == "time":
            return now
        if self.name == "vector":
            return {frozenset(): _scalar(self.arguments[0].at(series, now))}
        if self.name == "histogram_quantile":
            return _quantiles(
                _scalar(self.arguments[0].at(series, now)), _vector(self.arguments[1], series, now)
            )
        over = self.arguments[0]
        assert isinstance(over, Selector)  # the parser has looked
        return {
            labels: value * (1.0 if self.name == "increase" else 1.0 / over.seconds)
            for labels, points in over.ranges(series, now)
            if (value := _increase(points, now - over.seconds, now)) is not None
        }


class Aggregate(msgspec.Struct, frozen=True):
    name: str
    by: tuple[str, ...]
    over: "Node"

    def at(self, series: Series, now: float) -> Value:
        groups: dict[Labels, list[float]] = defaultdict(list)
        for labels, value in _vector(self.over, series, now).items():
            groups[frozenset(pair for pair in labels if pair[0] in self.by)].append(value)
        return {labels: _AGGREGATE[self.name](values) for labels, values in groups.items()}


class Operation(msgspec.Struct, frozen=True):
    """Two sides and what is between them. A comparison keeps the left values for which it holds."""

    sign: str
    left: "Node"
    right: "Node"

    def at(self, series: Series, now: float) -> Value:
        left, right = self.left.at(series, now), self.right.at(series, now)
        if self.sign == "and":
            kept = {_nameless(labels) for labels in _as_vector(right)}
            return {labels: value for labels, value in _as_vector(left).items() if _nameless(labels) in kept}
        if self.sign in _ARITHMETIC:
            return _computed(_ARITHMETIC[self.sign], left, right)
        return _compared(_COMPARISON[self.sign], left, right)


Node = Number | Selector | Call | Aggregate | Operation


def parse(text: str) -> Node:
    """
    Read an expression.

    Raises:
        Invalid: It is none, or uses what is not evaluated here; says where.
    """
    parser = _Parser(text)
    found = parser.expression()
    parser.end()
    if misplaced := next(_misplaced(found), None):
        raise Invalid(f"{text!r}: {misplaced.name} has a range that nothing is done with")
    return found


def selectors(node: Node) -> Iterator[Selector]:
    """Every selector in an expression: which metrics it needs, and how far back."""
    if isinstance(node, Selector):
        yield node
    for below in _below(node):
        yield from selectors(below)


def _misplaced(node: Node) -> Iterator[Selector]:
    """Selectors with a range that are not what rate or increase is of."""
    if isinstance(node, Call) and node.name in ("rate", "increase"):
        return
    if isinstance(node, Selector) and node.seconds:
        yield node
    for below in _below(node):
        yield from _misplaced(below)


def _below(node: Node) -> tuple[Node, ...]:
    match node:
        case Call(arguments=arguments):
            return arguments
        case Aggregate(over=over):
            return (over,)
        case Operation(left=left, right=right):
            return (left, right)
        case _:
            return ()


class _Parser:
    """By descent: `and`, then comparisons, then sums, then products."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text.strip(), 0

    def expression(self) -> Node:
        return self._chain(("and",), self._comparison)

    def end(self) -> None:
        if self._at != len(self._text):
            raise self._wrong("an operator")

    def _comparison(self) -> Node:
        return self._chain(tuple(_COMPARISON), self._sum)

    def _sum(self) -> Node:
        return self._chain(("+", "-"), self._product)

    def _product(self) -> Node:
        return self._chain(("*", "/"), self._unit)

    def _chain(self, signs: tuple[str, ...], below: Callable[[], Node]) -> Node:
        found = below()
        while sign := next((sign for sign in signs if self._take(sign)), None):
            found = Operation(sign, found, below())
        return found

    def _unit(self) -> Node:
        if self._take("("):
            found = self.expression()
            self._need(")")
            return found
        kind, word = self._next()
        if kind == "number":
            return Number(float(word))
        if kind != "name":
            raise self._wrong("a number, a metric or a function")
        if word in _AGGREGATE:
            return self._aggregate(word)
        return self._call(word) if self._take("(") else self._selector(word)

    def _aggregate(self, word: str) -> Node:
        names: list[str] = []
        if self._take("by"):
            self._need("(")
            names = self._names()
        self._need("(")
        over = self.expression()
        self._need(")")
        return Aggregate(word, tuple(names), over)

    def _names(self) -> list[str]:
        found = []
        while not self._take(")"):
            found.append(self._next()[1])
            self._take(",")
        return found

    def _call(self, word: str) -> Node:
        arguments = []
        while not self._take(")"):
            arguments.append(self.expression())
            self._take(",")
        counts = {"time": 0, "vector": 1, "rate": 1, "increase": 1, "histogram_quantile": 2}
        if counts.get(word) != len(arguments):
            raise self._wrong(f"one of {', '.join(counts)} with its arguments, not {word}")
        ranged = [isinstance(each, Selector) and each.seconds > 0 for each in arguments]
        if any(ranged) != (word in ("rate", "increase")):
            raise self._wrong(f"{word} over a range" if not any(ranged) else f"{word} without one")
        return Call(word, tuple(arguments))

    def _selector(self, word: str) -> Node:
        matchers = []
        if self._take("{"):
            while not self._take("}"):
                label, sign, text = self._next()[1], self._next()[1], self._next()[1]
                if sign not in ("=", "!=", "=~", "!~") or not text.startswith('"'):
                    raise self._wrong('a matcher such as status=~"5.."')
                matchers.append((label, sign, msgspec.json.decode(text, type=str)))
                self._take(",")
        found = _TOKEN.match(self._text, self._at)
        seconds = 0.0
        if found and found["range"]:
            self._at = found.end()
            seconds = float(int(found["range"][:-1]) * _UNITS[found["range"][-1]])
        return Selector(word, tuple(matchers), seconds)

    def _next(self) -> tuple[str, str]:
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            raise self._wrong("something else")
        self._at = found.end()
        kind = found.lastgroup or ""
        return kind, found[kind]

    def _take(self, word: str) -> bool:
        found = _TOKEN.match(self._text, self._at)
        if found is None or (found["sign"] or found["name"]) != word:
            return False
        self._at = found.end()
        return True

    def _need(self, word: str) -> None:
        if not self._take(word):
            raise self._wrong(repr(word))

    def _wrong(self, expected: str) -> Invalid:
        return Invalid(f"{self._text!r}: {expected} is expected at {self._text[self._at :]!r}")


def _increase(points: Points, start: float, end: float) -> float | None:
    """What a counter grew by within a range; ends without a sample are extrapolated as Prometheus does."""
    if len(points) < _PAIR:
        return None
    grown = points[-1][1] - points[0][1]
    grown += math.fsum(before for (_, before), (_, after) in pairwise(points) if after < before)
    sampled = points[-1][0] - points[0][0]
    apart = sampled / (len(points) - 1)
    before, after = points[0][0] - start, end - points[-1][0]
    if grown > 0 and points[0][1] >= 0:
        # A counter was not below zero: no further back than where it would have been zero.
        before = min(before, sampled * (points[0][1] / grown))
    most = apart * 1.1
    before = before if before < most else apart / 2
    after = after if after < most else apart / 2
    return grown * (sampled + before + after) / sampled


def _quantiles(wanted: float, buckets: Vector) -> Vector:
    """The quantile of each histogram, linear within its bucket."""
    groups: dict[Labels, list[tuple[float, float]]] = defaultdict(list)
    for labels, count in buckets.items():
        bound = dict(labels).get("le")
        if bound is not None:
            rest = frozenset(pair for pair in _nameless(labels) if pair[0] != "le")
            groups[rest].append((float(bound), count))
    return {labels: _quantile(wanted, sorted(pairs)) for labels, pairs in groups.items()}


def _quantile(wanted: float, buckets: list[tuple[float, float]]) -> float:
    if len(buckets) < _PAIR or not math.isinf(buckets[-1][0]) or not buckets[-1][1]:
        return math.nan
    rank = wanted * buckets[-1][1]
    place = next(n for n, (_, count) in enumerate(buckets) if count >= rank)
    if place == len(buckets) - 1:
        return buckets[-2][0]
    low, below = buckets[place - 1] if place else (0.0, 0.0)
    high, count = buckets[place]
    if count == below:
        return high
    return low + (high - low) * (rank - below) / (count - below)


def _computed(act: Callable[[float, float], float], left: Value, right: Value) -> Value:
    if isinstance(left, float) and isinstance(right, float):
        return act(left, right)
    return {labels: act(one, other) for labels, one, other in _pairs(left, right)}


def _compared(holds: Callable[[float, float], bool], left: Value, right: Value) -> Value:
    if isinstance(left, float) and isinstance(right, float):
        return float(holds(left, right))
    if isinstance(left, float):
        assert not isinstance(right, float)
        return {labels: value for labels, value in right.items() if holds(left, value)}
    other = (
        right if isinstance(right, float) else {_nameless(labels): value for labels, value in right.items()}
    )
    return {
        labels: value
        for labels, value in left.items()
        if (against := other if isinstance(other, float) else other.get(_nameless(labels))) is not None
        and holds(value, against)
    }


def _pairs(left: Value, right: Value) -> Iterator[tuple[Labels, float, float]]:
    """Values of both sides under the same labels, a number standing for each."""
    if isinstance(left, float):
        yield from ((_nameless(labels), left, value) for labels, value in _as_vector(right).items())
        return
    if isinstance(right, float):
        yield from ((_nameless(labels), value, right) for labels, value in left.items())
        return
    others = {_nameless(labels): value for labels, value in right.items()}
    for labels, value in left.items():
        bare = _nameless(labels)
        if bare in others:
            yield bare, value, others[bare]


def _vector(node: Node, series: Series, now: float) -> Vector:
    return _as_vector(node.at(series, now))


def _as_vector(value: Value) -> Vector:
    if isinstance(value, float):
        raise Invalid("a number stands where series are expected")
    return value


def _scalar(value: Value) -> float:
    if not isinstance(value, float):
        raise Invalid("series stand where a number is expected")
    return value


def _nameless(labels: Labels) -> Labels:
    return frozenset(pair for pair in labels if pair[0] != "__name__")


def _matches(labels: Mapping[str, str], matcher: tuple[str, str, str]) -> bool:
    name, sign, text = matcher
    value = labels.get(name, "")
    is_same = value == text if sign in ("=", "!=") else re.fullmatch(text, value) is not None
    return is_same == (sign in ("=", "=~"))
