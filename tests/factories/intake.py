"""A working intake in memory: it keeps what it is given, and refuses what it is told to refuse."""

import asyncio

from appliance.telemetry.errors import IntakeFull, IntakeUnavailable, SourceUnknown
from appliance.telemetry.intake import Durability, Receipt, Submission


class MemoryIntake:
    """
    Takes batches as the real one does: known credentials only, a batch id once, all or nothing.

    `is_full`, `is_unavailable` and `is_spooling` put it into the states a receiver must translate; while
    `gate` is cleared, `accept` waits, as it does for a slow database.
    """

    def __init__(self, *, credentials: tuple[str, ...] = ("token",), listeners: tuple[str, ...] = ()) -> None:
        self.submissions: list[Submission] = []
        self.credentials = credentials
        self.listeners = listeners
        self.is_full = False
        self.is_unavailable = False
        self.is_spooling = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.waiting = 0
        self._receipts: dict[str, Receipt] = {}
        self._arrived = asyncio.Condition()

    async def accept(self, submission: Submission) -> Receipt:
        if submission.credential not in self.credentials and submission.listener not in self.listeners:
            raise SourceUnknown("No source has this token.")
        if self.is_full:
            raise IntakeFull("The queue is full.", retry_after_seconds=7)
        if self.is_unavailable:
            raise IntakeUnavailable("Neither database nor spool can take it.")
        self.waiting += 1
        await self.gate.wait()
        self.waiting -= 1
        batch_id = submission.batch_id or f"batch-{len(self.submissions)}"
        if batch_id in self._receipts:
            return self._receipts[batch_id]
        receipt = Receipt(
            batch_id=batch_id,
            durability=Durability.NODE if self.is_spooling else Durability.COMMITTED,
            received=1,
            stored=1,
        )
        self._receipts[batch_id] = receipt
        async with self._arrived:
            self.submissions.append(submission)
            self._arrived.notify_all()
        return receipt

    async def batch(self, batch_id: str, credential: str) -> Receipt | None:
        return self._receipts.get(batch_id) if credential in self.credentials else None

    async def until(self, text: bytes, *, within_seconds: float = 20.0) -> bytes:
        """All bodies together, once `text` occurs in them."""
        async with asyncio.timeout(within_seconds), self._arrived:
            await self._arrived.wait_for(lambda: text in self.everything)
        return self.everything

    @property
    def everything(self) -> bytes:
        return b"".join(submission.body for submission in self.submissions)
