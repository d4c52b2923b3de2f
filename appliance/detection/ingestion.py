"""
From a submission to an acknowledgement: group, prepare, commit, or spool (decisions 1, 2, 7).

Invariants:
- Nothing is acknowledged before it is committed (201) or fsynced in the spool (202).
- Ids and time of receipt are fixed when a unit is made; a unit committed twice is stored once.
- Bytes that were accepted and not yet answered never exceed `queue_bytes`.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import psycopg
import structlog
from sqlalchemy.exc import DataError

from appliance.detection.committing import BatchTaken, commit, known_batch
from appliance.detection.pipeline import Part, PreparationFailed, Prepared, Unit, quarantined
from appliance.foundation import observability as metrics
from appliance.foundation.clock import Clock
from appliance.foundation.database import Database
from appliance.foundation.errors import ApplianceError, Invalid, Unavailable
from appliance.foundation.ids import PLACE_BITS, segment_base, uuid7
from appliance.foundation.settings import Ingest
from appliance.telemetry.errors import IntakeFull, IntakeUnavailable
from appliance.telemetry.intake import Durability, Receipt, Submission
from appliance.telemetry.sources import KnownSource, SourceDirectory
from appliance.telemetry.spool import Spool, SpoolPeer

log = structlog.get_logger()

Prepare = Callable[[Unit], Awaitable[Prepared]]
Answer = Receipt | ApplianceError
_UNITS_IN_FLIGHT = 3
_REPLAY_SECONDS = 1.0
_PEERS_OWN_SECONDS = 30.0


class _Waiting(msgspec.Struct):
    """A submission on its way, and whoever waits for its receipt."""

    part: Part
    source: KnownSource
    receipt: asyncio.Future[Receipt]

    @property
    def size(self) -> int:
        return len(self.part.body)


class _Queue:
    """What waits for one organisation's next unit."""

    def __init__(self) -> None:
        self.waiting: list[_Waiting] = []
        self.size = 0
        self.full = asyncio.Event()

    def add(self, waiting: _Waiting, limit: int) -> None:
        self.waiting.append(waiting)
        self.size += waiting.size
        if self.size >= limit:
            self.full.set()


