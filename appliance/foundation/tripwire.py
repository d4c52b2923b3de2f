"""
The commit-LSN tripwire: notices a new leader that lacks what an earlier one acknowledged (decision 32).

Each process remembers, for each database system, the highest position of the write-ahead log that it read
inside a transaction just before a COMMIT that was then acknowledged. The log of a rightful successor reaches
beyond it. One that ends before it has lost acknowledged commits; every process of this node then opens
transactions for reading only, until an administrator has accepted the loss.

- The position travels in the message that carries COMMIT, so that it costs no round trip.
- A transaction without an id of its own wrote nothing and moves no mark.
- That the wire has tripped is a file: it outlives processes, and all processes of the node see it.

It cannot see a loss that the new leader has already written past: positions say how long a log is, not what
is in it.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, LiteralString

import msgspec
import psycopg
import structlog
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

from appliance.foundation.data_risk import DataAtRisk, DataRisk, Trip

log = structlog.get_logger()

# NULL on a replica, which has no position of its own to insert at.
_WHERE: LiteralString = """
    SELECT system_identifier::text,
           CASE WHEN NOT pg_is_in_recovery() THEN (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint END
      FROM pg_control_system()
"""
# Both in one message: where COMMIT goes, the position is read on the way.
_COMMIT: LiteralString = """
    SELECT pg_current_xact_id_if_assigned() IS NOT NULL,
           CASE WHEN NOT pg_is_in_recovery() THEN (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint END;
    COMMIT
"""


class _Mark(msgspec.Struct, frozen=True):
    position: int
    at: datetime


class Tripwire:
    """
    Args:
        state_dir: The node's state folder, where the files lie that its processes share.
    """

    def __init__(self, state_dir: Path) -> None:
        self._risk = DataRisk(state_dir)
        self._marks: dict[str, _Mark] = {}

    @property
    def has_tripped(self) -> bool:
        """Whether this node writes nothing now; asked before each transaction, so it costs one `stat`."""
        return self._risk.file.exists()

    def refusal(self) -> DataAtRisk:
        return DataAtRisk(
            f"nothing is written: {self._risk.cause()}; look at the former leader's disk first, then "
            "`xdr cluster accept-data-risk` (docs/operations/runbooks.md#tripwire)",
            retry_after_seconds=60,
        )

    async def connect(self, *arguments: Any, **keywords: Any) -> psycopg.AsyncConnection[TupleRow]:
        """A new connection, of which it is known by then whether its server lacks something."""
        made = await Watched.connect(*arguments, **keywords)
        try:
            await made.watch(self)
        except BaseException:
            await made.close()
            raise
        return made

    def position_of(self, system_id: str) -> int | None:
        """The highest position that was acknowledged to this process."""
        mark = self._marks.get(system_id)
        return mark.position if mark else None

    def keep(self, system_id: str, position: int) -> None:
        """A commit after this position was acknowledged."""
        if position > (self.position_of(system_id) or 0):
            self._marks[system_id] = _Mark(position, datetime.now(UTC))

    def compare(self, system_id: str, position: int, acknowledged: int | None) -> None:
        """
        Trip if a leader's log ends before what had been acknowledged.

        Args:
            position: Where it ends, read after `acknowledged` was known.
        """
        mark = self._marks.get(system_id)
        if mark is None or acknowledged is None or position >= acknowledged:
            return
        accepted_at = self._risk.accepted_at()
        if accepted_at is not None and accepted_at >= mark.at:
            self._marks[system_id] = _Mark(position, datetime.now(UTC))
        elif not self.has_tripped:
            found = Trip(system_id, acknowledged, position, datetime.now(UTC))
            self._risk.found(found)
            log.error("tripwire_tripped", system_id=system_id, acknowledged=acknowledged, found=position)


class Watched(psycopg.AsyncConnection[TupleRow]):
    """A connection whose commits are remembered."""

    _tripwire: Tripwire | None = None
    _system_id = ""

    async def watch(self, tripwire: Tripwire) -> None:
        """Learn which system this is and how far it is, and remember its commits from now on."""
        await self.set_autocommit(True)
        row = await (await self.execute(_WHERE, prepare=False)).fetchone()
        await self.set_autocommit(False)
        assert row is not None
        self._tripwire, self._system_id = tripwire, row[0]
        if row[1] is not None:
            tripwire.compare(self._system_id, row[1], tripwire.position_of(self._system_id))

    async def commit(self) -> None:
        """Commit, and keep where the log ended just before, once the commit was acknowledged."""
        if self._tripwire is None or self.info.transaction_status is not TransactionStatus.INTRANS:
            await super().commit()
            return
        before = self._tripwire.position_of(self._system_id)
        row = await (await self.execute(_COMMIT, prepare=False)).fetchone()
        assert row is not None
        has_written, position = row
        if position is not None:
            self._tripwire.compare(self._system_id, position, before)
        if has_written and position is not None:
            self._tripwire.keep(self._system_id, position)
