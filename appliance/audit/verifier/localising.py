"""
Which record is the first that is not what was sealed, and what was done to it.

Each record's signature covers its place and, through the head, everything before it. So while the records
are as they were, signatures hold; from the first that is not, none does, unless whoever changed it has the
key. The first is therefore found by halving.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

from .hashing import fingerprint, is_signed, next_head, record_statement
from .verdicts import Kind, Problem


class Record(NamedTuple):
    """
    One record as it was read.

    Attributes:
        signature: 64 bytes, or their base64url as it stands in an export: most are never looked at.
        body: The entry's exact bytes; None if the entry itself is gone.
        leaf: The hash of the body that should be there, where the body is gone or that is known besides.
        entry_id: Where it is known without the body.
        head: The head after it, where that was kept besides.
    """

    seq: int
    sealed_at: int
    signature: bytes
    body: bytes | None
    leaf: bytes | None = None
    entry_id: str = ""
    head: bytes | None = None


class Seen(NamedTuple):
    """A record that was taken into the chain and whose signature has not been looked at yet."""

    record: Record
    leaf: bytes
    head: bytes


def first_bad(stream: bytes, key: bytes, seen: Sequence[Seen], *, thorough: bool = False) -> int | None:
    """
    The place in `seen` of the first record whose signature does not hold; None if the last one's does.

    Args:
        thorough: Look at every one.
    """
    if thorough:
        return next((n for n, one in enumerate(seen) if not _holds(stream, key, one)), None)
    if not seen or _holds(stream, key, seen[-1]):
        return None
    low, high = 0, len(seen) - 1
    while low < high:
        middle = (low + high) // 2
        if _holds(stream, key, seen[middle]):
            low = middle + 1
        else:
            high = middle
    return low


def explain(
    stream: bytes, key: bytes, before: bytes, seen: Sequence[Seen], others: Sequence[bytes]
) -> Problem:
    """
    What was done to the first of `seen`, which does not hold.

    Args:
        before: The head before it.
        others: Further public keys that the export names.
    """
    bad, seq = seen[0], seen[0].record.seq
    for other in others:
        if other != key and _holds(stream, other, bad):
            message = (
                f"record {seq} is signed with the key {fingerprint(other)[:16]}…, which did not take over "
                f"from {fingerprint(key)[:16]}… in the chain"
            )
            return Problem(Kind.KEY_SWAPPED, seq, message, entry_id=entry_id(bad.record))
    there = _where_it_went(stream, key, before, seen)
    if there is not None:
        return _displaced(stream, key, before, seen, there)
    message = (
        f"record {seq} is not what was sealed: it was edited, or one was deleted and the rest renumbered"
    )
    return Problem(Kind.ALTERED, seq, message, entry_id=entry_id(bad.record))


def entry_id(record: Record) -> str:
    """The id inside the body, or the one known without it."""
    try:
        return str(json.loads(record.body or b"")["id"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return record.entry_id


def _holds(stream: bytes, key: bytes, one: Seen) -> bool:
    record = one.record
    return is_signed(key, record.signature, record_statement(stream, record.seq, record.sealed_at, one.head))


def _where_it_went(stream: bytes, key: bytes, before: bytes, seen: Sequence[Seen]) -> int | None:
    """The place further on of the record that was sealed where the first of `seen` stands now."""
    seq = seen[0].record.seq
    # Either whole records changed places, or only their bodies did and signatures stayed.
    signed = [(one.record.sealed_at, one.record.signature) for one in seen]
    for place, one in enumerate(seen[1:], 1):
        head = next_head(before, one.leaf)
        for at, signature in {signed[0], signed[place]}:
            if is_signed(key, signature, record_statement(stream, seq, at, head)):
                return place
    return None


def _displaced(stream: bytes, key: bytes, before: bytes, seen: Sequence[Seen], there: int) -> Problem:
    bad, moved = seen[0].record, seen[there].record
    if there == 1 and not _changed_places(stream, key, before, seen):
        message = f"record {bad.seq} was inserted; what was sealed there follows it"
        return Problem(Kind.INSERTED, bad.seq, message, entry_id=entry_id(bad))
    message = f"record {bad.seq} stands where another was sealed, which now stands at {moved.seq}"
    return Problem(Kind.REORDERED, bad.seq, message, entry_id=entry_id(moved))


def _changed_places(stream: bytes, key: bytes, before: bytes, seen: Sequence[Seen]) -> bool:
    """Whether the first of `seen` was sealed right after the second: then the two were exchanged."""
    head = next_head(next_head(before, seen[1].leaf), seen[0].leaf)
    signed = {(one.record.sealed_at, one.record.signature) for one in seen[:2]}
    return any(
        is_signed(key, signature, record_statement(stream, seen[0].record.seq + 1, at, head))
        for at, signature in signed
    )