class Ingestion:
    """
    The intake of one ingest process.

    Args:
        prepare: Hands a unit to a worker process (`jobs/ingest.py`).
        spool: Where units go while the database cannot commit.
        peer: Another node's spool, for the second copy; None on a single node.
        foreign: Copies that this node keeps for others, and stores if they are lost.
    """

    def __init__(
        self,
        *,
        database: Database,
        sources: SourceDirectory,
        spool: Spool,
        peer: SpoolPeer | None = None,
        foreign: Spool | None = None,
        prepare: Prepare,
        clock: Clock,
        settings: Ingest,
    ) -> None:
        self._database, self._sources, self._spool = database, sources, spool
        self._peer, self._foreign = peer, foreign
        self._prepare, self._clock, self._settings = prepare, clock, settings
        self._queues: dict[UUID, _Queue] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_flight = asyncio.Semaphore(_UNITS_IN_FLIGHT)
        self._queued_bytes = 0
        self._spooled = _batches_in(spool, Durability.NODE)
        if foreign is not None:
            self._spooled |= _batches_in(foreign, Durability.CLUSTER)

    async def accept(self, submission: Submission) -> Receipt:
        """See `telemetry.intake.Intake`."""
        if self._queued_bytes + len(submission.body) > self._settings.queue_bytes:
            raise IntakeFull(f"{self._queued_bytes} bytes wait to be stored", retry_after_seconds=1)
        return await self._take(submission, await self._sources.resolve(submission))

    async def resubmit(self, org_id: UUID, source_id: UUID, body: bytes, *, batch_id: str) -> Receipt:
        """What was set aside before, read again by the source's format of now."""
        source = await self._sources.by_id(org_id, source_id)
        return await self._take(Submission(body=body, batch_id=batch_id), source)

    async def _take(self, submission: Submission, source: KnownSource) -> Receipt:
        part = self._part(submission, source)
        earlier = await self._earlier(source, part)
        if earlier is not None:
            return msgspec.structs.replace(earlier, repeated=True)
        waiting = _Waiting(part, source, asyncio.get_running_loop().create_future())
        self._enqueue(waiting)
        started = time.monotonic()
        try:
            return await waiting.receipt
        finally:
            self._queued_bytes -= waiting.size
            metrics.QUEUE_BYTES.set(self._queued_bytes)
            metrics.BATCH_SECONDS.observe(time.monotonic() - started)

    async def batch(self, batch_id: str, credential: str) -> Receipt | None:
        """What became of a batch of this source: committed, or still in the spool; None if neither."""
        source = await self._sources.resolve(Submission(body=b"", credential=credential), signed=False)
        try:
            wanted = UUID(batch_id)
        except ValueError:
            return None
        if wanted in self._spooled:
            return Receipt(batch_id=batch_id, durability=self._spooled[wanted])
        part = Part(batch_id=wanted, source_id=source.id, format="", options={}, body=b"")
        return await known_batch(self._database, source.org_id, part)

    async def drain(self) -> None:
        """Answer everything that was accepted; call it after the receivers have closed."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def keep_for_peer(self, name: str, record: bytes) -> None:
        """
        Keep a copy of what another node has spooled; when this returns it survives a power loss.

        Raises:
            Invalid: It is no record.
            IntakeUnavailable: There is no room, or the disk refuses.
        """
        assert self._foreign is not None
        try:
            unit = msgspec.msgpack.decode(record, type=Unit)
        except msgspec.MsgspecError as error:
            raise Invalid(f"{name} is no record of a spool: {error}") from error
        self._foreign.append(name, record)
        self._spooled |= {part.batch_id: Durability.CLUSTER for part in unit.parts}

    def forget_for_peer(self, name: str) -> None:
        """The node it belongs to has stored it."""
        assert self._foreign is not None
        record = self._foreign.read(name)
        self._foreign.remove(name)
        if record is not None:
            self._unmark(msgspec.msgpack.decode(record, type=Unit).parts)

    async def replay(self) -> None:
        """Store what the spools hold, for ever; oldest first, waiting while the database is away."""
        while True:
            if not self._spool.is_empty():
                await self._replay_once(self._spool)
            if self._foreign is not None and not self._foreign.is_empty():
                # Whoever spooled it stores it himself if he lives; twice changes nothing but costs work.
                await self._replay_once(self._foreign, older_than=_PEERS_OWN_SECONDS)
            metrics.SPOOL_BYTES.set(self._spool.size_bytes)
            await asyncio.sleep(_REPLAY_SECONDS)

    async def _replay_once(self, spool: Spool, *, older_than: float = 0.0) -> None:
        for name, record in spool.records(older_than=older_than):
            unit = msgspec.msgpack.decode(record, type=Unit)
            try:
                answers = await self._store(unit)
            except Unavailable:
                return
            except Exception:
                # Kept, and tried again: one bad record must hold up neither the others nor the replay.
                log.exception("spooled_unit_failed", record=name)
                continue
            if not all(isinstance(answer, Receipt) for answer in answers):
                log.warning("spooled_unit_kept", record=name, remedy="tried again by itself")
                continue
            spool.remove(name)
            self._unmark(unit.parts)
            if self._peer is not None and spool is self._spool:
                await self._peer.forget(name)
            log.info("spooled_unit_stored", record=name, batches=len(unit.parts))

    def _unmark(self, parts: tuple[Part, ...]) -> None:
        """These are spooled no longer: whoever asks for them is answered by the database."""
        for part in parts:
            self._spooled.pop(part.batch_id, None)

    async def _earlier(self, source: KnownSource, part: Part) -> Receipt | None:
        if not part.client_batch_id:
            return None
        try:
            return await known_batch(self._database, source.org_id, part)
        except Unavailable:
            return None  # the unique key decides when it is stored

    def _part(self, submission: Submission, source: KnownSource) -> Part:
        options = source.options | ({"peer": submission.peer} if submission.peer else {})
        return Part(
            batch_id=uuid7(int(self._clock.now().timestamp() * 1000)),
            source_id=source.id,
            format=submission.format if submission.format != "auto" else source.format,
            options=options,
            body=submission.body,
            client_batch_id=submission.batch_id,
        )

    def _enqueue(self, waiting: _Waiting) -> None:
        self._queued_bytes += waiting.size
        metrics.QUEUE_BYTES.set(self._queued_bytes)
        queue = self._queues.get(waiting.source.org_id)
        if queue is None:
            self._queues[waiting.source.org_id] = queue = _Queue()
            self._start(self._collect(waiting.source.org_id))
        queue.add(waiting, self._settings.commit_bytes)

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _collect(self, org_id: UUID) -> None:
        """Wait a moment for company, then send the organisation's queue off as units."""
        with contextlib.suppress(TimeoutError):
            delay = self._settings.commit_delay_ms / 1000
            await asyncio.wait_for(self._queues[org_id].full.wait(), delay)
        async with self._in_flight:
            for group in self._grouped(self._queues.pop(org_id).waiting):
                await self._settle(group)

    def _grouped(self, queue: list[_Waiting]) -> list[list[_Waiting]]:
        groups: list[list[_Waiting]] = [[]]
        seen: set[tuple[UUID, str]] = set()
        size = 0
        for waiting in queue:
            key = (waiting.part.source_id, waiting.part.client_batch_id)
            twin = bool(waiting.part.client_batch_id) and key in seen
            if groups[-1] and (twin or size >= self._settings.commit_bytes):
                groups.append([])
                seen.clear()
                size = 0
            groups[-1].append(waiting)
            size += waiting.size
            seen.add(key)
        return groups

    async def _settle(self, group: list[_Waiting]) -> None:
        unit = self._unit(group)
        try:
            receipts = await self._store(unit)
        except Unavailable as error:
            receipts = await self._spool_unit(unit, group, error)
        except ApplianceError as error:
            receipts = [error] * len(group)
        except Exception:
            # The last resort of this task: somebody waits for each receipt and must hear something.
            log.exception("unit_failed", batches=len(group))
            receipts = [IntakeUnavailable("the batch could not be taken; the cause is in the journal")] * len(
                group
            )
        for waiting, receipt in zip(group, receipts, strict=True):
            if waiting.receipt.done():
                continue
            if isinstance(receipt, Receipt):
                waiting.receipt.set_result(receipt)
            else:
                waiting.receipt.set_exception(receipt)

    def _unit(self, group: list[_Waiting]) -> Unit:
        now = self._clock.now().timestamp()
        return Unit(
            org_id=group[0].source.org_id,
            base=segment_base(int(now * 1000)).to_bytes(16),
            received=int(now * 1_000_000),
            parts=tuple(waiting.part for waiting in group),
            disabled=group[0].source.disabled_rules,
        )

    async def _store(self, unit: Unit) -> list[Answer]:
        """
        Prepare and commit.

        A batch that another connection stored meanwhile keeps that answer. A batch that no parser or no
        database takes is found by storing each alone, and goes to the quarantine whole.
        """
        try:
            return list(await commit(self._database, self._clock, unit, await self._prepare(unit)))
        except BatchTaken:
            return [await self._store_alone(unit, place) for place in range(len(unit.parts))]
        except (PreparationFailed, DataError, psycopg.DataError) as error:
            log.warning("unit_refused", batches=len(unit.parts), cause=str(error)[:500])
            if len(unit.parts) > 1:
                return [await self._store_alone(unit, place) for place in range(len(unit.parts))]
            return list(await commit(self._database, self._clock, unit, quarantined(unit, error)))

    async def _store_alone(self, unit: Unit, place: int) -> Answer:
        part = unit.parts[place]
        # Its own ids: those of the unit were rolled back and may be taken again by a replay of it.
        base = int.from_bytes(unit.base) ^ ((place + 1) << PLACE_BITS)
        alone = msgspec.structs.replace(unit, parts=(part,), base=base.to_bytes(16))
        if len(unit.parts) > 1:
            return (await self._store(alone))[0]
        earlier = await known_batch(self._database, unit.org_id, part)
        return earlier or IntakeUnavailable("the batch is being stored by another connection; send it again")

    async def _spool_unit(self, unit: Unit, group: list[_Waiting], cause: Unavailable) -> list[Answer]:
        """
        Keep the unit on disk, here and on another node.

        What demands the cluster's durability is a record of its own: it is kept in two places or not at all.
        """
        demands = [waiting.source.durability == "cluster" for waiting in group]
        kept: dict[bool, Answer | Durability] = {}
        for demanding in set(demands):
            parts = tuple(
                waiting.part for waiting, own in zip(group, demands, strict=True) if own is demanding
            )
            kept[demanding] = await self._kept(unit, parts, cause, demanding=demanding)
        answers: list[Answer] = []
        for waiting, demanding in zip(group, demands, strict=True):
            done = kept[demanding]
            answers.append(
                Receipt(batch_id=str(waiting.part.batch_id), durability=done)
                if isinstance(done, Durability)
                else done
            )
        return answers

    async def _kept(
        self, unit: Unit, parts: tuple[Part, ...], cause: Unavailable, *, demanding: bool
    ) -> Answer | Durability:
        """In how many places these parts are now, or why they are in none."""
        if demanding and self._peer is None:
            return IntakeUnavailable(f"{cause}; the source demands durability: cluster")
        # Two records of one unit are two units from now on, each with ids of its own.
        base = segment_base(unit.received // 1000).to_bytes(16) if demanding else unit.base
        own = msgspec.structs.replace(unit, parts=parts, base=base)
        name, record = _record_name(own), msgspec.msgpack.encode(own)
        # Marked before it is there: the replay may store it, and unmark it, while the copy is on its way.
        self._spooled |= {part.batch_id: Durability.NODE for part in parts}
        try:
            await asyncio.to_thread(self._spool.append, name, record)
        except IntakeUnavailable as error:
            self._unmark(parts)
            return error
        is_copied = self._peer is not None and await self._peer.copy(name, record)
        if demanding and not is_copied:
            await asyncio.to_thread(self._spool.remove, name)
            self._unmark(parts)
            return IntakeUnavailable(f"{cause}; no other node takes a copy, which the source demands")
        durability = Durability.CLUSTER if is_copied else Durability.NODE
        self._spooled |= {part.batch_id: durability for part in parts if part.batch_id in self._spooled}
        log.warning(
            "unit_spooled", batches=len(parts), durability=durability, spool_bytes=self._spool.size_bytes
        )
        return durability


def _batches_in(spool: Spool, durability: Durability) -> dict[UUID, Durability]:
    units = (msgspec.msgpack.decode(record, type=Unit) for _, record in spool.records())
    return {part.batch_id: durability for unit in units for part in unit.parts}


def _record_name(unit: Unit) -> str:
    at = datetime.fromtimestamp(unit.received / 1_000_000, UTC)
    return f"{at:%Y%m%dT%H%M%S%f}-{unit.base.hex()}"
