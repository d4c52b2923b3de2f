"""
One transaction for a unit: events, findings, batches, quarantine, counters. All of it, or none.

Tables are written with plain statements, not the ORM: thousands of events pass here each second.
"""

from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.detection.pipeline import Finding, Part, PartResult, Prepared, Unit
from appliance.foundation import observability as metrics
from appliance.foundation.actors import Scope
from appliance.foundation.clock import Clock
from appliance.foundation.database import Database, driver, transaction
from appliance.foundation.errors import Conflict
from appliance.foundation.ids import new_id
from appliance.foundation.severity import Severity
from appliance.telemetry.appending import SegmentAppender, received_day
from appliance.telemetry.intake import Durability, Receipt

FINDINGS_CHANNEL = "xdr_findings"


class BatchTaken(Conflict):
    """Another connection stored a batch of this unit first; nothing of the unit was stored."""

    code = "batch_taken"


async def known_batch(database: Database, org_id: UUID, part: Part) -> Receipt | None:
    """The answer this batch was given before, if it has been stored: by the client's id, or by ours."""
    async with transaction(database, Scope(org_id=org_id)) as session:
        row = (
            await session.execute(
                text(
                    "SELECT id, received, stored, duplicates, quarantined, findings FROM batches"
                    " WHERE org_id = :org AND (id = :id OR source_id = :source AND client_batch_id = :client)"
                ),
                {
                    "org": org_id,
                    "id": part.batch_id,
                    "source": part.source_id,
                    "client": part.client_batch_id or None,
                },
            )
        ).first()
    return None if row is None else _receipt(row.id, Counted(*row[1:]))


class Counted(NamedTuple):
    """What became of the pieces of a batch."""

    received: int
    stored: int
    duplicates: int
    quarantined: int
    findings: int


def _receipt(batch: UUID, counted: Counted) -> Receipt:
    return Receipt(batch_id=str(batch), durability=Durability.COMMITTED, **counted._asdict())


async def commit(database: Database, clock: Clock, unit: Unit, prepared: Prepared) -> list[Receipt]:
    """
    Store a unit; one receipt per batch.

    Raises:
        BatchTaken: A batch of it has been stored already.
        Unavailable: The database cannot commit; nothing was stored.
    """
    scope = Scope(org_id=unit.org_id)
    async with transaction(database, scope) as session:
        stored, duplicates = 0, frozenset[int]()
        if prepared.segment is not None:
            appended = await SegmentAppender(session, scope).append(prepared.segment, received=unit.received)
            stored, duplicates = appended.stored, appended.duplicates
        findings = [finding for finding in prepared.findings if finding.place not in duplicates]
        receipts = _receipts(unit, prepared, findings, duplicates)
        await _insert_batches(session, clock, unit, receipts)
        await _insert_findings(session, unit, prepared.rule_set, findings)
        await _quarantine(session, clock, unit, prepared.parts)
        await _count(session, unit, prepared, receipts, findings)
    metrics.EVENTS_STORED.inc(stored)
    metrics.EVENTS_MATCHED.labels(prepared.rule_set[:12]).inc(stored)
    for finding in findings:
        metrics.FINDINGS.labels(Severity(finding.level).label).inc()
    metrics.EVENTS_DUPLICATE.inc(len(duplicates))
    metrics.EVENTS_QUARANTINED.inc(sum(len(part.malformed) for part in prepared.parts))
    return receipts


def _receipts(
    unit: Unit, prepared: Prepared, findings: list[Finding], duplicates: frozenset[int]
) -> list[Receipt]:
    receipts = []
    for part, result in zip(unit.parts, prepared.parts, strict=True):
        places = range(result.first, result.first + result.events)
        resent = sum(1 for place in duplicates if place in places)
        matched = sum(1 for finding in findings if finding.place in places)
        bad = len(result.malformed)
        counted = Counted(result.events + bad, result.events - resent, resent, bad, matched)
        receipts.append(_receipt(part.batch_id, counted))
    return receipts


