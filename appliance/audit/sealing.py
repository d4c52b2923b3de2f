"""
The sealer: committed entries into the chain, in commit order, and checkpoints over it.

One transaction takes entries from the feed, adds their records and, when it is due, a checkpoint; so a
sealer that is killed leaves either all of it or nothing. Two sealers at once cannot harm: the feed's position
is locked, and a place in the chain can be taken only once. Nothing is kept in memory that the next step does
not check against the chain's last record.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit import keyring as keys
from appliance.audit.keyring import Keyring
from appliance.audit.models import AuditCheckpoint, AuditEntry
from appliance.audit.service import AuditTrail, canonical
from appliance.audit.tree import ChainTree
from appliance.audit.verifier import checkpoints, merkle
from appliance.audit.verifier.hashing import CHECKPOINT, leaf_hash, next_head, record_statement
from appliance.foundation import feed
from appliance.foundation.actors import Scope, appliance
from appliance.foundation.clock import Clock
from appliance.foundation.database import Database, driver, platform_transaction
from appliance.foundation.errors import Conflict
from appliance.foundation.ids import new_id
from appliance.foundation.settings import Audit

log = structlog.get_logger()

CONSUMER = "audit.seal"
ROTATED, ROTATION_ASKED, EVENTS_SEALED = "audit.key_rotated", "audit.key_rotation_asked", "events.sealed"
BATCH = 2_000
# A clock that is put right by less than this is waited out; by more, the records tell it.
_SLEW_US = 2_000_000
BY = appliance("seal", frozenset())


class Tail(NamedTuple):
    """The end of a chain; `sealed_at` in microseconds."""

    sealed_at: int
    head: bytes
    peaks: merkle.Peaks


class Sealing:
    """
    The sealer of every stream of this appliance.

    Args:
        audit: When a checkpoint is due.
    """

    def __init__(self, database: Database, keyring: Keyring, audit: Audit, clock: Clock) -> None:
        self._database, self._keyring, self._audit, self._clock = database, keyring, audit, clock
        self._tails: dict[UUID, tuple[int, bytes, merkle.Peaks]] = {}

    async def start(self) -> None:
        """Publish the keys at hand."""
        async with platform_transaction(self._database) as session:
            await keys.publish(session, self._keyring, self._clock.now())

    async def pending(self) -> list[UUID]:
        """The organisations with entries that are not sealed, or with a checkpoint that is due."""
        async with platform_transaction(self._database) as session:
            due = self._clock.now() - timedelta(seconds=self._audit.checkpoint_seconds)
            rows = await session.execute(_PENDING, {"consumer": CONSUMER, "due": due})
            return list(rows.scalars())

    async def lag_seconds(self) -> float:
        """The age of the oldest entry that is not sealed."""
        async with platform_transaction(self._database) as session:
            return float((await session.execute(_LAG, {"consumer": CONSUMER})).scalar_one())

    async def step(self, org_id: UUID) -> int:
        """Seal what one organisation has, up to a batch; how many entries."""
        async with platform_transaction(self._database) as session:
            scope = Scope(org_id=org_id)
            rows = await feed.read(session, scope, consumer=CONSUMER, table="audit_entries", limit=BATCH)
            # Written and chained in one transaction below; the feed shows them once more.
            fresh = [row for row in rows if row.action != ROTATED]
            tail = await self._tail(session, org_id)
            key = await self._key(session, org_id, tail.peaks.size)
            tail = await self._chain(session, org_id, key, tail, [(r.id, bytes(r.body)) for r in fresh])
            await self._asked_to_rotate(session, fresh)
            tail, key = await self._follow_key(session, scope, tail, key)
            await self._checkpoint_if_due(session, org_id, key, tail)
        self._tails[org_id] = (tail.peaks.size, tail.head, tail.peaks)
        return len(fresh)

    async def _tail(self, session: AsyncSession, org_id: UUID) -> Tail:
        row = (await session.execute(_LAST_RECORD, {"org": org_id})).one_or_none()
        if row is None:
            return Tail(0, bytes(32), merkle.Peaks())
        known = self._tails.pop(org_id, None)  # given back when this step has committed
        if known is not None and known[:2] == (row.seq, bytes(row.head)):
            return Tail(row.sealed_at, bytes(row.head), known[2])
        return Tail(row.sealed_at, bytes(row.head), await ChainTree(session, org_id).peaks(row.seq))

    async def _key(self, session: AsyncSession, org_id: UUID, size: int) -> str:
        """The fingerprint of the key that signs this stream now; at its beginning the active one."""
        found = await session.execute(_KEY_IN_USE, {"org": org_id})
        if (used := found.scalar_one_or_none()) is not None:
            return str(used)
        active = await keys.publish(session, self._keyring, self._clock.now())
        await self._note_key(session, org_id, size + 1, active)
        return active

    async def _note_key(self, session: AsyncSession, org_id: UUID, seq: int, key: str) -> None:
        await session.execute(
            text("INSERT INTO audit_key_uses (org_id, from_seq, fingerprint) VALUES (:org, :seq, :key)"),
            {"org": org_id, "seq": seq, "key": key},
        )

    async def _chain(
        self, session: AsyncSession, org_id: UUID, key: str, tail: Tail, entries: Sequence[tuple[UUID, bytes]]
    ) -> Tail:
        """Add a record for each entry."""
        if not entries:
            return tail
        sign, at, head, peaks = self._keyring.signer(key).sign, self._now_us(tail), tail.head, tail.peaks
        records, subtrees = [], []
        for entry_id, body in entries:
            leaf = leaf_hash(body)
            head = next_head(head, leaf)
            subtrees += peaks.append(leaf)
            signature = sign(record_statement(org_id.bytes, peaks.size, at, head))
            records.append((peaks.size, entry_id, at, leaf, head, signature))
        connection = await driver(session)
        await connection.execute(_ADD_RECORDS, (org_id, *map(list, zip(*records, strict=True))))
        await ChainTree(session, org_id).keep(subtrees)
        return Tail(at, head, peaks)

    def _now_us(self, tail: Tail) -> int:
        now = _us(self._clock.now())
        if now < tail.sealed_at:
            if tail.sealed_at - now <= _SLEW_US:
                return tail.sealed_at
            log.error("clock_went_back", by_seconds=(tail.sealed_at - now) / 1_000_000)
        return now

    async def _asked_to_rotate(self, session: AsyncSession, rows: Sequence[Row[Any]]) -> None:
        if any(row.action == ROTATION_ASKED for row in rows):
            try:
                name = await keys.hand_over(session, self._clock.now())
            except Conflict as error:  # asked for twice
                log.warning("audit_key_not_rotated", cause=str(error))
            else:
                log.info("audit_key_rotated", fingerprint=name)

    async def _follow_key(
        self, session: AsyncSession, scope: Scope, tail: Tail, key: str
    ) -> tuple[Tail, str]:
        """Where another key has become active, say so in this stream under both, and go on under it."""
        active = (await session.execute(_ACTIVE_KEY)).scalar_one()
        if active == key or tail.peaks.size == 0:
            return tail, key
        said: dict[str, Any] = {**self._keyring.handover(scope.org_id.bytes, key, active)}
        entry_id = AuditTrail(session, scope, self._clock).record(ROTATED, by=BY, **said)
        await session.flush()
        entry = await session.get_one(AuditEntry, (scope.org_id, entry_id))
        tail = await self._chain(session, scope.org_id, key, tail, [(entry_id, entry.body)])
        await self._note_key(session, scope.org_id, tail.peaks.size + 1, active)
        return tail, active

    async def _checkpoint_if_due(self, session: AsyncSession, org_id: UUID, key: str, tail: Tail) -> None:
        last = (await session.execute(_LAST_CHECKPOINT, {"org": org_id})).one_or_none()
        size, now = 0 if last is None else last.size, self._clock.now()
        if tail.peaks.size == size:
            return
        is_full = tail.peaks.size - size >= self._audit.checkpoint_entries
        wait = timedelta(seconds=self._audit.checkpoint_seconds)
        if last is None or is_full or not last.at <= now < last.at + wait:
            segments = await self._segments_since(session, org_id, size)
            body = canonical(
                checkpoints.fields(
                    stream=str(org_id), number=1 if last is None else last.number + 1, size=tail.peaks.size,
                    head=tail.head, root=tail.peaks.root(), at=_us(now), key=key,
                    previous=checkpoints.NO_CHECKPOINT if last is None else last.digest.hex(),
                    segments=len(segments), events_root=merkle.root_of(segments),
                )
            )  # fmt: skip
            session.add(
                AuditCheckpoint(
                    org_id=org_id, number=1 if last is None else last.number + 1, id=new_id(self._clock),
                    size=tail.peaks.size, at=now, body=body,
                    signature=self._keyring.signer(key).sign(CHECKPOINT + body),
                )
            )  # fmt: skip

    async def _segments_since(self, session: AsyncSession, org_id: UUID, size: int) -> list[bytes]:
        """Leaves of the segments of events that were sealed since a checkpoint."""
        rows = await session.execute(_SEALED_EVENTS, {"org": org_id, "size": size, "action": EVENTS_SEALED})
        return [
            leaf_hash(bytes.fromhex(base) + bytes.fromhex(root))
            for body in rows.scalars()
            for base, _, root in msgspec.json.decode(body)["detail"]["segments"]
        ]


def _us(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


_ADD_RECORDS = """
INSERT INTO audit_chain (org_id, seq, entry_id, sealed_at, leaf, head, signature)
SELECT %b, * FROM unnest(%b::bigint[], %b::uuid[], %b::bigint[], %b::bytea[], %b::bytea[], %b::bytea[])
"""
_LAST_RECORD = text(
    "SELECT seq, sealed_at, head FROM audit_chain WHERE org_id = :org ORDER BY seq DESC LIMIT 1"
)
_LAST_CHECKPOINT = text(
    "SELECT number, size, at, sha256(body) AS digest FROM audit_checkpoints WHERE org_id = :org"
    " ORDER BY number DESC LIMIT 1"
)
_KEY_IN_USE = text(
    "SELECT fingerprint FROM audit_key_uses WHERE org_id = :org ORDER BY from_seq DESC LIMIT 1"
)
_ACTIVE_KEY = text("SELECT fingerprint FROM audit_keys WHERE state = 'active'")
_SEALED_EVENTS = text(
    "SELECT e.body FROM audit_chain c JOIN audit_entries e ON e.org_id = c.org_id AND e.id = c.entry_id"
    " WHERE c.org_id = :org AND c.seq > :size AND e.action = :action ORDER BY c.seq"
)
_UNSEALED = """
SELECT e.at FROM audit_entries e WHERE e.org_id = o.id AND e.action <> 'audit.key_rotated'
  AND (e.tx, e.id) > (coalesce(p.tx, 0), coalesce(p.id, '00000000-0000-0000-0000-000000000000'::uuid))
