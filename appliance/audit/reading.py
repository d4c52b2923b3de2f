"""Reading the trail: lists, the chain as it is verified, proofs, verdicts, exports, and erasing a person."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import IO, Any
from uuid import UUID

import msgspec
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit import keyring, personal
from appliance.audit.errors import EntryNotFound
from appliance.audit.exporting import Evidence, Exporter, Period
from appliance.audit.schemas import (
    ChainPage,
    ChainRecord,
    CheckpointView,
    Entry,
    EntryFilter,
    EntryPage,
    EntryProof,
    ExportOrder,
    PublicKeyView,
    VerificationOrder,
)
from appliance.audit.sealing import EVENTS_SEALED, ROTATION_ASKED
from appliance.audit.service import AuditTrail
from appliance.audit.tree import ChainTree
from appliance.audit.verifier.checkpoints import parsed, read
from appliance.audit.verifier.hashing import to_text
from appliance.audit.verifier.localising import Record
from appliance.audit.verifier.verdicts import Verdict
from appliance.audit.verifying import Verification
from appliance.audit.walking import Stream
from appliance.foundation.actors import Actor, Permission, Scope
from appliance.foundation.clock import Clock
from appliance.foundation.errors import Conflict, Invalid
from appliance.foundation.sealing import Sealer

MOST_PER_PAGE = 1_000


class AuditService:
    """
    Bound to one transaction in one organisation.

    Args:
        evidence: Stored events, for what the chain says of them.
    """

    def __init__(
        self, session: AsyncSession, scope: Scope, *, audit: AuditTrail, clock: Clock, sealer: Sealer,
        evidence: Evidence,
    ) -> None:  # fmt: skip
        self._session, self._scope, self._audit = session, scope, audit
        self._clock, self._sealer, self._evidence = clock, sealer, evidence
        self._stream = Stream(session, scope.org_id)

    async def entries(self, wanted: EntryFilter, *, by: Actor, limit: int, cursor: UUID | None) -> EntryPage:
        """
        Entries for people, latest first; looking is an entry itself.

        Raises:
            NotPermitted: The caller may not view the trail.
        """
        by.require(Permission.AUDIT_VIEW)
        rows = (
            await self._session.execute(
                _ENTRIES,
                {
                    "org": self._scope.org_id, "limit": limit, "before": cursor, "actor": wanted.actor,
                    "action": wanted.action or None, "prefix": wanted.action.endswith("."),
                    "subject": wanted.subject or None, "outcome": wanted.outcome or None,
                    "start": wanted.start, "end": wanted.end, "seals": wanted.seals, "sealed": EVENTS_SEALED,
                },
            )
        ).all()  # fmt: skip
        self._audit.read("audit.entries", by=by, filter=_told(wanted), count=len(rows))
        items = await self._opened(rows)
        return EntryPage(items=items, next_cursor=items[-1].id if len(items) == limit else None)

    async def entry(self, entry_id: UUID, *, by: Actor) -> EntryProof:
        """
        One entry, with the proof that the latest checkpoint covers it.

        Raises:
            EntryNotFound: There is none.
        """
        by.require(Permission.AUDIT_VIEW)
        row = (await self._session.execute(_ENTRY, {"org": self._scope.org_id, "id": entry_id})).one_or_none()
        if row is None:
            raise EntryNotFound(f"no audit entry {entry_id}")
        self._audit.read("audit.entry", by=by, subject=entry_id)
        entry = (await self._opened([row]))[0]
        checkpoint = await self._session.execute(
            _COVERING, {"org": self._scope.org_id, "seq": row.seq or 2**62}
        )
        if (covering := checkpoint.one_or_none()) is None:
            return EntryProof(entry=entry, checkpoint=None, proof=[])
        found = read(bytes(covering.body), bytes(covering.signature))
        proof = await ChainTree(self._session, self._scope.org_id).inclusion(row.seq - 1, found.size)
        return EntryProof(
            entry=entry, checkpoint=msgspec.json.decode(found.as_json()), proof=[one.hex() for one in proof]
        )

    async def chain(self, after: int, *, by: Actor, limit: int) -> ChainPage:
        """
        Records after a place, exactly as they are verified, with the state before them.

        Raises:
            EntryNotFound: The chain does not reach that place.
        """
        by.require(Permission.AUDIT_VIEW)
        start = await self._stream.start(after)
        records = await self._stream.records(after, limit)
        return ChainPage(
            stream=str(self._scope.org_id), after=after, head=start.head.hex(),
            peaks=[one.hex() for one in start.peaks], items=[_chained(one) for one in records],
            next_after=records[-1].seq if len(records) == limit else None,
        )  # fmt: skip

    async def checkpoints(self, after: int, *, by: Actor, limit: int) -> list[CheckpointView]:
        """Checkpoints with a higher number, in order."""
        by.require(Permission.AUDIT_VIEW)
        rows = await self._session.execute(
            _CHECKPOINTS, {"org": self._scope.org_id, "after": after, "limit": limit}
        )
        return [
            CheckpointView(
                number=row.number, size=row.size, at=row.at, checkpoint=bytes(row.body).decode(),
                key=read(bytes(row.body), b"").key, signature=to_text(bytes(row.signature)),
            )
            for row in rows
        ]  # fmt: skip

    async def consistency(self, old: int, new: int, *, by: Actor) -> list[str]:
        """
        The proof (RFC 6962) that the tree over `old` records is the beginning of that over `new`.

        Raises:
            EntryNotFound: The chain does not reach so far.
        """
        by.require(Permission.AUDIT_VIEW)
        if not 0 <= old <= new:
            raise Invalid("ask for sizes from 0, the smaller one first")
        await self._stream.start(new)
        if old in (0, new):
            return []  # nothing is the beginning of everything, and a tree of itself
        return [one.hex() for one in await ChainTree(self._session, self._scope.org_id).consistency(old, new)]

    async def keys(self, *, by: Actor) -> list[PublicKeyView]:
        """Every public key that ever was published."""
        by.require(Permission.AUDIT_VIEW)
        return [
            PublicKeyView(
                fingerprint=key.fingerprint, public_key=key.key.hex(), state=key.state,
                published_at=key.published_at, activated_at=key.activated_at, retired_at=key.retired_at,
            )
            for key in await keyring.published(self._session)
        ]  # fmt: skip

    async def rotate_key(self, *, by: Actor) -> None:
        """
        Have the next key take over; the sealer does it within a second or so.

        Raises:
            Conflict: No next key is published.
        """
        by.require(Permission.KEYS_ROTATE)
        coming = [key for key in await keyring.published(self._session) if key.state == "next"]
        if not coming:
            raise Conflict(
                f"no next audit key is published; put one in the credential {keyring.NEXT_CREDENTIAL}"
            )
        self._audit.record(ROTATION_ASKED, by=by, to=coming[0].fingerprint)

    async def verification(self, order: VerificationOrder, *, by: Actor) -> Verdict:
        """
        Verify the whole stream where it is stored.

        Raises:
            Invalid: What is expected is no checkpoint, or the period is none.
        """
        by.require(Permission.AUDIT_VIEW)
        try:
            expected = [parsed(line) for line in order.expect]
        except ValueError as error:
            raise Invalid(str(error)) from error
        verdict = await Verification(self._session, self._stream, await self._raw_keys()).run(
            pin=order.fingerprint.lower(), expected=expected, thorough=order.thorough,
            allow_clock_back=order.allow_clock_back, evidence=self._evidence,
            period_ms=_period_ms(order.events_from, order.events_to),
        )  # fmt: skip
        problem = verdict.problem
        self._audit.record(
            "audit.verified", by=by, outcome="success" if verdict.ok else "failed", records=verdict.records,
            problem="" if problem is None else problem.kind.value, at=0 if problem is None else problem.seq,
        )  # fmt: skip
        return verdict

    async def export(self, order: ExportOrder, to: IO[bytes], *, by: Actor) -> int:
        """
        Write an export that `xdr-audit-verify` reads; how many records it holds.

        Raises:
            NotPermitted: The caller may not export the trail or, with a source, events.
            Invalid: A source without a period, or the other way round.
        """
        by.require(Permission.AUDIT_EXPORT)
        period_ms = _period_ms(order.events_from, order.events_to)
        if (order.source_id is None) != (period_ms is None):
            raise Invalid("events are exported for a source and a period; give both, or neither")
        period = None
        if order.source_id is not None and period_ms is not None:
            by.require(Permission.EVENTS_EXPORT)
            period = Period(order.source_id, *period_ms)
        exporter = Exporter(self._stream, await self._raw_keys(), to)
        records = await exporter.write(order.after, period, self._evidence)
        self._audit.record(
            "audit.exported", by=by, subject=order.source_id, records=records, after=order.after
        )
        return records

    async def erase_subject(self, subject_id: UUID, *, by: Actor) -> None:
        """
        Destroy a person's key: their name, address and the like in entries can be read by nobody any more.

        The chain holds as before. Entries about the person that come later leave such things out. Erasing
        somebody twice changes nothing.

        Raises:
            NotPermitted: The caller may not; a second person is asked for by whoever calls this.
        """
        by.require(Permission.PRIVACY_ERASE)
        await self._session.flush()
        await self._session.execute(
            _ERASE, {"org": self._scope.org_id, "subject": subject_id, "now": self._clock.now()}
        )
        self._session.sync_session.info.pop("subject_keys", None)
        self._audit.record("privacy.subject_erased", by=by, subject=subject_id)

    async def _raw_keys(self) -> list[bytes]:
        return [key.key for key in await keyring.published(self._session)]

    async def _opened(self, rows: Sequence[Row[Any]]) -> list[Entry]:
        bodies = [msgspec.json.decode(row.body) for row in rows]
        keys = await self._keys({one for body in bodies for one in personal.subjects_in(body)})
        return [
            _entry(row, personal.opened(body, keys, self._scope.org_id, row.id))
            for row, body in zip(rows, bodies, strict=True)
        ]

    async def _keys(self, subjects: set[UUID]) -> personal.Keys:
        rows = await self._session.execute(
            text(
                "SELECT subject_id, sealed_key FROM audit_subject_keys"
                " WHERE org_id = :org AND subject_id = ANY(:ids)"
            ),
            {"org": self._scope.org_id, "ids": list(subjects)},
        )
        stored = {row.subject_id: row.sealed_key for row in rows}
        return personal.unsealed(self._sealer, self._scope.org_id, stored)


def _entry(row: Row[Any], body: Any) -> Entry:
    record = None
    if row.seq is not None:
        record = ChainRecord(
            seq=row.seq, entry_id=str(row.id), sealed_at_us=row.sealed_at, leaf=bytes(row.leaf).hex(),
            head=bytes(row.head).hex(), signature=to_text(bytes(row.signature)),
            body=bytes(row.body).decode(),
        )  # fmt: skip
    return Entry(
        id=str(row.id), at=row.at, action=row.action, outcome=row.outcome, subject=row.subject,
        actor=body["actor"], detail=body["detail"], body=bytes(row.body).decode(), record=record,
    )  # fmt: skip


def _chained(record: Record) -> ChainRecord:
    return ChainRecord(
        seq=record.seq, entry_id=record.entry_id, sealed_at_us=record.sealed_at,
        leaf=(record.leaf or b"").hex(), head=(record.head or b"").hex(), signature=to_text(record.signature),
        body=None if record.body is None else record.body.decode(),
    )  # fmt: skip


def _told(wanted: EntryFilter) -> dict[str, Any]:
    return {
        name: value if isinstance(value, bool) else str(value)
        for name, value in msgspec.structs.asdict(wanted).items()
        if value not in (None, "", False)
    }


def _period_ms(start: datetime | None, end: datetime | None) -> tuple[int, int] | None:
    if start is None and end is None:
        return None
    if start is None or end is None or start.tzinfo is None or end.tzinfo is None or start >= end:
        raise Invalid("a period has two moments with their time zones, the earlier one first")
    first, second = (int(one.astimezone(UTC).timestamp() * 1000) for one in (start, end))
    return first, second


_COLUMNS = (
    "e.id, e.at, e.action, e.outcome, e.subject, e.body, c.seq, c.sealed_at, c.leaf, c.head, c.signature"
    " FROM audit_entries e LEFT JOIN audit_chain c ON c.org_id = e.org_id AND c.entry_id = e.id"
)
_ENTRIES = text(
    f"""
    SELECT {_COLUMNS} WHERE e.org_id = :org
      AND (CAST(:before AS uuid) IS NULL OR e.id < :before)
      AND (CAST(:actor AS uuid) IS NULL OR e.actor_id = :actor)
      AND (CAST(:action AS text) IS NULL OR e.action = :action
        OR (:prefix AND starts_with(e.action, CAST(:action AS text))))
      AND (CAST(:subject AS text) IS NULL OR e.subject = :subject)
      AND (CAST(:outcome AS text) IS NULL OR e.outcome = :outcome)
      AND (CAST(:start AS timestamptz) IS NULL OR e.at >= :start)
      AND (CAST(:end AS timestamptz) IS NULL OR e.at < :end)
      AND (:seals OR e.action <> :sealed)
    ORDER BY e.id DESC LIMIT :limit
    """
)
_ENTRY = text(f"SELECT {_COLUMNS} WHERE e.org_id = :org AND e.id = :id")
_COVERING = text(
    "SELECT body, signature FROM audit_checkpoints WHERE org_id = :org AND size >= :seq"
    " ORDER BY number DESC LIMIT 1"
)
_CHECKPOINTS = text(
    "SELECT number, size, at, body, signature FROM audit_checkpoints WHERE org_id = :org AND number > :after"
    " ORDER BY number LIMIT :limit"
)
_ERASE = text(
    "INSERT INTO audit_subject_keys (org_id, subject_id, sealed_key, created_at, erased_at)"
    " VALUES (:org, :subject, NULL, :now, :now)"
    " ON CONFLICT (org_id, subject_id) DO UPDATE SET sealed_key = NULL,"
    " erased_at = coalesce(audit_subject_keys.erased_at, excluded.erased_at)"
)
