"""
Masks over the few conjunctions that a field concerns, as masks over all of a group.

A group has thousands of conjunctions and most of its fields concern dozens. The effects of such a field are
numbers of a few bits, and few different ones come about, so that each is spread out once.
"""

from collections.abc import Iterable, Sequence
from typing import Final

# A hostile sender could bring about many; then they are worked out again.
_MOST_KNOWN: Final = 64


class Spread:
    """
    How one field's masks lie among all conjunctions.

    Args:
        positions: Of the conjunctions that the field concerns, ascending.
        count: Of all conjunctions.
    """

    def __init__(self, positions: Sequence[int], count: int) -> None:
        self._positions = positions
        self._others = ((1 << count) - 1) & ~bits(positions)
        self._known: dict[int, int] = {}

    def of(self, mask: int) -> int:
        """The same mask over all conjunctions; those not concerned are not ruled out."""
        known = self._known.get(mask)
        return self._remember(mask) if known is None else known

    def _remember(self, mask: int) -> int:
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        held = (position for place, position in enumerate(self._positions) if mask >> place & 1)
        self._known[mask] = spread = self._others | bits(held)
        return spread


def bits(positions: Iterable[int]) -> int:
    """A number with these bits."""
    found = 0
    for position in positions:
        found |= 1 << position
    return found