async def _insert_batches(session: AsyncSession, clock: Clock, unit: Unit, receipts: list[Receipt]) -> None:
    rows = [
        {
            "id": part.batch_id, "source_id": part.source_id, "client": part.client_batch_id or None,
            "received": receipt.received, "stored": receipt.stored, "duplicates": receipt.duplicates,
            "quarantined": receipt.quarantined, "findings": receipt.findings,
        }
        for part, receipt in zip(unit.parts, receipts, strict=True)
    ]  # fmt: skip
    connection = await driver(session)
    done = await connection.execute(
        "INSERT INTO batches (org_id, id, source_id, client_batch_id, received_at, committed_at, received,"
        " stored, duplicates, quarantined, findings)"
        " SELECT %s, r.id, r.source_id, r.client, %s, %s, r.received, r.stored, r.duplicates, r.quarantined,"
        " r.findings FROM jsonb_to_recordset(%s::jsonb) AS r (id uuid, source_id uuid, client text,"
        " received int, stored int, duplicates int, quarantined int, findings int) ON CONFLICT DO NOTHING",
        (unit.org_id, _instant(unit.received), clock.now(), _json(rows)),
    )
    if done.rowcount != len(rows):
        raise BatchTaken("a batch of this unit has been stored before")


async def _insert_findings(session: AsyncSession, unit: Unit, rule_set: str, findings: list[Finding]) -> None:
    if not findings:
        return
    base = int.from_bytes(unit.base)
    rows = [
        msgspec.to_builtins(finding) | {"event_id": str(UUID(int=base + finding.place))}
        for finding in findings
    ]
    connection = await driver(session)
    await connection.execute(_INSERT_FINDINGS, {"org": unit.org_id, "set": rule_set, "rows": _json(rows)})
    await connection.execute("SELECT pg_notify(%s, %s)", (FINDINGS_CHANNEL, str(unit.org_id)))


_INSERT_FINDINGS = """
INSERT INTO findings (org_id, id, event_id, source_id, rule_id, rule_version, rule_set, title, author,
  level, techniques, tactics, event_time, host, kind, summary, entities, clauses)
SELECT %(org)s, r.id, r.event_id, r.source_id, r.rule_id, r.rule_version, %(set)s, r.title, r.author,
  r.level, ARRAY(SELECT jsonb_array_elements_text(r.techniques)),
  ARRAY(SELECT jsonb_array_elements_text(r.tactics)),
  to_timestamp(r.event_time / 1e6), r.host, r.kind, r.summary, r.entities, r.clauses
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (id uuid, event_id uuid, source_id uuid, rule_id text,
  rule_version text, title text, author text, level smallint, techniques jsonb, tactics jsonb,
  event_time bigint, host text, kind text, summary text, entities jsonb, clauses jsonb)
ON CONFLICT DO NOTHING
"""


async def _quarantine(session: AsyncSession, clock: Clock, unit: Unit, results: list[PartResult]) -> None:
    connection = await driver(session)
    for part, result in zip(unit.parts, results, strict=True):
        for piece in result.malformed:
            await connection.execute(
                "INSERT INTO quarantine (org_id, id, source_id, received_at, reason, body)"
                " VALUES (%s, %s, %s, %s, %s, %b)",
                (
                    unit.org_id, new_id(clock), part.source_id, _instant(unit.received),
                    storable(piece.reason), part.body[piece.start : piece.end],
                ),
            )  # fmt: skip


async def _count(
    session: AsyncSession, unit: Unit, prepared: Prepared, receipts: list[Receipt], findings: list[Finding]
) -> None:
    """
    What the console shows of sources, rules and log sources.

    Last in the transaction, and each statement in key order: these rows are shared between commits.
    """
    day = received_day(unit.received)
    connection = await driver(session)
    await connection.execute(
        _COUNT_SOURCES,
        {
            "org": unit.org_id,
            "day": day,
            "at": _instant(unit.received),
            "rows": _json(_by_source(unit, prepared, receipts)),
        },
    )
    await connection.execute(
        _COUNT_ROUTES, {"org": unit.org_id, "at": _instant(unit.received), "rows": _json(_by_route(prepared))}
    )
    if findings:
        await connection.execute(
            _COUNT_RULES, {"org": unit.org_id, "day": day, "rows": _json(_by_rule(findings))}
        )


