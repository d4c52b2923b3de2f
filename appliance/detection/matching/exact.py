"""
What a test, a clause and a whole condition say about one event, decided one by one.

The compiled matcher answers the same questions for all rules at once; this module answers them for a
rule at a time: where a conjunction cannot say everything (field references), and to explain a match.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from ipaddress import ip_network
from operator import eq, ge, gt, le, lt
from typing import Final, assert_never

from appliance.detection.matching.expressions import linear_regex
from appliance.detection.matching.globs import glob_regex
from appliance.detection.matching.values import (
    address_of,
    elements_of,
    fold,
    number_of,
    part_of,
    text_of,
    time_of,
)
from appliance.detection.sigma.tree import (
    ANY_TEXT,
    All,
    Any,
    Clause,
    Exists,
    Network,
    Node,
    Not,
    Null,
    Number,
    Reference,
    Regex,
    Test,
    Text,
)
from appliance.telemetry.events import Value

Fields = Mapping[str, Value]
Element = str | int | float
Predicate = Callable[[Element], bool]

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {
    "lt": lt,
    "lte": le,
    "gt": gt,
    "gte": ge,
    "eq": eq,
}


def holds(node: Node, fields: Fields) -> bool:
    """Whether a condition is true of an event's fields."""
    match node:
        case Clause():
            return clause_holds(node, fields)
        case Not(item):
            return not holds(item, fields)
        case All(items):
            return all(holds(item, fields) for item in items)
        case Any(items):
            return any(holds(item, fields) for item in items)
        case _:
            assert_never(node)


def clause_holds(clause: Clause, fields: Fields) -> bool:
    """Whether one clause is true of an event's fields."""
    test, field = clause.test, clause.field
    if field is None:
        predicate = predicate_of(test)
        return any(predicate(element) for value in fields.values() for element in elements_of(value))
    if isinstance(test, Exists):
        return field in fields
    if isinstance(test, Null):
        return not elements_of(fields.get(field))
    if isinstance(test, Reference):
        return _refers(test, fields, field)
    return any(map(predicate_of(test), elements_of(fields.get(field))))


@lru_cache(maxsize=16_384)
def predicate_of(test: Test) -> Predicate:
    """The test as a function of one element. Null, Exists and Reference are about more than one."""
    match test:
        case Text():
            return _text(test)
        case Regex(pattern, flags):
            search = linear_regex(pattern, flags).search
            return lambda element: search(searchable(text_of(element))) is not None
        case Network(cidr):
            return _network(cidr)
        case Number():
            return _number(test)
        case _:
            raise TypeError(f"{type(test).__name__} is not about one element")


def searchable(text: str) -> bytes:
    """Text as RE2 takes it fastest: UTF-8, a lone surrogate, which that cannot spell, as U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text).encode()


def _text(test: Text) -> Predicate:
    convert = text_of if test.cased else lambda element: fold(text_of(element))
    if all(isinstance(part, str) for part in test.parts):
        wanted = "".join(map(str, test.parts))
        wanted = wanted if test.cased else fold(wanted)
        return lambda element: convert(element) == wanted
    if test.parts == (ANY_TEXT,):
        return lambda _element: True
    search = linear_regex(glob_regex(test), "s").search
    return lambda element: search(searchable(convert(element))) is not None


def _network(cidr: str) -> Predicate:
    network = ip_network(cidr)
    version, first, last = network.version, int(network.network_address), int(network.broadcast_address)

    def inside(element: Element) -> bool:
        address = address_of(element) if isinstance(element, str) else None
        return address is not None and address.version == version and first <= int(address) <= last

    return inside


def _number(test: Number) -> Predicate:
    compare, number, part = _COMPARE[test.operator], test.number, test.part

    def value(element: Element) -> bool:
        found = number_of(element)
        return found is not None and compare(found, number)

    def instant(element: Element) -> bool:
        found = time_of(element)
        return found is not None and compare(part_of(found, part), number)

    return instant if part else value


def _refers(test: Reference, fields: Fields, field: str) -> bool:
    one, another = fields.get(field), fields.get(test.field)
    if isinstance(one, str) and isinstance(another, str):
        return _relates(test, fold(one), fold(another))
    wanted = [fold(text_of(element)) for element in elements_of(fields.get(test.field))]
    return any(
        _relates(test, fold(text_of(element)), other)
        for element in elements_of(fields.get(field))
        for other in wanted
    )


def _relates(test: Reference, text: str, other: str) -> bool:
    if test.starts and test.ends:
        return other in text
    if test.starts:
        return text.startswith(other)
    return text.endswith(other) if test.ends else text == other
