"""Sources and their tokens, the quarantine, and what became of a batch."""

import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Actor, Permission, Scope
from appliance.foundation.clock import Clock
from appliance.foundation.errors import Invalid
from appliance.foundation.ids import new_id
from appliance.foundation.queue import JobKind, Queue
from appliance.foundation.sealing import Sealer
from appliance.foundation.tokens import hash_of, new_token
from appliance.telemetry import queries
from appliance.telemetry.decoding.registry import FORMATS
from appliance.telemetry.errors import QuarantineEntryNotFound, SourceNameTaken, SourceNotFound, UnknownFormat
from appliance.telemetry.models import QuarantineEntry, Source, SourceToken
from appliance.telemetry.schemas import (
    GRANT,
    NOT_READABLE,
    OWN_LOG_LISTENER,
    BatchSummary,
    IssuedToken,
    NewSource,
    QuarantineItem,
    SourceChange,
    SourceState,
    SourceSummary,
)
from appliance.telemetry.sources import TOKEN_PREFIX

REPLAY_JOB = JobKind("quarantine.replay", permission=Permission.QUARANTINE_REPLAY)
_PREFIX_SHOWN = 16
_HMAC_BYTES = 32
_PREVIEW_BYTES = 2_000
# A source is silent after ten times its usual pause, but never sooner than this.
_SHORTEST_SILENCE = timedelta(minutes=5)
_PAUSES = 10
_DAY_SECONDS = 86_400
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")


class TelemetryService:
    """Bound to one transaction."""

    def __init__(
        self, session: AsyncSession, scope: Scope, audit: AuditTrail, clock: Clock, sealer: Sealer
    ) -> None:
        self._session, self._scope, self._audit, self._clock, self._sealer = (
            session,
            scope,
            audit,
            clock,
            sealer,
        )

    async def sources(self, *, by: Actor) -> list[SourceSummary]:
        """Every source, by name, with what it did in the last 24 hours."""
        by.require(Permission.SOURCES_VIEW)
        rows = await queries.sources(self._session, self._scope, self._clock.now())
        return [_summary(row, self._clock.now()) for row in rows]

    async def create_source(self, new: NewSource, *, by: Actor) -> SourceSummary:
        """
        A new source, enabled, without a token.

        Raises:
            SourceNameTaken: There is one of that name.
            UnknownFormat: No decoder has that name; lists those there are.
        """
        by.require(Permission.SOURCES_EDIT)
        _check(new.name, new.format, new.durability)
        source = Source(
            org_id=self._scope.org_id, id=new_id(self._clock), name=new.name, format=new.format,
            listener=new.listener, options=new.options, durability=new.durability, enabled=True,
            created_at=self._clock.now(),
        )  # fmt: skip
        try:
            async with self._session.begin_nested():
                self._session.add(source)
        except IntegrityError as error:
            raise SourceNameTaken(f"there is a source named {new.name!r} already") from error
        self._audit.record("source.created", by=by, subject=source.id, name=new.name, format=new.format)
        return await self._one(source.id)

    async def change_source(self, source_id: UUID, change: SourceChange, *, by: Actor) -> SourceSummary:
        """Switch on or off, or read differently from now on; what is stored stays as it is."""
        by.require(Permission.SOURCES_EDIT)
        source = await self._source(source_id)
        changed = {name: value for name, value in _given(change).items() if getattr(source, name) != value}
        _check(source.name, change.format or source.format, change.durability or source.durability)
        for name, value in changed.items():
            setattr(source, name, value)
        self._audit.record("source.changed", by=by, subject=source_id, fields=sorted(changed))
        await self._session.flush()
        return await self._one(source_id)

    async def issue_token(self, source_id: UUID, *, by: Actor, signed: bool = False) -> IssuedToken:
        """A token for shippers. With `signed`, also a key: from then on each body must carry its HMAC."""
        by.require(Permission.SOURCES_EDIT)
        source = await self._source(source_id)
        token = new_token(TOKEN_PREFIX)
        self._session.add(
            SourceToken(
                org_id=self._scope.org_id, id=new_id(self._clock), source_id=source_id,
                prefix=token[:_PREFIX_SHOWN], token_hash=hash_of(token), created_at=self._clock.now(),
            )
        )  # fmt: skip
        key = secrets.token_bytes(_HMAC_BYTES) if signed else None
        if key is not None:
            source.hmac_key = self._sealer.seal(
                key, table="sources", column="hmac_key", org_id=self._scope.org_id, row_id=source_id
            )
        self._audit.record(
            "source.token_issued", by=by, subject=source_id, prefix=token[:_PREFIX_SHOWN], signed=signed
        )
        return IssuedToken(
            token=token, prefix=token[:_PREFIX_SHOWN], hmac_key=None if key is None else key.hex()
        )

    async def revoke_tokens(self, source_id: UUID, *, by: Actor) -> int:
        """All tokens of a source stop working within five seconds; how many there were."""
        by.require(Permission.SOURCES_EDIT)
        await self._source(source_id)
        tokens = await self._session.execute(
            select(SourceToken).where(
                SourceToken.org_id == self._scope.org_id,
                SourceToken.source_id == source_id,
                SourceToken.revoked_at.is_(None),
            )
        )
        revoked = list(tokens.scalars())
        for token in revoked:
            token.revoked_at = self._clock.now()
        self._audit.record("source.tokens_revoked", by=by, subject=source_id, count=len(revoked))
        return len(revoked)

    async def quarantine(
        self, *, by: Actor, source_id: UUID | None = None, before: UUID | None = None, limit: int = 50
    ) -> Sequence[QuarantineItem]:
        """Pieces that were no event, latest first."""
        by.require(Permission.QUARANTINE_VIEW)
        rows = await queries.quarantine(self._session, self._scope, source_id, before, limit)
        return [_quarantined(row) for row in rows]

    async def replay(self, entry_id: UUID, *, by: Actor) -> UUID:
        """
        Have an entry read again; the id of the job that does it.

        Raises:
            QuarantineEntryNotFound: There is none.
        """
        by.require(Permission.QUARANTINE_REPLAY)
        if await self._session.get(QuarantineEntry, (self._scope.org_id, entry_id)) is None:
            raise QuarantineEntryNotFound(f"no quarantine entry {entry_id}")
        key = f"{REPLAY_JOB.name}:{entry_id}:{self._clock.now():%Y%m%d%H%M}"
        queue = Queue(self._session, self._scope, self._clock)
        return await queue.enqueue(REPLAY_JOB, {"entry_id": str(entry_id)}, by=by, key=key)

    async def take_from_quarantine(self, entry_id: UUID, *, by: Actor) -> tuple[UUID, bytes]:
        """
        The source and exact bytes of an entry, marked as replayed, for the caller to submit again.

        Raises:
            QuarantineEntryNotFound: There is none.
        """
        by.require(Permission.QUARANTINE_REPLAY)
        entry = await self._session.get(QuarantineEntry, (self._scope.org_id, entry_id), with_for_update=True)
        if entry is None:
            raise QuarantineEntryNotFound(f"no quarantine entry {entry_id}")
        entry.replayed_at = self._clock.now()
        self._audit.record("quarantine.replayed", by=by, subject=entry_id)
        return entry.source_id, entry.body

    async def batch(self, batch_id: UUID, *, by: Actor) -> BatchSummary | None:
        """What became of a batch that was committed; None if it was not, or not yet."""
        by.require(Permission.SOURCES_VIEW)
        row = await queries.batch(self._session, self._scope, batch_id)
        if row is None:
            return None
        return BatchSummary(
            id=row.id, state="committed", received=row.received, stored=row.stored, duplicates=row.duplicates,
            quarantined=row.quarantined, findings=row.findings, received_at=row.received_at,
            committed_at=row.committed_at,
        )  # fmt: skip

    async def _source(self, source_id: UUID) -> Source:
        source = await self._session.get(Source, (self._scope.org_id, source_id), with_for_update=True)
        if source is None:
            raise SourceNotFound(f"no source {source_id}")
        return source

    async def _one(self, source_id: UUID) -> SourceSummary:
        rows = await queries.sources(self._session, self._scope, self._clock.now(), source_id)
        return _summary(rows[0], self._clock.now())


