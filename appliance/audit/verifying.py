"""Verifies a stream where it is stored: the offline verifier's rules, and what only the database knows."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.exporting import Evidence
from appliance.audit.sealing import CONSUMER
from appliance.audit.verifier.chain import Chain
from appliance.audit.verifier.checkpoints import Checkpoint
from appliance.audit.verifier.evidence import received_ms, segment_root
from appliance.audit.verifier.verdicts import Kind, Problem, Verdict
from appliance.audit.walking import Stream, bodies

_DROPPED = b'{"action":"events.day_dropped"'


class Verification:
    """
    Bound to one transaction and one stream.

    Args:
        keys: All published public keys.
    """

    def __init__(self, session: AsyncSession, stream: Stream, keys: Sequence[bytes]) -> None:
        self._session, self._stream, self._keys = session, stream, keys
        self._dropped: set[str] = set()

    async def run(
        self, *, pin: str, expected: Sequence[Checkpoint], thorough: bool, allow_clock_back: bool,
        period_ms: tuple[int, int] | None, evidence: Evidence,
    ) -> Verdict:  # fmt: skip
        """
        The verdict.

        Args:
            period_ms: Also verify all events received from the first and before the second moment.
        """
        key = await self._stream.key(1)
        chain = Chain(
            self._stream.org_id, key, pin=pin if key else "", others=self._keys, expected=expected,
            thorough=thorough, allow_clock_back=allow_clock_back,
        )  # fmt: skip
        if period_ms is not None:
            chain.keep_segments_between(*period_ms)
        await self._follow(chain)
        if (stray := await self._stray()) is not None:
            chain.fail(stray)
        verdict = chain.finish()
        if period_ms is None or not verdict.ok:
            return verdict
        return await self._events(verdict, chain, period_ms, evidence)

    async def _follow(self, chain: Chain) -> None:
        async for stretch in self._stream.stretches():
            if not chain.extend(stretch.records):
                return
            self._note_dropped(bodies(stretch.records))
            if stretch.checkpoint is not None and not chain.checkpoint(stretch.checkpoint):
                return

    def _note_dropped(self, texts: Sequence[bytes]) -> None:
        for body in texts:
            if body.startswith(_DROPPED):
                self._dropped.add(msgspec.json.decode(body)["detail"]["day"])

    async def _stray(self) -> Problem | None:
        """An entry that was put in behind the sealer's back."""
        row = (
            await self._session.execute(_STRAY, {"org": self._stream.org_id, "consumer": CONSUMER})
        ).one_or_none()
        if row is None:
            return None
        message = f"the entry {row.id} is older than what is sealed and not in the chain: it was inserted"
        return Problem(Kind.INSERTED, row.before + 1, message, entry_id=str(row.id))

    async def _events(
        self, verdict: Verdict, chain: Chain, period_ms: tuple[int, int], evidence: Evidence
    ) -> Verdict:
        missing, events, segments = dict(chain.sealed), 0, 0
        waiting = await self._waiting()
        async for held in evidence.between(*period_ms):
            expected = missing.pop(held.segment, None)
            sources = held.sources()
            found = sum(count for _, count, _ in sources), segment_root(sources)
            if expected is None and held.segment in waiting:
                continue
            if found != expected:
                return replace(verdict, problem=_altered(held.segment, found[0], expected))
            events, segments = events + found[0], segments + 1
        gone = next((base for base in sorted(missing) if _day(base) not in self._dropped), None)
        proved: dict[str, Any] = {"events": events, "segments": segments}
        return replace(verdict, events=proved, problem=None if gone is None else _gone(gone))

    async def _waiting(self) -> set[bytes]:
        rows = await self._session.execute(
            text("SELECT id FROM audit_segment_arrivals WHERE org_id = :org"), {"org": self._stream.org_id}
        )
        return {one.bytes for one in rows.scalars()}


def _day(segment: bytes) -> str:
    return datetime.fromtimestamp(received_ms(segment) / 1000, UTC).date().isoformat()


def _altered(segment: bytes, found: int, expected: tuple[int, bytes] | None) -> Problem:
    name = segment.hex()
    if expected is None:
        message = f"segment {name} was never sealed: it was inserted"
    elif found < expected[0]:
        message = f"segment {name} held {expected[0]} events when it was sealed, and {found} are there"
        return Problem(Kind.EVENTS_MISSING, 0, message, segment=name)
    else:
        message = f"segment {name} does not hold the events that were sealed in it"
    return Problem(Kind.EVENTS_ALTERED, 0, message, segment=name)


def _gone(segment: bytes) -> Problem:
    message = f"segment {segment.hex()} of {_day(segment)} is not there, and no record retired its day"
    return Problem(Kind.EVENTS_MISSING, 0, message, segment=segment.hex())


_STRAY = text(
    """
    SELECT e.id, (SELECT coalesce(max(r.seq), 0) FROM audit_chain r
        JOIN audit_entries x ON x.org_id = r.org_id AND x.id = r.entry_id
        WHERE r.org_id = :org AND (x.tx, x.id) < (e.tx, e.id)) AS before
    FROM audit_entries e
    JOIN feed_positions p ON p.org_id = e.org_id AND p.consumer = :consumer
    WHERE e.org_id = :org AND (e.tx, e.id) <= (p.tx, p.id)
      AND NOT EXISTS (SELECT FROM audit_chain c WHERE c.org_id = e.org_id AND c.entry_id = e.id)
    ORDER BY e.tx, e.id LIMIT 1
    """
)
