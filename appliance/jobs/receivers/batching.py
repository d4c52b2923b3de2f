"""
Messages collected into batches, so that one transaction pays for many of them.

Invariant: what is collected is bounded. Who adds waits while the intake is behind, which stops the reading of
its connection and lets TCP hold the sender back; who cannot wait (UDP) is told that there is no room.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import msgspec
import structlog

from appliance.foundation.errors import ApplianceError, Exhausted, Unavailable
from appliance.telemetry.intake import Intake, Submission

log = structlog.get_logger()

# What a waiting message costs beside its bytes.
_OVERHEAD_BYTES = 256
_CROWD = 256


class Batching(msgspec.Struct, frozen=True):
    """When a batch is complete, and how much may wait."""

    messages: int = 1_000
    batch_bytes: int = 4 * 1_048_576
    seconds: float = 0.2
    waiting_bytes: int = 32 * 1_048_576


class Message(msgspec.Struct, frozen=True):
    """
    One message off the wire.

    `taken` is called once its batch is in the intake's hands, with None, or with why it was refused.
    """

    data: bytes
    peer: str
    taken: Callable[[ApplianceError | None], None] | None = None


class Batcher:
    """
    Hands one listener's messages to the intake as octet-counted frames (RFC 6587).

    A batch holds one sender's messages in their order, because it names its peer for messages without a
    host. A crowd of senders, which is what forged addresses look like, shares batches that name none.
    """

    def __init__(self, intake: Intake, listener: str, batching: Batching | None = None) -> None:
        self._intake = intake
        self._listener = listener
        self._batching = batching or Batching()
        self._waiting: dict[str, deque[Message]] = {}
        self._waiting_messages = 0
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()
        self._due = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._is_closing = False
        self.accepted_messages = 0
        self.refused_messages = 0

    async def add(self, message: Message) -> None:
        """Adds a message, waiting for room first."""
        while not self.add_now(message):
            await self._room.wait()

    def add_now(self, message: Message) -> bool:
        """Adds a message if there is room; False if it had to be dropped."""
        limits = self._batching
        if self._waiting_bytes >= limits.waiting_bytes:
            self._room.clear()
            return False
        self._waiting.setdefault(message.peer, deque()).append(message)
        self._waiting_messages += 1
        self._waiting_bytes += len(message.data) + _OVERHEAD_BYTES
        self._arrived.set()
        if self._waiting_messages >= limits.messages or self._waiting_bytes >= limits.batch_bytes:
            self._due.set()
        return True

    async def run(self) -> None:
        """Sends batches until `close`, then what is left."""
        while not (self._is_closing and not self._waiting):
            await self._arrived.wait()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), self._batching.seconds)
            self._arrived.clear()
            self._due.clear()
            while self._waiting:
                await self._send(*self._next_batch())

    def close(self) -> None:
        """Lets `run` end once everything is sent."""
        self._is_closing = True
        self._arrived.set()
        self._due.set()

    def _next_batch(self) -> tuple[str, list[Message]]:
        if len(self._waiting) <= _CROWD:
            peer = next(iter(self._waiting))
            return peer, self._take(peer, self._batching.messages)
        batch: list[Message] = []
        while self._waiting and len(batch) < self._batching.messages:
            batch.extend(self._take(next(iter(self._waiting)), self._batching.messages - len(batch)))
        return "", batch

    def _take(self, peer: str, most: int) -> list[Message]:
        """The oldest messages of a sender; one with more waiting goes to the end of the row."""
        queue = self._waiting.pop(peer)
        batch: list[Message] = []
        size = 0
        while queue and len(batch) < most and size < self._batching.batch_bytes:
            message = queue.popleft()
            batch.append(message)
            size += len(message.data)
        if queue:
            self._waiting[peer] = queue
        self._waiting_messages -= len(batch)
        return batch

    async def _send(self, peer: str, batch: list[Message]) -> None:
        body = b"".join(b"%d %b" % (len(message.data), message.data) for message in batch)
        submission = Submission(body=body, listener=self._listener, format="syslog.frames", peer=peer)
        refusal = await self._accept(submission)
        for message in batch:
            if message.taken is not None:
                message.taken(refusal)
        if refusal is None:
            self.accepted_messages += len(batch)
        else:
            self.refused_messages += len(batch)
            log.error(
                "syslog_batch_refused",
                listener=self._listener,
                messages=len(batch),
                peer=peer,
                reason=refusal.code,
            )
        self._waiting_bytes -= sum(len(message.data) + _OVERHEAD_BYTES for message in batch)
        self._room.set()

    async def _accept(self, submission: Submission) -> ApplianceError | None:
        """Tries until the intake takes it or refuses it for good; a limit that is reached passes."""
        while True:
            try:
                await self._intake.accept(submission)
            except (Exhausted, Unavailable) as error:
                log.warning("intake_not_ready", listener=self._listener, reason=error.code)
                await asyncio.sleep(min(error.retry_after_seconds, 5))
            except ApplianceError as error:
                return error
            else:
                return None