"""
_PENDING = text(
    f"""
    SELECT o.id FROM organisations o
    LEFT JOIN feed_positions p ON p.org_id = o.id AND p.consumer = :consumer
    LEFT JOIN LATERAL (SELECT size, at FROM audit_checkpoints c WHERE c.org_id = o.id
      ORDER BY number DESC LIMIT 1) c ON true
    LEFT JOIN LATERAL (SELECT seq FROM audit_chain r WHERE r.org_id = o.id
      ORDER BY seq DESC LIMIT 1) r ON true
    LEFT JOIN LATERAL (SELECT fingerprint FROM audit_key_uses u WHERE u.org_id = o.id
      ORDER BY from_seq DESC LIMIT 1) u ON true
    WHERE EXISTS ({_UNSEALED} AND e.tx < app.horizon())
       OR r.seq > coalesce(c.size, 0) AND (c.at IS NULL OR c.at <= :due OR c.at > now())
       OR u.fingerprint <> (SELECT fingerprint FROM audit_keys WHERE state = 'active')
    ORDER BY o.id
    """  # noqa: S608 — a constant of this module
)
_LAG = text(
    f"""
    SELECT coalesce(extract(epoch FROM now() - min(u.at)), 0) FROM organisations o
    LEFT JOIN feed_positions p ON p.org_id = o.id AND p.consumer = :consumer
    JOIN LATERAL ({_UNSEALED} ORDER BY e.tx, e.id LIMIT 1) u ON true
    """  # noqa: S608 — a constant of this module
)
