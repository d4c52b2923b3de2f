"""
A rule's condition as a tree of tests: what the matcher compiles, the cache stores and `explain` walks.

Sigma 2.1 semantics, as decided here and proved against the naive evaluator in the tests:
- A value is compared as text: 4625 equals "4625". Booleans are "true" and "false".
- Text is compared after `fold`, unless `cased`. `*` is any text, `?` one character.
- A field holding several values matches if one of them does; a missing field or None holds no value.
- `Null` is true where there is no value, `Exists` where the field is there at all, None included.
- A test without a field (a keyword) is about any value of the event, and text need only be contained.
"""

from collections.abc import Iterator
from typing import TypeAlias

import msgspec

ANY_TEXT = 0
ANY_CHARACTER = 1

Part: TypeAlias = str | int


class Text(msgspec.Struct, frozen=True, tag="text", gc=False, array_like=True):
    """A pattern: literal parts with ANY_TEXT and ANY_CHARACTER between them."""

    parts: tuple[Part, ...]
    cased: bool = False


class Regex(msgspec.Struct, frozen=True, tag="regex", gc=False, array_like=True):
    """A regular expression in RE2 syntax, searched anywhere; flags out of "ims", sorted."""

    pattern: str
    flags: str = ""


class Network(msgspec.Struct, frozen=True, tag="network", gc=False, array_like=True):
    """An address in a network, IPv4 or IPv6; an IPv4-mapped IPv6 address counts as IPv4."""

    cidr: str


class Number(msgspec.Struct, frozen=True, tag="number", gc=False, array_like=True):
    """
    A numeric comparison: lt, lte, gt, gte or eq.

    `part` is "" for the value itself, or minute, hour, day, week, month or year of the timestamp
    that the value is.
    """

    operator: str
    number: float
    part: str = ""


class Null(msgspec.Struct, frozen=True, tag="null", gc=False, array_like=True):
    """No value."""


class Exists(msgspec.Struct, frozen=True, tag="exists", gc=False, array_like=True):
    """The field is there."""


class Reference(msgspec.Struct, frozen=True, tag="reference", gc=False, array_like=True):
    """Equal to another field, or starting with, ending with or containing it, after `fold`."""

    field: str
    starts: bool = False
    ends: bool = False


Test: TypeAlias = Text | Regex | Network | Number | Null | Exists | Reference


class Clause(msgspec.Struct, frozen=True, tag="clause", gc=False, array_like=True):
    """One test of one field; `field` None is a keyword. Selection and modifiers are for `explain`."""

    selection: str
    field: str | None
    modifiers: tuple[str, ...]
    test: Test


class All(msgspec.Struct, frozen=True, tag="all", array_like=True):
    items: tuple["Node", ...]


class Any(msgspec.Struct, frozen=True, tag="any", array_like=True):
    items: tuple["Node", ...]


class Not(msgspec.Struct, frozen=True, tag="not", array_like=True):
    item: "Node"


Node: TypeAlias = Clause | All | Any | Not


def clauses_of(node: Node) -> Iterator[Clause]:
    """Every clause of a tree, in order."""
    match node:
        case Clause():
            yield node
        case Not(item):
            yield from clauses_of(item)
        case All(items) | Any(items):
            for item in items:
                yield from clauses_of(item)
