"""A stream from the database, in order and in constant memory: records, entries and checkpoints."""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.errors import EntryNotFound
from appliance.audit.tree import ChainTree
from appliance.audit.verifier.chain import Start
from appliance.audit.verifier.checkpoints import Checkpoint, read
from appliance.audit.verifier.localising import Record
from appliance.foundation.database import driver

_BATCH = 4_000


class Stretch(NamedTuple):
    """Some records, and the checkpoint that follows the last of them, if one does."""

    records: list[Record]
    checkpoint: Checkpoint | None


class Stream:
    """Bound to one transaction and one organisation's stream."""

    def __init__(self, session: AsyncSession, org_id: UUID) -> None:
        self._session, self.org_id = session, org_id

    async def start(self, after: int) -> Start:
        """
        The state after a record, from which verification can begin.

        Raises:
            EntryNotFound: There is no such record.
        """
        if after == 0:
            return Start()
        head = (await self._session.execute(_HEAD, {"org": self.org_id, "seq": after})).scalar_one_or_none()
        if head is None:
            raise EntryNotFound(f"the chain has no record {after}")
        peaks = await ChainTree(self._session, self.org_id).peaks(after)
        return Start(after, bytes(head), tuple(peaks.hashes))

    async def key(self, seq: int) -> bytes:
        """The public key that signs that record; b"" if nothing is sealed yet."""
        found = await self._session.execute(_KEY, {"org": self.org_id, "seq": seq})
        return bytes(found.scalar_one_or_none() or b"")

    async def records(self, after: int, limit: int) -> list[Record]:
        """The next records after that one."""
        connection = await driver(self._session)
        # The driver's own rows: this is the one query that is measured by the hundred thousand.
        async with connection.cursor(binary=True) as cursor:
            await cursor.execute(_RECORDS, (self.org_id, after, limit))
            rows = await cursor.fetchall()
        return [
            Record(seq, at, signature, body, leaf, str(entry_id), head)
            for seq, at, signature, body, leaf, entry_id, head in rows
        ]

    async def stretches(self, after: int = 0) -> AsyncIterator[Stretch]:
        """Everything after a record."""
        number = 0
        while records := await self.records(after, _BATCH):
            for found in await self._checkpoints(number, after, records[-1].seq):
                cut = next((n for n, one in enumerate(records) if one.seq > found.size), len(records))
                yield Stretch(records[:cut], found)
                records, number = records[cut:], found.number
            if records:
                yield Stretch(records, None)
                after = records[-1].seq
            else:
                after = found.size
        for found in await self._checkpoints(number, after, 2**62):
            yield Stretch([], found)

    async def _checkpoints(self, number: int, after: int, last: int) -> list[Checkpoint]:
        rows = await self._session.execute(
            _CHECKPOINTS, {"org": self.org_id, "number": number, "after": after, "last": last}
        )
        return [read(bytes(row.body), bytes(row.signature)) for row in rows]


def bodies(records: Sequence[Record]) -> list[bytes]:
    return [one.body for one in records if one.body is not None]


_HEAD = text("SELECT head FROM audit_chain WHERE org_id = :org AND seq = :seq")
_KEY = text(
    "SELECT k.public_key FROM audit_key_uses u JOIN audit_keys k ON k.fingerprint = u.fingerprint"
    " WHERE u.org_id = :org AND u.from_seq <= :seq ORDER BY u.from_seq DESC LIMIT 1"
)
_RECORDS = (
    "SELECT c.seq, c.sealed_at, c.signature, e.body, c.leaf, c.entry_id, c.head FROM audit_chain c"
    " LEFT JOIN audit_entries e ON e.org_id = c.org_id AND e.id = c.entry_id"
    " WHERE c.org_id = %b AND c.seq > %b ORDER BY c.seq LIMIT %b"
)
_CHECKPOINTS = text(
    "SELECT body, signature FROM audit_checkpoints WHERE org_id = :org AND number > :number"
    " AND size > :after AND size <= :last ORDER BY number"
)
