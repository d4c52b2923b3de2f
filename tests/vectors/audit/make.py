"""
Makes the vectors of the audit format: exports with the verdict that every verifier has to reach.

    python -m tests.vectors.audit.make

Each file holds `export` (the text), `fingerprint` (to pin, or ""), `expect` (checkpoints kept elsewhere) and
`verdict`: `ok` and, where something is wrong, `kinds` (any of which is right) and `seq`, the record to name.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from appliance.audit.verifier.hashing import fingerprint
from tests.factories.trails import (
    FOREIGN_KEY,
    KEY,
    NEXT_KEY,
    NOON_US,
    OTHER_SOURCE,
    SOURCE,
    Mark,
    Stream,
    honest,
    raw,
)

FOLDER = Path(__file__).parent
PIN = fingerprint(raw(KEY))
Vector = dict[str, Any]
VECTORS: dict[str, Callable[[], Vector]] = {}


def vector(make: Callable[[], Vector]) -> Callable[[], Vector]:
    VECTORS[make.__name__] = make
    return make


def right(
    stream: Stream, *, pin: str = PIN, expect: tuple[Mark, ...] = (), keys: list[bytes] | None = None
) -> Vector:
    return {
        "export": stream.export(keys).decode(), "fingerprint": pin, "expect": [one.kept() for one in expect],
        "verdict": {"ok": True},
    }  # fmt: skip


def wrong(stream: Stream, seq: int, *kinds: str, **how: Any) -> Vector:
    return right(stream, **how) | {"verdict": {"ok": False, "kinds": list(kinds), "seq": seq}}


def marks(stream: Stream) -> list[Mark]:
    return [one for one in stream.lines if isinstance(one, Mark)]


@vector
def intact() -> Vector:
    """Nothing was done to it."""
    stream = honest()
    return right(stream, expect=tuple(marks(stream)))


@vector
def intact_empty() -> Vector:
    """A stream without a record yet."""
    return right(Stream())


@vector
def intact_after_rotation() -> Vector:
    """The key handed over in the chain; either key may be pinned."""
    stream = Stream().entries(3).checkpoint()
    stream.rotate(NEXT_KEY)
    stream.entries(3).checkpoint()
    return right(stream, pin=fingerprint(raw(NEXT_KEY)), keys=[raw(KEY), raw(NEXT_KEY)])


@vector
def edited() -> Vector:
    """One entry's text was changed."""
    stream = honest()
    stream.change(5, body=stream.lines[4].body.replace(b'"n":5', b'"n":6'))
    return wrong(stream, 5, "altered")


@vector
def deleted() -> Vector:
    """A record was taken out."""
    stream = honest()
    del stream.lines[stream.place(14)]
    return wrong(stream, 14, "deleted")


@vector
def deleted_entry() -> Vector:
    """The record is there, and its entry is gone."""
    stream = honest()
    stream.change(7, body=None)
    return wrong(stream, 7, "deleted")


@vector
def deleted_and_renumbered() -> Vector:
    """A record was taken out and those after it moved up."""
    stream = honest()
    del stream.lines[stream.place(6)]
    stream.renumber()
    return wrong(stream, 6, "altered")


@vector
def swapped() -> Vector:
    """Two neighbours changed places, with their signatures."""
    stream = honest()
    first, second = stream.place(3), stream.place(4)
    stream.lines[first], stream.lines[second] = stream.lines[second], stream.lines[first]
    stream.renumber()
    return wrong(stream, 3, "reordered")


@vector
def swapped_texts() -> Vector:
    """Two entries' texts changed places; signatures stayed."""
    stream = honest()
    third, eighth = stream.lines[stream.place(3)], stream.lines[stream.place(8)]
    stream.change(3, body=eighth.body)
    stream.change(8, body=third.body)
    return wrong(stream, 3, "reordered", "altered")


@vector
def inserted() -> Vector:
    """A made-up record was put between two others, which were renumbered."""
    stream = honest()
    forged = replace(stream.lines[stream.place(12)], signature=bytes(64))
    forged = replace(forged, body=forged.body.replace(b'"n":12', b'"n":99'))
    stream.lines.insert(stream.place(12), forged)
    stream.renumber()
    return wrong(stream, 12, "inserted")


@vector
def truncated() -> Vector:
    """The last records are gone; a checkpoint still covers them."""
    stream = honest()
    stream.lines = [one for one in stream.lines if isinstance(one, Mark) or one.seq <= 17]
    return wrong(stream, 18, "truncated")


@vector
def truncated_with_checkpoint() -> Vector:
    """The last records and the checkpoint over them are gone; somebody else has kept it."""
    stream = honest()
    kept = marks(stream)[1]
    stream.lines = stream.lines[: stream.place(17) + 1]
    return wrong(stream, 18, "truncated", expect=(kept,))


@vector
def rolled_back() -> Vector:
    """An old backup was put back: all of it is genuine, and it ends too early."""
    stream = honest()
    kept = marks(stream)[1]
    stream.lines = stream.lines[:11]
    return wrong(stream, 11, "rolled_back", "truncated", expect=(kept,))


@vector
def forked() -> Vector:
    """An old backup was put back and life went on, with the real key."""
    stream = honest()
    kept = tuple(marks(stream))
    other = Stream().entries(10).checkpoint()
    other.entry("another.life")
    other.entries(9).checkpoint()
    return wrong(other, 11, "forked", expect=kept)