def _given(change: SourceChange) -> dict[str, Any]:
    names = ("enabled", "format", "options", "durability")
    return {name: value for name in names if (value := getattr(change, name)) is not None}


def _check(name: str, form: str, durability: str) -> None:
    if not _NAME.fullmatch(name):
        raise Invalid("a source's name is 1 to 100 letters, digits, dots, dashes or underscores")
    if form != "auto" and form not in FORMATS:
        raise UnknownFormat(f"no format {form!r}; there are auto, {', '.join(sorted(FORMATS))}")
    if durability not in ("node", "cluster"):
        raise Invalid("durability is `node` or `cluster`")


def _summary(row: Any, now: datetime) -> SourceSummary:
    events = row.events_24h or 0
    return SourceSummary(
        id=row.id, name=row.name, format=row.format, listener=row.listener, state=_state(row, now),
        enabled=row.enabled, last_event_at=row.last_event_at, last_received_at=row.last_received_at,
        events_24h=events, rate_per_second=round(events / _DAY_SECONDS, 3),
        clock_skew_seconds=None if row.skew_us is None else round(row.skew_us / 1e6, 1),
        lost_datagrams=row.lost_datagrams,
        quarantined=row.quarantined or 0, duplicates=row.duplicates or 0, options=row.options,
        durability=row.durability, signed=row.hmac_key is not None,
        detail=GRANT if _is_unreadable(row) else None,
    )  # fmt: skip


def _state(row: Any, now: datetime) -> SourceState:
    if not row.enabled:
        return SourceState.DISABLED
    if _is_unreadable(row):
        return SourceState.NOT_READABLE
    if row.last_received_at is None:
        return SourceState.NEVER
    usual = timedelta(seconds=_DAY_SECONDS / max(row.events_24h or 1, 1))
    silence = max(_SHORTEST_SILENCE, usual * _PAUSES)
    return SourceState.SILENT if now - row.last_received_at > silence else SourceState.RECEIVING


def _is_unreadable(row: Any) -> bool:
    return bool(row.listener == OWN_LOG_LISTENER and row.own_log == NOT_READABLE)


def _quarantined(row: Any) -> QuarantineItem:
    return QuarantineItem(
        id=row.id, source={"id": str(row.source_id), "name": row.name}, received_at=row.received_at,
        reason=row.reason, size_bytes=row.size_bytes, preview=inert(bytes(row.head)),
        replayed_at=row.replayed_at,
    )  # fmt: skip


def inert(raw: bytes) -> str:
    """Bytes as text that cannot act: controls, bidi marks and invalid bytes as visible escapes."""
    text = raw[:_PREVIEW_BYTES].decode("utf-8", "backslashreplace")
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