def _by_source(unit: Unit, prepared: Prepared, receipts: list[Receipt]) -> list[dict[str, Any]]:
    sums: dict[UUID, dict[str, Any]] = {}
    for part, result, receipt in zip(unit.parts, prepared.parts, receipts, strict=True):
        row = sums.setdefault(
            part.source_id,
            {"source_id": part.source_id, "events": 0, "quarantined": 0, "duplicates": 0, "latest": 0},
        )
        row["events"] += receipt.stored
        row["quarantined"] += receipt.quarantined
        row["duplicates"] += receipt.duplicates
        row["latest"] = max(row["latest"], result.latest)
    for row in sums.values():
        row["skew"] = unit.received - row["latest"] if row["latest"] else None
    return [sums[key] for key in sorted(sums)]


def _by_route(prepared: Prepared) -> list[dict[str, Any]]:
    return [
        {"kind": storable(kind), "channel": storable(channel), "code": storable(code), "events": count}
        for (kind, channel, code), count in sorted(prepared.routes.items())[:_MOST_ROUTES]
    ]


_MOST_ROUTES = 1_000  # a flood of invented channels must not become a flood of rows


def _by_rule(findings: list[Finding]) -> list[dict[str, Any]]:
    sums: dict[str, dict[str, Any]] = {}
    for finding in findings:
        row = sums.setdefault(finding.rule_id, {"rule_id": finding.rule_id, "matches": 0, "latest": 0})
        row["matches"] += 1
        row["latest"] = max(row["latest"], finding.event_time)
    return [sums[key] for key in sorted(sums)]


_COUNT_SOURCES = """
INSERT INTO source_states AS s (org_id, source_id, day, events, quarantined, duplicates, last_event_at,
  last_received_at, skew_us)
SELECT %(org)s, r.source_id, %(day)s, r.events, r.quarantined, r.duplicates,
  CASE WHEN r.latest > 0 THEN to_timestamp(r.latest / 1e6) END, %(at)s, r.skew
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (source_id uuid, events bigint, quarantined bigint,
  duplicates bigint, latest bigint, skew bigint)
ON CONFLICT (org_id, source_id, day) DO UPDATE SET events = s.events + excluded.events,
  quarantined = s.quarantined + excluded.quarantined, duplicates = s.duplicates + excluded.duplicates,
  last_event_at = greatest(s.last_event_at, excluded.last_event_at),
  last_received_at = greatest(s.last_received_at, excluded.last_received_at), skew_us = excluded.skew_us
"""
_COUNT_ROUTES = """
INSERT INTO routes_seen AS s (org_id, kind, channel, code, events, last_seen_at)
SELECT %(org)s, r.kind, r.channel, r.code, r.events, %(at)s
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (kind text, channel text, code text, events bigint)
ON CONFLICT (org_id, kind, channel, code) DO UPDATE SET events = s.events + excluded.events,
  last_seen_at = greatest(s.last_seen_at, excluded.last_seen_at)
"""
_COUNT_RULES = """
INSERT INTO rule_matches AS s (org_id, rule_id, day, matches, last_match_at)
SELECT %(org)s, r.rule_id, %(day)s, r.matches, to_timestamp(r.latest / 1e6)
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (rule_id text, matches bigint, latest bigint)
ON CONFLICT (org_id, rule_id, day) DO UPDATE SET matches = s.matches + excluded.matches,
  last_match_at = greatest(s.last_match_at, excluded.last_match_at)
"""


def storable(value: str) -> str:
    r"""
    Text that Postgres takes: NUL and lone surrogates as the escapes `\x00` and `\udc80`.

    Only copies for display pass here; the original's bytes are kept unchanged beside them.
    """
    return value.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")


def _json(rows: list[dict[str, Any]]) -> str:
    # In JSON a NUL is spelled \u0000, which jsonb refuses; a lone surrogate is refused by the encoder.
    try:
        made = msgspec.json.encode(rows).decode()
    except (UnicodeEncodeError, UnicodeDecodeError):
        made = msgspec.json.encode(_escaped(rows)).decode()
    return msgspec.json.encode(_escaped(rows)).decode() if "\\u0000" in made else made


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {_escaped(key): _escaped(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_escaped(one) for one in value]
    return value


def _instant(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC)
