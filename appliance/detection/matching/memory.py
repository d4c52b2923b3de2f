"""
What was computed for a value, remembered within a bound in bytes.

Invariants:
- All memos of a rule set share one bound: a flood of values that never repeat costs time, not memory.
- Two generations: what is asked for again survives, what is not is forgotten without being looked for.
"""

from collections.abc import Mapping
from hashlib import blake2b
from sys import getsizeof
from typing import Any, Final

DEFAULT_BYTES: Final = 48 * 1_048_576
# A dictionary's entry and its share of the table, measured with 64-bit CPython 3.11.
_ENTRY_BYTES: Final = 104
_LARGEST_KEY: Final = 4096
# Comparing and hashing a text this long costs less than its digest.
LONGEST_TEXT: Final = 2048


def digest_of(text: str) -> bytes:
    """
    The key of a text longer than `LONGEST_TEXT`, so that scripts do not fill the memory.

    Digests are bytes, which no value is; they are cryptographic, so that nobody can make two texts share one.
    """
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Memory:
    """
    The bound that memos share.

    Args:
        size_bytes: Most that all memos may hold, keys and masks included; 0 remembers nothing.
    """

    def __init__(self, size_bytes: int = DEFAULT_BYTES) -> None:
        self._generation_bytes = size_bytes // 2
        self._young_bytes = 0
        self._memos: list[Memo] = []

    @property
    def remembers(self) -> bool:
        """Whether anything is remembered at all."""
        return self._generation_bytes > 0

    def memo(self, fixed: Mapping[object, int]) -> "Memo":
        """A new memo; `fixed` entries are never forgotten."""
        memo = Memo(self, fixed)
        self._memos.append(memo)
        return memo

    def take(self, size_bytes: int) -> bool:
        """Whether there is room for this much; makes it by ageing, unless there is no bound at all."""
        if not self._generation_bytes:
            return False
        self._young_bytes += size_bytes
        if self._young_bytes > self._generation_bytes:
            self._young_bytes = size_bytes
            for memo in self._memos:
                memo.age()
        return True


class Memo:
    """Masks by value. `get` is the hot path: a plain dictionary lookup, None if nothing is remembered."""

    __slots__ = ("_fixed", "_old", "_take", "_young", "get")

    def __init__(self, memory: Memory, fixed: Mapping[object, int]) -> None:
        self._take = memory.take
        self._fixed = dict(fixed)
        self._young: dict[Any, int] = dict(fixed)
        self._old: dict[Any, int] = {}
        # The dictionary itself never changes, so that callers may keep its bound method.
        self.get = self._young.get

    def recall(self, key: Any) -> int | None:
        """What is remembered under a key that `get` did not find; from before the last ageing as well."""
        mask = self.get(key)
        if mask is None and self._old and (mask := self._old.get(key)) is not None:
            return self.remember(key, mask)
        return mask

    def remember(self, key: Any, mask: int) -> int:
        size = getsizeof(key)
        if size <= _LARGEST_KEY and self._take(size + getsizeof(mask) + _ENTRY_BYTES):
            self._young[key] = mask
        return mask

    def age(self) -> None:
        self._old = dict(self._young)
        self._young.clear()
        self._young.update(self._fixed)
