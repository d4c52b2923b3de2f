"""Writing a segment: COPY into a temporary table, INSERT under forced row-level security (decision 3)."""

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.foundation.actors import Scope
from appliance.foundation.database import driver
from appliance.telemetry.segments import EncodedSegment
from appliance.telemetry.store import Appended

MICROSECOND = 1_000_000
_COPY_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_COPY_TRAILER = b"\xff\xff"
_KEYED = np.dtype([("n", ">i2"), ("a", ">i4"), ("id", "V16"), ("b", ">i4"), ("key", "V16")])
_UNKEYED = np.dtype([("n", ">i2"), ("a", ">i4"), ("id", "V16"), ("b", ">i4")])


def received_day(received: int) -> date:
    """The day of receipt, UTC; `received` in microseconds since the epoch."""
    return datetime.fromtimestamp(received / MICROSECOND, UTC).date()


class SegmentAppender:
    """Bound to one transaction and, by its scope, to one organisation."""

    def __init__(self, session: AsyncSession, scope: Scope) -> None:
        self._session, self._scope = session, scope

    async def append(self, segment: EncodedSegment, *, received: int) -> Appended:
        """
        Store a segment; resent copies of events that are already here are left out.

        Args:
            segment: Encoded, its events matched.
            received: When it was received, microseconds since the epoch; decides the day.
        """
        day = received_day(received)
        await self._session.execute(text("SELECT app.ensure_day(:day)"), {"day": day})
        duplicates = await self._claim(segment, day)
        stored = segment.events - len(duplicates)
        if stored:
            await self.insert(segment, day, received, duplicates)
        return Appended(stored=stored, duplicates=duplicates)

    async def insert(
        self, segment: EncodedSegment, day: date, received: int, duplicates: frozenset[int] = frozenset()
    ) -> None:
        """The segment itself, its events having been claimed."""
        await self._insert_segment(segment, day, received, duplicates)
        await self._insert_columns(segment, day)

    async def _claim(self, segment: EncodedSegment, day: date) -> frozenset[int]:
        """Insert the event rows; the places that were already taken by an earlier copy."""
        connection = await driver(self._session)
        async with connection.cursor() as cursor:
            await cursor.execute(
                "CREATE TEMP TABLE IF NOT EXISTS incoming (id uuid, natural_key bytea) ON COMMIT DELETE ROWS"
            )
            if self._session.info.setdefault("appended", 0):
                await cursor.execute("TRUNCATE incoming")  # a second append in one transaction
            self._session.info["appended"] += 1
            async with cursor.copy("COPY incoming FROM STDIN (FORMAT BINARY)") as copy:
                await copy.write(_copy_rows(segment))
            inserted = await cursor.execute(_CLAIM, {"org": self._scope.org_id, "day": day})
            if inserted.rowcount == segment.events:
                return frozenset()
            known = await cursor.execute(
                "SELECT FROM segments WHERE org_id = %s AND received_day = %s AND id = %s",
                (self._scope.org_id, day, segment.event_id(0)),
            )
            if known.rowcount:
                return frozenset(range(segment.events))  # this very unit, stored before
            left = await cursor.execute(_UNCLAIMED, {"org": self._scope.org_id, "day": day})
            return frozenset(row[0].int - int.from_bytes(segment.base) for row in await left.fetchall())

    async def _insert_segment(
        self, segment: EncodedSegment, day: date, received: int, duplicates: frozenset[int]
    ) -> None:
        dead = np.array(sorted(duplicates), np.uint32).tobytes() if duplicates else None
        connection = await driver(self._session)
        await connection.execute(
            "INSERT INTO segments (org_id, received_day, id, last_id, received_at, places, events, matched,"
            " dead, rule_set, min_time, max_time, originals, originals_size, originals_sha256)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %b, %s, %s, %s, %b, %s, %b)",
            (
                self._scope.org_id, day, segment.event_id(0), segment.last_id,
                datetime.fromtimestamp(received / MICROSECOND, UTC), segment.events,
                segment.events - len(duplicates), segment.matched - len(duplicates), dead, segment.rule_set,
                segment.min_time, segment.max_time, segment.originals, segment.originals_size,
                segment.originals_sha256,
            ),
        )  # fmt: skip

    async def _insert_columns(self, segment: EncodedSegment, day: date) -> None:
        connection = await driver(self._session)
        await connection.execute(
            "INSERT INTO segment_columns (org_id, received_day, field, segment_id, body)"
            " SELECT %s, %s, field, %s, body FROM unnest(%b::text[], %b::bytea[]) AS c (field, body)",
            (
                self._scope.org_id, day, segment.event_id(0),
                list(segment.columns), list(segment.columns.values()),
            ),
        )  # fmt: skip


# The day before is asked as well: a shipper that was told nothing before midnight resends after it.
_CLAIM = """
INSERT INTO events (org_id, received_day, id, natural_key)
SELECT %(org)s, %(day)s, i.id, i.natural_key FROM incoming i
WHERE i.natural_key IS NULL OR NOT EXISTS (
  SELECT FROM events e WHERE e.org_id = %(org)s AND e.received_day = %(day)s::date - 1
    AND e.natural_key = i.natural_key)
ON CONFLICT DO NOTHING
"""
_UNCLAIMED = """
SELECT i.id FROM incoming i WHERE NOT EXISTS (
  SELECT FROM events e WHERE e.org_id = %(org)s AND e.received_day = %(day)s AND e.id = i.id)
"""


def _copy_rows(segment: EncodedSegment) -> bytes:
    """The event rows in COPY's binary form; two shapes, since a missing key has no bytes."""
    keyed = [(place, key) for place, key in enumerate(segment.keys) if key is not None]
    bare = [place for place, key in enumerate(segment.keys) if key is None]
    rows = np.zeros(len(keyed), _KEYED)
    rows["n"], rows["a"], rows["b"] = 2, 16, 16
    rows["id"] = _ids(int.from_bytes(segment.base), [place for place, _ in keyed])
    rows["key"] = np.frombuffer(b"".join(key for _, key in keyed), "V16")
    unkeyed = np.zeros(len(bare), _UNKEYED)
    unkeyed["n"], unkeyed["a"], unkeyed["b"] = 2, 16, -1
    unkeyed["id"] = _ids(int.from_bytes(segment.base), bare)
    return _COPY_HEADER + rows.tobytes() + unkeyed.tobytes() + _COPY_TRAILER


def _ids(base: int, places: list[int]) -> NDArray[Any]:
    return np.frombuffer(b"".join((base + place).to_bytes(16, "big") for place in places), "V16")