@vector
def key_swapped() -> Vector:
    """Everything was signed anew with another key."""
    other = Stream(key=FOREIGN_KEY).entries(10).checkpoint()
    return wrong(other, 1, "key_swapped")


@vector
def key_swapped_midway() -> Vector:
    """From some record on another key signs, which nobody handed over to."""
    stream = Stream().entries(10).checkpoint()
    stream.key = FOREIGN_KEY
    stream.entries(10).checkpoint()
    return wrong(stream, 11, "key_swapped", keys=[raw(KEY), raw(FOREIGN_KEY)])


@vector
def key_handed_over_by_nobody() -> Vector:
    """A record hands over to another key, and the signature of the old one is not its own."""
    stream = Stream().entries(4)
    old, new = raw(KEY).hex(), raw(FOREIGN_KEY).hex()
    stream.entry("audit.key_rotated", old=old, new=new, signed_by_old="A" * 86, signed_by_new="A" * 86)
    stream.key = FOREIGN_KEY
    stream.entries(3).checkpoint()
    return wrong(stream, 5, "key_swapped")


@vector
def clock_set_back() -> Vector:
    """The sealer's clock was set back by an hour."""
    stream = Stream().entries(10).checkpoint()
    stream.now -= 3_600_000_000
    return wrong(stream.entries(5), 11, "clock_back")


@vector
def checkpoint_altered() -> Vector:
    """A checkpoint says another size than it was signed for."""
    stream = honest()
    mark = stream.lines[10]
    stream.lines[10] = replace(mark, body=mark.body.replace(b'"size":10', b'"size":9'))
    return wrong(stream, 9, "checkpoint_altered")


@vector
def checkpoint_missing() -> Vector:
    """A checkpoint in the middle is gone."""
    stream = Stream().entries(4).checkpoint().entries(4).checkpoint().entries(4).checkpoint()
    del stream.lines[stream.lines.index(marks(stream)[1])]
    return wrong(stream, 5, "checkpoint_missing")


@vector
def cut_off() -> Vector:
    """The file ends in the middle of a line."""
    made = wrong(honest(), 16, "truncated")
    made["export"] = made["export"][: made["export"].index("E 16 ") + 40]
    return made


NOON_MS = NOON_US // 1_000


def evidence(*, show: bool = True) -> tuple[Stream, list[list[tuple[bytes, bytes, bytes]]]]:
    """Three segments of two sources, the last outside the period."""
    stream = Stream()
    stream.period = {"source": str(SOURCE), "from_ms": NOON_MS, "to_ms": NOON_MS + 10_000}
    made = [
        stream.segment(NOON_MS + 1, [(SOURCE, b"first"), (OTHER_SOURCE, b"theirs"), (SOURCE, b"second")]),
        stream.segment(NOON_MS + 5_000, [(OTHER_SOURCE, b"theirs alone")]),
        stream.segment(NOON_MS + 9_000, [(SOURCE, b"third")]),
        stream.segment(NOON_MS + 20_000, [(SOURCE, b"later")]),
    ]
    stream.checkpoint()
    if show:
        for one in made[:3]:
            stream.show(one)
    return stream, made


@vector
def events_intact() -> Vector:
    """Every event of a source in a period, proved."""
    return right(evidence()[0])


@vector
def event_removed() -> Vector:
    """One event of the source is not there."""
    stream, _ = evidence()
    stream.extra = [one for one in stream.extra if not one.endswith(b"c2Vjb25k")]
    return wrong(stream, 0, "events_missing")


@vector
def event_altered() -> Vector:
    """One event of the source says something else."""
    stream, _ = evidence()
    stream.extra = [one.replace(b"c2Vjb25k", b"U2Vjb25k") for one in stream.extra]
    return wrong(stream, 0, "events_altered")


@vector
def event_removed_with_its_count() -> Vector:
    """One event is not there, and the segment's table was made to fit."""
    stream, made = evidence(show=False)
    stream.show(made[0][:2])
    stream.show(made[1])
    stream.show(made[2])
    return wrong(stream, 0, "events_altered")


@vector
def segment_removed() -> Vector:
    """A whole segment is not there."""
    stream, made = evidence(show=False)
    stream.show(made[0])
    stream.show(made[1])
    return wrong(stream, 0, "events_missing")


@vector
def segment_inserted() -> Vector:
    """A segment that was never sealed."""
    stream, _ = evidence()
    forged = Stream().segment(NOON_MS + 7_000, [(SOURCE, b"made up")])
    stream.show(forged)
    return wrong(stream, 0, "events_altered")


@vector
def day_retired() -> Vector:
    """The segments of a day are gone because retention took them, which a record says."""
    stream, _ = evidence(show=False)
    stream.entry("events.day_dropped", day="2026-05-01", why="age", segments=4, events=6)
    stream.checkpoint()
    return right(stream)


def text_of(name: str) -> str:
    about = {"name": name, "about": VECTORS[name].__doc__}
    return json.dumps(about | VECTORS[name](), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for vector_name in VECTORS:
        (FOLDER / f"{vector_name}.json").write_text(text_of(vector_name))
