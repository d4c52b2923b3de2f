"""The Merkle tree over a chain, in the database: its peaks, and proofs. Only stored hashes are read."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.verifier import merkle

# Subtrees from this level on are stored; what is smaller is made from at most 255 leaves.
STORED_LEVEL = 8


class ChainTree:
    """Bound to one transaction and one organisation."""

    def __init__(self, session: AsyncSession, org_id: UUID) -> None:
        self._session, self._org_id = session, org_id

    async def peaks(self, size: int) -> merkle.Peaks:
        """The tree over the first `size` records."""
        parts = merkle.perfect_parts(0, size)
        return merkle.Peaks(size, [await self._subtree(*part) for part in parts])

    async def inclusion(self, index: int, size: int) -> list[bytes]:
        """The proof that the leaf `index`, from 0, is in the tree over the first `size` records."""
        return await self._hashes(merkle.inclusion_ranges(index, size))

    async def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that the tree over `old` records is the beginning of that over `new`."""
        return await self._hashes(merkle.consistency_ranges(old, new))

    async def keep(self, made: Iterable[tuple[int, int, bytes]]) -> None:
        """Store subtrees that were completed, if they are large enough."""
        rows = [
            {"org": self._org_id, "level": level, "place": place, "hash": value}
            for level, place, value in made
            if level >= STORED_LEVEL
        ]
        if rows:
            await self._session.execute(
                text(
                    "INSERT INTO audit_nodes (org_id, level, place, hash)"
                    " VALUES (:org, :level, :place, :hash)"
                ),
                rows,
            )

    async def _hashes(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        return [
            merkle.bagged([await self._subtree(*part) for part in merkle.perfect_parts(low, high)])
            for low, high in ranges
        ]

    async def _subtree(self, level: int, place: int) -> bytes:
        if level >= STORED_LEVEL:
            found = await self._session.execute(
                text(
                    "SELECT hash FROM audit_nodes WHERE org_id = :org AND level = :level AND place = :place"
                ),
                {"org": self._org_id, "level": level, "place": place},
            )
            return bytes(found.scalar_one())
        rows = await self._session.execute(
            text(
                "SELECT leaf FROM audit_chain WHERE org_id = :org AND seq > :low AND seq <= :high"
                " ORDER BY seq"
            ),
            {"org": self._org_id, "low": place << level, "high": (place + 1) << level},
        )
        return merkle.root_of([bytes(leaf) for leaf in rows.scalars()])
