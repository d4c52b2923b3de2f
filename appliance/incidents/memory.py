"""
What the correlator remembers: groups, entities, how often rules fire. Bounded, and one msgpack value.

Invariants:
- Everything is bounded by number, oldest touched first out, so that a flood of invented entities costs
  constant memory and forgets the flood before anything else that is alive.
- Times are microseconds of event time. The order of eviction is the order of touching, which no event
  can choose: years-old imports are remembered as well as live events.
"""

from typing import TypeVar
from uuid import UUID

import msgspec
import zstandard

MOST_GROUPS = 1_000
MOST_ENTITIES = 20_000
MOST_NOISE = 20_000
MOST_WAITING = 2_000
MOST_SOURCES = 2_000
MOST_SPANS = 24
MOST_PEERS = 32
MOST_GROUP_RULES = 96
MOST_GROUP_ENTITIES = 100
MOST_MENTIONS = 24
_VERSION = 1

K = TypeVar("K")
V = TypeVar("V")


class Mention(msgspec.Struct, frozen=True, array_like=True):
    """An entity as a finding names it (telemetry/entities.py)."""

    kind: str
    value: str
    role: str
    weak: bool


class Sighting(msgspec.Struct, frozen=True, array_like=True):
    """
    A finding, as far as grouping looks at it.

    Attributes:
        time: Of the event, microseconds since the epoch.
        host: Where it happened; "" if unknown.
    """

    id: UUID
    source_id: UUID
    rule_id: str
    title: str
    level: int
    techniques: tuple[str, ...]
    tactics: tuple[str, ...]
    time: int
    host: str
    entities: tuple[Mention, ...]


class Span(msgspec.Struct, array_like=True):
    """While an entity was seen in a group without a longer pause; `tactics` is a bit mask."""

    first: int
    last: int
    group: int
    tactics: int


class EntityMemory(msgspec.Struct, array_like=True):
    """
    What is known of an entity.

    Attributes:
        peers: Whom it was seen with, and since when: what makes a domain controller or a NAT address.
        weight: Risk as a weight (risk.py), as of `at`.
    """

    spans: list[Span] = []
    peers: dict[str, int] = {}
    weight: float = 0.0
    at: int = 0


class RuleCount(msgspec.Struct, array_like=True):
    """A rule within a group. `example` is its first finding by event time."""

    title: str
    level: int
    count: int
    example: UUID
    example_time: int
    tactics: tuple[str, ...] = ()


class EntityCount(msgspec.Struct, array_like=True):
    """An entity within a group: what it was there, and which rules named it how often."""

    kind: str
    value: str
    role: str
    weak: bool
    rules: dict[str, int] = {}
    # Its remembered weight before this group counted.
    carried: float = 0.0


class Group(msgspec.Struct):
    """
    Findings that belong together: one incident.

    Attributes:
        first, last: Of what holds it together, event time; `shown_first` and `shown_last` are of all of it.
        tactics, techniques: In order of appearance.
        sources: Whose findings it holds, for judging lateness.
    """

    id: int
    incident: UUID | None
    first: int
    last: int
    shown_first: int
    shown_last: int
    severity: int = 0
    tactics: dict[str, int] = {}
    techniques: dict[str, int] = {}
    rules: dict[str, RuleCount] = {}
    entities: dict[str, EntityCount] = {}
    sources: set[UUID] = set()
    # Set when people have closed it as no attack: more of the same stays in it, quietly.
    dismissed: bool = False


class Waiting(msgspec.Struct):
    """Findings about an entity that are too little to open an incident, until they add up."""

    items: list[Sighting] = []


class State(msgspec.Struct):
    """All of it. The dictionaries are in order of touching."""

    groups: dict[int, Group] = {}
    merged: dict[int, int] = {}
    entities: dict[str, EntityMemory] = {}
    noise: dict[str, list[int]] = {}
    # When grave noise last counted in full, by rule and host.
    reminded: dict[str, int] = {}
    waiting: dict[str, Waiting] = {}
    positions: dict[UUID, int] = {}
    next_group: int = 1
    version: int = _VERSION


def pack(state: State) -> bytes:
    return zstandard.compress(msgspec.msgpack.encode(state), 1)


def unpack(body: bytes) -> State:
    """
    A packed state.

    Raises:
        ValueError: Of another version or damaged.
    """
    try:
        state = msgspec.msgpack.decode(zstandard.decompress(body), type=State)
    except (zstandard.ZstdError, msgspec.MsgspecError) as error:
        raise ValueError(f"the correlator's state cannot be read: {error}") from error
    if state.version != _VERSION:
        raise ValueError(f"the correlator's state is of version {state.version}, not {_VERSION}")
    return state


def touch(table: dict[str, EntityMemory], key: str) -> EntityMemory:
    """The entity's memory, made if there is none, as the most recently touched."""
    found = table.pop(key, None) or EntityMemory(spans=[], peers={})
    table[key] = found
    return found


def shrink(state: State) -> None:
    """Forget what was touched longest ago, beyond the bounds."""
    _drop_oldest(state.entities, MOST_ENTITIES)
    _drop_oldest(state.noise, MOST_NOISE)
    _drop_oldest(state.reminded, MOST_NOISE)
    _drop_oldest(state.positions, MOST_SOURCES)
    _drop_oldest(state.groups, MOST_GROUPS)
    while state.waiting and sum(len(each.items) for each in state.waiting.values()) > MOST_WAITING:
        del state.waiting[next(iter(state.waiting))]
    # A merge matters as long as something may still point at the group that is no more.
    state.merged = {old: new for old, new in state.merged.items() if new in state.groups}


def _drop_oldest(table: dict[K, V], most: int) -> None:
    for key in list(table)[: max(0, len(table) - most)]:
        del table[key]
