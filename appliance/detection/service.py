"""
Rules: importing, listing, testing, switching off.

A load is one transaction: the new set is compiled first, then stored and made active as a whole, and
every ingest process exchanges its workers when it sees it. What an organisation switched off stays off.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail
from appliance.detection import queries
from appliance.detection.archives import from_directory
from appliance.detection.compiling import compile_rule_set
from appliance.detection.errors import NoRuleSet, RuleNotFound
from appliance.detection.explaining import explain
from appliance.detection.models import RuleRow, RuleSetRow, RuleSetting
from appliance.detection.reloading import RULES_CHANNEL
from appliance.detection.schemas import (
    FindingBrief,
    LoadSummary,
    RuleDetail,
    RuleFilter,
    RuleSummary,
    RuleTest,
    RuleTestResult,
)
from appliance.detection.sigma.rules import Inactive, LoadReport, Rule, RuleSource
from appliance.foundation.actors import Actor, Permission, Scope
from appliance.foundation.clock import Clock
from appliance.foundation.errors import Invalid
from appliance.foundation.ids import new_id
from appliance.foundation.severity import Severity
from appliance.telemetry.decoding.registry import decoder
from appliance.telemetry.events import Bounds

STARTER = "starter"
_KEPT_SETS = 5


class DetectionService:
    """Bound to one transaction."""

    def __init__(self, session: AsyncSession, scope: Scope, audit: AuditTrail, clock: Clock) -> None:
        self._session, self._scope, self._audit, self._clock = session, scope, audit, clock

    async def import_rules(self, sources: Sequence[RuleSource], *, origin: str, by: Actor) -> LoadSummary:
        """
        Replace the imported rules by these, keeping the starter pack; all of it, or nothing.

        Args:
            sources: Sigma files.
            origin: Where they came from, for the report.
        """
        by.require(Permission.RULES_EDIT)
        together = [*starter_pack(), *sources]
        # In a thread: compiling thousands of rules takes seconds, and the process has others to answer.
        rule_set, report = await asyncio.to_thread(compile_rule_set, together)
        row = RuleSetRow(
            id=new_id(self._clock), version=rule_set.version, origin=origin, loaded_by=by.name,
            loaded_at=self._clock.now(), active=True, counts=_counts(report),
            reasons=dict(Counter(inactive.reason.value for inactive in report.inactive)),
        )  # fmt: skip
        await self._session.execute(update(RuleSetRow).where(RuleSetRow.active).values(active=False))
        self._session.add(row)
        await self._session.flush()
        texts = {source.path: source for source in together}
        rows = [_active(row.id, place, rule, texts) for place, rule in enumerate(rule_set.rules)]
        rows += [
            _inactive(row.id, len(rows) + place, inactive, texts)
            for place, inactive in enumerate(report.inactive)
        ]
        if rows:
            await self._session.execute(insert(RuleRow), rows)
        await self._forget_old_sets()
        self._audit.record("rules.imported", by=by, subject=row.id, origin=origin, counts=row.counts)
        await self._session.execute(text(f"SELECT pg_notify('{RULES_CHANNEL}', '')"))
        return await self.latest_load(by=by)

    async def latest_load(self, *, by: Actor) -> LoadSummary:
        """
        The load report of the active set: every document that is not active has a reason.

        Raises:
            NoRuleSet: Nothing was loaded yet.
        """
        by.require(Permission.RULES_VIEW)
        row = await self._active_set()
        problems = await self._session.execute(
            select(RuleRow.path, RuleRow.rule_id, RuleRow.title, RuleRow.reason, RuleRow.detail)
            .where(RuleRow.set_id == row.id, RuleRow.reason != "")
            .order_by(RuleRow.reason, RuleRow.path)
        )
        return LoadSummary(
            id=row.id, version=row.version, loaded_at=row.loaded_at, by=row.loaded_by, origin=row.origin,
            counts=row.counts, reasons=row.reasons, problems=[dict(p._mapping) for p in problems],  # noqa: SLF001 — SQLAlchemy's public name for it
        )  # fmt: skip

    async def rules(self, wanted: RuleFilter, *, by: Actor) -> tuple[list[RuleSummary], str | None]:
        """A page of rules by title, and the cursor of the next."""
        by.require(Permission.RULES_VIEW)
        active = await self._active_set()
        rows = await queries.rules(self._session, self._scope, active.id, wanted, self._yesterday())
        items = [_summary(row) for row in rows[: wanted.limit]]
        more = len(rows) > wanted.limit
        return items, f"{rows[wanted.limit - 1].title}\x1f{rows[wanted.limit - 1].place}" if more else None

    async def rule(self, rule_id: str, *, by: Actor) -> RuleDetail:
        """
        One rule with its text.

        Raises:
            RuleNotFound: Not in the active set.
        """
        by.require(Permission.RULES_VIEW)
        active = await self._active_set()
        wanted = RuleFilter(rule_id=rule_id, limit=1)
        rows = await queries.rules(self._session, self._scope, active.id, wanted, self._yesterday())
        if not rows:
            raise RuleNotFound(f"no rule {rule_id} in the active set")
        row, meta = rows[0], rows[0].meta
        return RuleDetail(
            **msgspec.structs.asdict(_summary(row)), detail=row.detail, text=row.body, version=row.version,
            description=meta.get("description", ""), references=meta.get("references", []),
            falsepositives=meta.get("falsepositives", []), definition=meta.get("definition", ""),
        )  # fmt: skip

    async def switch(self, rule_id: str, *, enabled: bool, by: Actor) -> RuleDetail:
        """Let a rule find things in this organisation, or not; within five seconds, and past every import."""
        by.require(Permission.RULES_EDIT)
        await self.rule(rule_id, by=by)
        now = self._clock.now()
        values = {"enabled": enabled, "changed_at": now, "changed_by": by.name}
        await self._session.execute(
            insert(RuleSetting)
            .values(org_id=self._scope.org_id, rule_id=rule_id, **values)
            .on_conflict_do_update(index_elements=["org_id", "rule_id"], set_=values)
        )
        self._audit.record("rule.enabled" if enabled else "rule.disabled", by=by, subject=rule_id)
        return await self.rule(rule_id, by=by)

    async def test(self, wanted: RuleTest, *, by: Actor) -> RuleTestResult:
        """Would this rule match this event? By the same decoder and matcher that ingest uses."""
        by.require(Permission.RULES_TEST)
        rule_set, report = compile_rule_set([RuleSource("test.yml", wanted.text)])
        body = wanted.event.encode() if isinstance(wanted.event, str) else msgspec.json.encode(wanted.event)
        decoded = decoder(wanted.format)(body, Bounds(event_bytes=262_144), {})
        if not decoded.events:
            raise Invalid(
                f"this is no event: {decoded.malformed[0].reason if decoded.malformed else 'empty'}"
            )
        event = decoded.events[0]
        hits = rule_set.match(event)
        explained = [
            quote for index in hits for quote in explain(rule_set.condition(index, event.route), event).quotes
        ]
        return RuleTestResult(
            matched=bool(hits), problems=[_problem(one) for one in report.inactive],
            clauses=[msgspec.to_builtins(clause) for clause in explained], route=list(event.route),
            fields=dict(event.fields),
        )  # fmt: skip

    async def findings_of(self, event_id: UUID, *, by: Actor) -> list[FindingBrief]:
        """What rules said about one event, worst first."""
        by.require(Permission.EVENTS_VIEW)
        return [_brief(row) for row in await queries.findings_of(self._session, self._scope, event_id)]

    async def _active_set(self) -> RuleSetRow:
        row = (await self._session.execute(select(RuleSetRow).where(RuleSetRow.active))).scalar_one_or_none()
        if row is None:
            raise NoRuleSet("no rules are loaded; run `xdr rules import DIR`")
        return row

    async def _forget_old_sets(self) -> None:
        old = (
            (
                await self._session.execute(
                    select(RuleSetRow.id).order_by(RuleSetRow.loaded_at.desc()).offset(_KEPT_SETS)
                )
            )
            .scalars()
            .all()
        )
        await self._session.execute(delete(RuleRow).where(RuleRow.set_id.in_(old)))

    def _yesterday(self) -> Any:
        return (self._clock.now() - timedelta(days=1)).date()


@cache
def starter_pack() -> tuple[RuleSource, ...]:
    """Our own rules for sources that the public set does not cover; part of the product."""
    folder = Path(str(resources.files("appliance.detection").joinpath("content")))
    return tuple(RuleSource(f"{STARTER}/{source.path}", source.text) for source in from_directory(folder))


def _counts(report: LoadReport) -> dict[str, int]:
    return {
        "files": report.documents, "active": report.active, "inactive": len(report.inactive),
        "unmapped": report.unmapped,
    }  # fmt: skip


def _active(set_id: UUID, place: int, rule: Rule, texts: dict[str, RuleSource]) -> dict[str, Any]:
    meta = {
        "logsource": rule.logsource._asdict(), "techniques": rule.techniques, "tactics": rule.tactics,
        "description": rule.description, "references": rule.references, "falsepositives": rule.falsepositives,
        "definition": rule.definition, "tags": rule.tags, "mapped": rule.mapped,
    }  # fmt: skip
    return _row(set_id, place, rule.path, texts) | {
        "rule_id": rule.id, "owner_org_id": UUID(rule.owner) if rule.owner else None, "version": rule.version,
        "title": rule.title, "level": Severity.named(rule.level), "status": rule.status,
        "author": rule.author,
        "reason": "", "detail": "", "meta": meta,
    }  # fmt: skip


def _inactive(set_id: UUID, place: int, inactive: Inactive, texts: dict[str, RuleSource]) -> dict[str, Any]:
    return _row(set_id, place, inactive.path, texts) | {
        "rule_id": inactive.id, "owner_org_id": UUID(inactive.owner) if inactive.owner else None,
        "version": "",
        "title": inactive.title or inactive.path, "level": Severity.MEDIUM, "status": "", "author": "",
        "reason": inactive.reason.value, "detail": inactive.explanation, "meta": {},
    }  # fmt: skip


def _row(set_id: UUID, place: int, path: str, texts: dict[str, RuleSource]) -> dict[str, Any]:
    origin = STARTER if path.startswith(f"{STARTER}/") else "imported"
    return {"set_id": set_id, "place": place, "path": path, "origin": origin, "body": texts[path].text}


def _problem(inactive: Inactive) -> dict[str, Any]:
    return {"reason": inactive.reason.value, "detail": inactive.explanation, "title": inactive.title}


def _summary(row: Any) -> RuleSummary:
    state = "inactive" if row.reason else "active" if row.enabled else "disabled"
    return RuleSummary(
        id=row.rule_id, title=row.title, level=Severity(row.level).label, status=row.status,
        author=row.author,
        state=state, reason=row.reason or None, origin=row.origin, path=row.path,
        logsource=row.meta.get("logsource", {"category": None, "product": None, "service": None}),
        techniques=row.meta.get("techniques", []), tactics=row.meta.get("tactics", []),
        last_match_at=row.last_match_at, matches_24h=row.matches_24h or 0,
        seen_logsource=bool(row.matches_ever),
    )  # fmt: skip


def _brief(row: Any) -> FindingBrief:
    return FindingBrief(
        id=row.id, rule_id=row.rule_id, rule_title=row.title, rule_author=row.author,
        level=Severity(row.level).label, event_id=row.event_id, event_time=row.event_time, host=row.host,
        summary=row.summary,
    )  # fmt: skip
