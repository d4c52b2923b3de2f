"""
Proves, from an export alone, that nothing from a source was removed or altered between two moments.

A segment is what the appliance stored at one go. Its root is a Merkle tree over one node for each source in
it, in order of the sources' ids; a source's node tells how many events it sent and the root over them, in
order of their ids. So a segment that holds nothing of a source proves that too, and other sources' events
need not be shown. The roots of all segments are in the chain, signed; an event's id carries its segment
and the millisecond of its receipt, so nobody can leave a segment out of the period.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

from . import merkle
from .hashing import leaf_hash
from .verdicts import Kind, Problem

PLACE_BITS = 20  # an event's id is its segment's first id plus its place
ID_BYTES = 16
EVENT, SOURCE = b"xdr-event-v1\n", b"xdr-source-v1\n"


def event_leaf(event_id: bytes, original: bytes) -> bytes:
    """The leaf of one event: its id, which carries segment and time of receipt, and its original bytes."""
    return leaf_hash(EVENT + event_id + sha256(original).digest())


def source_leaf(source: bytes, events: int, root: bytes) -> bytes:
    return leaf_hash(SOURCE + source + events.to_bytes(8) + root)


def segment_of(event_id: bytes) -> bytes:
    return (int.from_bytes(event_id) >> PLACE_BITS << PLACE_BITS).to_bytes(ID_BYTES)


def received_ms(segment: bytes) -> int:
    """Milliseconds since the epoch."""
    return int.from_bytes(segment[:6])


Sources = list[tuple[bytes, int, bytes]]


def segment_root(sources: Sources) -> bytes:
    """
    The root of a segment.

    Args:
        sources: (id, number of events, root over them) in ascending order of id.
    """
    return merkle.root_of([source_leaf(*one) for one in sources])


def tallied(events: Iterable[tuple[bytes, bytes, bytes]]) -> Sources:
    """The sources of a segment, from its events: (id, source, leaf), in any order."""
    found: dict[bytes, list[tuple[bytes, bytes]]] = {}
    for event_id, source, leaf in events:
        found.setdefault(source, []).append((event_id, leaf))
    return [
        (source, len(leaves), merkle.root_of([leaf for _, leaf in sorted(leaves)]))
        for source, leaves in sorted(found.items())
    ]


@dataclass
class Period:
    """
    What was asked for: one source, from and until (exclusive) a moment of receipt, in milliseconds.

    Feed it the segments and the source's events of the export in order, then ask `finish`.
    """

    source: bytes
    start_ms: int
    end_ms: int
    segments: int = 0
    events: int = 0
    problem: Problem | None = None
    _claimed: tuple[str, int, bytes] | None = None
    _leaves: list[tuple[bytes, bytes]] = field(default_factory=list)
    _shown: set[bytes] = field(default_factory=set)

    def contains(self, segment: bytes) -> bool:
        return self.start_ms <= received_ms(segment) < self.end_ms

    def segment(self, line: bytes, sealed: Mapping[bytes, tuple[int, bytes]]) -> None:
        """One segment with what it holds of each source, against what was sealed of it."""
        self._close()
        said = json.loads(line)
        base = bytes.fromhex(said["segment"])
        sources = [(bytes.fromhex(s), int(n), bytes.fromhex(root)) for s, n, root in said["sources"]]
        name = base.hex()
        expected = sealed.get(base)
        ascending = [one[0] for one in sources] == sorted({one[0] for one in sources})
        if expected is None:
            self._blame(Kind.EVENTS_ALTERED, name, "was never sealed: it was inserted")
        elif not ascending or (sum(n for _, n, _ in sources), segment_root(sources)) != expected:
            self._blame(Kind.EVENTS_ALTERED, name, "does not hold the events that were sealed in it")
        self._shown.add(base)
        self.segments += 1
        own = next(((n, root) for source, n, root in sources if source == self.source), (0, merkle.EMPTY))
        self._claimed = (name, *own)

    def event(self, event_id: bytes, original: bytes) -> None:
        """One event of the source, after its segment."""
        if self._claimed is None or segment_of(event_id).hex() != self._claimed[0]:
            self._blame(
                Kind.EVENTS_ALTERED, segment_of(event_id).hex(), "holds an event that stands elsewhere"
            )
        self._leaves.append((event_id, event_leaf(event_id, original)))
        self.events += 1

    def finish(self, sealed: Mapping[bytes, tuple[int, bytes]], dropped_days: Mapping[str, int]) -> None:
        """Every segment that was sealed in the period has to be there, or its day has to be retired."""
        self._close()
        for base in sorted(base for base in sealed if self.contains(base) and base not in self._shown):
            day = datetime.fromtimestamp(received_ms(base) / 1000, UTC).date().isoformat()
            if day not in dropped_days:
                self._blame(
                    Kind.EVENTS_MISSING, base.hex(), f"of {day} is not there, and no record retired its day"
                )

    def _close(self) -> None:
        if self._claimed is not None:
            name, events, root = self._claimed
            found = merkle.root_of([leaf for _, leaf in sorted(self._leaves)])
            if len(self._leaves) < events:
                self._blame(
                    Kind.EVENTS_MISSING,
                    name,
                    f"held {events} events of the source; {len(self._leaves)} are there",
                )
            elif found != root:
                self._blame(Kind.EVENTS_ALTERED, name, "holds events of the source that are not as they were")
        self._claimed, self._leaves = None, []

    def _blame(self, kind: Kind, segment: str, what: str) -> None:
        if self.problem is None:
            self.problem = Problem(kind, 0, f"segment {segment} {what}", segment=segment)
