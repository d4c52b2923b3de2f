"""
Follows one stream from record to record, in constant memory, and stops at the first that is wrong.

What makes it fast: a record costs three hashes. Signatures are looked at once in 4,096 records, at each
checkpoint and at the end, since one vouches for all before it; only when one fails are the others asked.
`thorough` looks at every one, which also finds a signature that was damaged without anything else.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from . import merkle
from .checkpoints import NO_CHECKPOINT, Checkpoint
from .evidence import received_ms
from .hashing import ORIGIN, fingerprint, from_text, is_signed, leaf_hash, rotation_statement
from .localising import Record, Seen, entry_id, explain, first_bad
from .verdicts import Kind, Problem, Verdict

WINDOW = 4_096
# Keys of RFC 8785 text are sorted, so the action comes first.
ROTATED, SEALED_EVENTS = b'{"action":"audit.key_rotated"', b'{"action":"events.sealed"'
_SPECIAL = (ROTATED, SEALED_EVENTS)


class Start(NamedTuple):
    """Where a stream is taken up: nothing before `size` is in the export. The peaks are the tree so far."""

    size: int = 0
    head: bytes = ORIGIN
    peaks: tuple[bytes, ...] = ()


_BEGINNING = Start()


class Chain:
    """
    One stream's verification.

    Args:
        key: The raw public key that signs the first record.
        pin: Fingerprint of a key that is known to be right, from elsewhere; it may be any of those that
            signed, as each takes over from the one before under both signatures.
        others: Further keys that the export names; only to say which one a wrong signature is of.
        expected: Checkpoints that were kept elsewhere, by whatever order.
        thorough: Look at every signature.
        allow_clock_back: Go on where the clock went back; for a step that is known and explained.
    """

    def __init__(
        self,
        stream: UUID,
        key: bytes,
        *,
        pin: str = "",
        others: Sequence[bytes] = (),
        start: Start = _BEGINNING,
        expected: Iterable[Checkpoint] = (),
        thorough: bool = False,
        allow_clock_back: bool = False,
    ) -> None:
        self.stream, self._raw, self.key, self._pin, self._others = stream, stream.bytes, key, pin, others
        self._first, self.head, self.tree = start.size + 1, start.head, merkle.Peaks(start.size, start.peaks)
        self._expected = sorted((c for c in expected if c.size > start.size), key=lambda c: c.size)[::-1]
        self._window: list[Seen] = []
        self._before = start.head  # the head before the window
        self._thorough = thorough
        self._last_at, self._allows_clock_back = 0, allow_clock_back
        self._went_back: tuple[int, Problem] | None = None
        self.keys = [key]
        self.problem: Problem | None = None
        self.checkpoints, self.last_checkpoint = 0, None if start.size else NO_CHECKPOINT
        self._previous: Checkpoint | None = None
        self._segments: list[bytes] = []
        self.sealed: dict[bytes, tuple[int, bytes]] = {}
        self.keeps_segment: Callable[[bytes], bool] = lambda _: False

    @property
    def size(self) -> int:
        return self.tree.size

    def keep_segments_between(self, start_ms: int, end_ms: int) -> None:
        """Remember the roots of the segments of events that were received in a period, in `sealed`."""
        self.keeps_segment = lambda segment: start_ms <= received_ms(segment) < end_ms

    def extend(self, records: Iterable[Record]) -> bool:
        """Take records in, in order; False once something is wrong, after which nothing more is looked at."""
        digest, tree, window = sha256, self.tree, self._window
        peaks = tree.hashes
        tuple_of = tuple.__new__  # a named tuple at half the price
        for record in records:
            if self.problem is not None:
                return False
            seq, sealed_at, _, body, leaf, _, _ = record
            if body is None or seq != tree.size + 1:
                self._out_of_order(record)
                return False
            if sealed_at < self._last_at:
                self._note_clock(record)
            self._last_at = sealed_at
            found = digest(b"\x00" + body).digest()
            if leaf is not None and not self._agrees(record, found):
                return False
            self.head = digest(b"\x02" + self.head + found).digest()
            window.append(tuple_of(Seen, (record, found, self.head)))
            # The tree's append, in line: it is half of the work.
            size, node = tree.size, found
            while size & 1:
                node = digest(b"\x01" + peaks.pop() + node).digest()
                size >>= 1
            peaks.append(node)
            tree.size += 1
            if len(window) >= WINDOW and not self._settle():
                return False
            if body.startswith(_SPECIAL):
                self._look_into(body, seq)
            while self._expected and self._expected[-1].size <= tree.size:
                self._compare(self._expected.pop())
        return self.problem is None

    def checkpoint(self, found: Checkpoint) -> bool:
        """Hold a checkpoint of the stream itself against the records so far; False if something is wrong."""
        if self.problem is None and self._settle():
            self.problem = self._wrong_with(found)
            self.checkpoints += 1
            self._previous, self._segments = found, []
        return self.problem is None

    def finish(self) -> Verdict:
        """The verdict over everything that was taken in."""
        if self.problem is None and self._settle():
            self.problem = self._missing_end() or self._untrusted()
        found = self._previous
        return Verdict(
            stream=str(self.stream), records=self.size, checkpoints=self.checkpoints, head=self.head.hex(),
            root=self.tree.root().hex(), pinned=bool(self._pin), keys=[fingerprint(key) for key in self.keys],
            problem=self.problem,
            last_checkpoint=None if found is None else json.loads(found.as_json()),
        )  # fmt: skip

    def fail(self, problem: Problem) -> None:
        """Something outside the chain is wrong; the first to be told counts."""
        if self.problem is None and self._settle():
            self.problem = problem

    def _settle(self) -> bool:
        """Look at the last signature; it stands for all in the window."""
        bad = first_bad(self._raw, self.key, self._window, thorough=self._thorough)
        if self._went_back is not None and (bad is None or bad > self._went_back[0]):
            self.problem = self._went_back[1]
            return False
        if bad is not None:
            before = self._window[bad - 1].head if bad else self._before
            self.problem = self._swapped_at_start(bad) or explain(
                self._raw, self.key, before, self._window[bad:], self._others
            )
            return False
        self._window.clear()
        self._before = self.head
        return True

    def _swapped_at_start(self, bad: int) -> Problem | None:
        if self._pin and bad == 0 and not self.checkpoints and fingerprint(self.key) != self._pin:
            return self._untrusted()
        return None

    def _note_clock(self, record: Record) -> None:
        """Remember where the clock went back, unless a record before turns out to be wrong."""
        if self._went_back is not None or self._allows_clock_back:
            return
        back = (self._last_at - record.sealed_at) / 1_000_000
        message = (
            f"record {record.seq} was sealed {back:.0f} s before the one it follows: the clock went back"
        )
        problem = Problem(Kind.CLOCK_BACK, record.seq, message, entry_id=entry_id(record))
        self._went_back = len(self._window), problem

    def _out_of_order(self, record: Record) -> None:
        """Judge what is not the next record; whatever is wrong before it comes first."""
        if not self._settle():
            return
        expected = self.size + 1
        if record.seq > expected:
            gone = f"record {expected} is not there, and {record.seq} follows"
            self.problem = Problem(Kind.DELETED, expected, gone)
        elif record.seq < expected:
            message = f"record {record.seq} comes again, or late, after record {self.size}"
            self.problem = Problem(Kind.REORDERED, record.seq, message, entry_id=entry_id(record))
        else:
            message = f"the entry {record.entry_id} of record {record.seq} was deleted"
            self.problem = Problem(Kind.DELETED, record.seq, message, entry_id=record.entry_id)

    def _blame_body(self, record: Record) -> None:
        """Record and body disagree: the one that the record's signature vouches for is right."""
        if not self._settle():
            return
        assert record.leaf is not None
        head = sha256(b"\x02" + self.head + record.leaf).digest()
        honest = first_bad(self._raw, self.key, [Seen(record, record.leaf, head)]) is None
        name = record.entry_id or entry_id(record)
        if honest:
            message = f"the entry {name} of record {record.seq} was edited"
            self.problem = Problem(Kind.ALTERED, record.seq, message, entry_id=name)
        else:
            message = f"the record {record.seq} about the entry {name} was edited"
            self.problem = Problem(Kind.CHAIN_ALTERED, record.seq, message, entry_id=name)

    def _agrees(self, record: Record, found: bytes) -> bool:
        """Whether what was kept besides, leaf and head, is what follows from the bodies."""
        if record.leaf != found:
            self._blame_body(record)
        elif record.head is not None and record.head != sha256(b"\x02" + self.head + found).digest():
            self._blame_head(record)
        return self.problem is None

    def _blame_head(self, record: Record) -> None:
        if self._settle():
            message = f"the head that is kept in record {record.seq} does not follow from the records"
            self.problem = Problem(Kind.CHAIN_ALTERED, record.seq, message, entry_id=entry_id(record))

    def _look_into(self, body: bytes, seq: int) -> None:
        try:
            detail = json.loads(body)["detail"]
            if body.startswith(ROTATED):
                self._rotate(detail, seq)
            else:
                self._note_segments(detail)
        except (KeyError, TypeError, ValueError, RecursionError):
            self.problem = Problem(Kind.ALTERED, seq, f"record {seq} is of a kind that it does not fit")

    def _rotate(self, detail: dict[str, str], seq: int) -> None:
        """The last record under the old key says who signs from now on; both keys say so."""
        if not self._settle():
            return
        old, new = bytes.fromhex(detail["old"]), bytes.fromhex(detail["new"])
        statement = rotation_statement(self._raw, old, new)
        signed = is_signed(old, from_text(detail["signed_by_old"]), statement) and is_signed(
            new, from_text(detail["signed_by_new"]), statement
        )
        if old != self.key or not signed:
            message = f"record {seq} hands over to the key {fingerprint(new)[:16]}… without both signatures"
            self.problem = Problem(Kind.KEY_SWAPPED, seq, message)
            return
        self.key = new
        self.keys.append(new)

    def _note_segments(self, detail: dict[str, list[list[str]]]) -> None:
        for base, events, root in detail["segments"]:
            raw, hashed = bytes.fromhex(base), bytes.fromhex(root)
            self._segments.append(leaf_hash(raw + hashed))
            if self.keeps_segment(raw):
                self.sealed[raw] = (int(events), hashed)

    def _compare(self, kept: Checkpoint) -> None:
        """What was kept elsewhere, against what is here at that size."""
        if self.problem is not None or not self._settle():
            return
        if kept.stream != str(self.stream):
            return
        if not any(kept.is_signed_by(key) for key in self.keys):
            message = f"the kept checkpoint {kept.number} is signed with a key that this stream does not know"
            self.problem = Problem(Kind.KEY_SWAPPED, self._first, message, checkpoint=kept.number)
        elif (kept.head, kept.root) != (self.head.hex(), self.tree.root().hex()):
            since = 0 if self._agreed is None else self._agreed.size
            message = (
                f"the stream is another one than the kept checkpoint {kept.number} has seen: "
                f"they part after record {since} and by record {kept.size}"
            )
            self.problem = Problem(Kind.FORKED, since + 1, message, checkpoint=kept.number)
        else:
            self._agreed = kept

    _agreed: Checkpoint | None = None

    def _wrong_with(self, found: Checkpoint) -> Problem | None:
        """What is wrong with a checkpoint of the stream's own, if anything."""
        number, before = found.number, self._previous
        if not found.is_signed_by(self.key):
            known = next((key for key in self._others if found.is_signed_by(key)), None)
            kind = Kind.CHECKPOINT_ALTERED if known is None or known in self.keys else Kind.KEY_SWAPPED
            return Problem(
                kind, found.size, f"checkpoint {number} is not signed by the key in force", checkpoint=number
            )
        if before is not None and number != before.number + 1:
            missing = before.number + 1
            message = f"checkpoint {missing} is not there, and {number} follows"
            return Problem(Kind.CHECKPOINT_MISSING, before.size + 1, message, checkpoint=missing)
        if found.size > self.size:
            message = f"records end at {self.size}, but checkpoint {number} covers {found.size}"
            return Problem(Kind.TRUNCATED, self.size + 1, message, checkpoint=number)
        return self._other_state(found, before)

    def _other_state(self, found: Checkpoint, before: Checkpoint | None) -> Problem | None:
        number = found.number
        here = (self.size, self.head.hex(), self.tree.root().hex(), str(self.stream))
        if here != (found.size, found.head, found.root, found.stream):
            since = self._first if before is None else before.size + 1
            message = f"the records are not those that checkpoint {number} covers"
            return Problem(Kind.FORKED, since, message, checkpoint=number)
        previous = self.last_checkpoint if before is None else before.digest
        if previous is not None and found.previous != previous:
            message = f"checkpoint {number} follows another one than the one before it here"
            return Problem(Kind.FORKED, found.size, message, checkpoint=number)
        if before is not None and found.at < before.at:
            message = f"checkpoint {number} was made before the one it follows: the clock went back"
            return Problem(Kind.CLOCK_BACK, found.size, message, checkpoint=number)
        root = merkle.root_of(self._segments)
        is_whole = before is not None or self._first == 1
        if is_whole and (found.segments, found.events_root) != (len(self._segments), root.hex()):
            message = f"checkpoint {number} covers other segments of events than its records name"
            return Problem(Kind.EVENTS_ALTERED, found.size, message, checkpoint=number)
        return None

    def _missing_end(self) -> Problem | None:
        """What was kept elsewhere covers more than there is."""
        beyond = [kept for kept in self._expected if kept.stream == str(self.stream)]
        if not beyond:
            return None
        kept = beyond[-1]
        message = f"records end at {self.size}, but the kept checkpoint {kept.number} covers {kept.size}"
        is_closed = self._previous is not None and self._previous.size == self.size
        kind = Kind.ROLLED_BACK if is_closed else Kind.TRUNCATED
        return Problem(kind, self.size + 1, message, checkpoint=kept.number)

    def _untrusted(self) -> Problem | None:
        if not self._pin or self._pin in {fingerprint(key) for key in self.keys}:
            return None
        message = (
            f"the stream is signed with the key {fingerprint(self.keys[0])[:16]}…, "
            f"which is not the one that was pinned ({self._pin[:16]}…) and never handed over to it"
        )
        return Problem(Kind.KEY_SWAPPED, self._first, message)
