"""What a verifier says: that all is well, or what is wrong first."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    ALTERED = "altered"  # edited; or deleted and all after it renumbered
    DELETED = "deleted"
    INSERTED = "inserted"
    REORDERED = "reordered"
    TRUNCATED = "truncated"
    ROLLED_BACK = "rolled_back"  # all that is there is genuine, and ends before what is known to have been
    FORKED = "forked"
    KEY_SWAPPED = "key_swapped"
    CLOCK_BACK = "clock_back"
    CHECKPOINT_ALTERED = "checkpoint_altered"
    CHECKPOINT_MISSING = "checkpoint_missing"
    CHAIN_ALTERED = "chain_altered"  # a record about an entry, the entry itself being as it was
    EVENTS_ALTERED = "events_altered"
    EVENTS_MISSING = "events_missing"


@dataclass(frozen=True)
class Problem:
    """
    The first thing that is wrong.

    Attributes:
        seq: Of the record, from 1; of a missing one the number it would have.
        entry_id: Of the entry at that place, or whose place it was; "" if that cannot be known.
        checkpoint: The number of the checkpoint that is at fault, if one is.
        segment: The segment of events that is at fault, if one is.
    """

    kind: Kind
    seq: int
    message: str
    entry_id: str = ""
    checkpoint: int | None = None
    segment: str = ""


@dataclass(frozen=True)
class Verdict:
    """
    Attributes:
        records: How many were found in order.
        pinned: Whether the key was known beforehand; otherwise the file vouches for itself only.
        keys: Fingerprints of the keys that signed, in order.
        events: How many events of how many segments were proved, where that was asked for.
    """

    stream: str
    records: int
    checkpoints: int
    head: str
    root: str
    pinned: bool
    keys: list[str]
    problem: Problem | None = None
    last_checkpoint: dict[str, Any] | None = None
    events: dict[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.problem is None

    def as_dict(self) -> dict[str, Any]:
        return {"ok": self.ok, **asdict(self)}
