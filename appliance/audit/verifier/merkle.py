"""
The Merkle tree of RFC 6962 (section 2.1), with leaves that only ever come at the end.

A tree of n leaves is kept as its peaks: the roots of the perfect subtrees that the binary digits of n name,
largest first. That is all it takes to append and to tell the root, so a verifier runs in constant memory.
"""

from collections.abc import Sequence
from hashlib import sha256

from .hashing import node_hash

EMPTY = sha256(b"").digest()


class Peaks:
    """A growing tree."""

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        if len(hashes) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} peaks, not {len(hashes)}")
        self.size, self.hashes = size, list(hashes)

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """
        One more leaf, given as its hash.

        Returns:
            The perfect subtrees it completed: (level, index at that level, hash), smallest first.
        """
        made, level, size = [], 0, self.size
        while size >> level & 1:
            leaf = node_hash(self.hashes.pop(), leaf)
            level += 1
            made.append((level, size >> level, leaf))
        self.hashes.append(leaf)
        self.size += 1
        return made

    def root(self) -> bytes:
        return bagged(self.hashes)


def bagged(peaks: Sequence[bytes]) -> bytes:
    """The root over perfect subtrees, largest first."""
    if not peaks:
        return EMPTY
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root of a whole tree, from its leaf hashes."""
    peaks = Peaks()
    for leaf in leaves:
        peaks.append(leaf)
    return peaks.root()


def inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """
    The leaves below each hash of an inclusion proof (RFC 6962 section 2.1.1), from the leaf upwards.

    Args:
        index: From 0, below `size`.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    found, low, high = [], 0, size
    while high - low > 1:
        middle = low + _half(high - low)
        if index < middle:
            found.append((middle, high))
            high = middle
        else:
            found.append((low, middle))
            low = middle
    return found[::-1]


def consistency_ranges(old: int, new: int) -> list[tuple[int, int]]:
    """The leaves below each hash of a consistency proof (RFC 6962 section 2.1.2), in its order."""
    if not 0 < old <= new:
        raise ValueError(f"a tree of {old} leaves is no beginning of one of {new}")
    found, low, high, complete = [], 0, new, True
    while high - low and old != high:
        middle = low + _half(high - low)
        if old <= middle:
            found.append((middle, high))
            high = middle
        else:
            found.append((low, middle))
            low, complete = middle, False
    if not complete:
        found.append((low, high))
    return found[::-1]


def perfect_parts(low: int, high: int) -> list[tuple[int, int]]:
    """(level, index) of the perfect subtrees that make up a range as the ranges above name them."""
    parts = []
    while low < high:
        level = (high - low).bit_length() - 1
        parts.append((level, low >> level))
        low += 1 << level
    return parts


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `leaf` stands at `index` of the tree with that root (RFC 9162 section 2.1.3.2)."""
    if index >= size:
        return False
    at, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node_hash(step, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, step)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def is_consistent(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the first tree is a beginning of the second (RFC 9162 section 2.1.4.2)."""
    if old == new:
        return not proof and old_root == new_root
    if not 0 < old < new or not proof:
        return False
    steps = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            first, second = node_hash(step, first), node_hash(step, second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = node_hash(second, step)
        at, last = at >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


def _half(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1
