"""
What every event goes through: decode, match, explain, columnarise. Doors only feed it.

Runs in a worker process that has no network, no files and no database credentials
(`jobs/worker.py`); a unit goes in and a prepared unit comes out, both plain structs. The ids of a
unit's events are fixed before it gets here, so preparing it twice gives the same.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any
from uuid import UUID

import msgspec

from appliance.detection.explaining import Quote, explain
from appliance.detection.ruleset import RuleSet
from appliance.detection.sigma.rules import Rule
from appliance.detection.sigma.tree import Node
from appliance.foundation.ids import EVENTS_PER_SEGMENT
from appliance.foundation.severity import Severity
from appliance.telemetry.entities import entities_of
from appliance.telemetry.events import Bounds, Decoded, Decoder, Event, Malformed
from appliance.telemetry.segments import EncodedSegment, SegmentWriter
from appliance.telemetry.summaries import summary_of

# One noisy rule must not starve the others: beyond this a finding says which rule and event, not why.
EXPLAINED_PER_RULE = 200
_MOST_CONDITIONS = 10_000
# Formats whose bodies spell out what their events hold, so that one look at a body can answer for them all.
_PLAIN_JSON = frozenset({"json", "windows"})


class Part(msgspec.Struct, frozen=True):
    """One client's batch inside a unit."""

    batch_id: UUID
    source_id: UUID
    format: str
    options: dict[str, str]
    body: bytes
    client_batch_id: str = ""


class Unit(msgspec.Struct, frozen=True):
    """
    What is committed together: batches of one organisation, with ids and time of receipt already fixed.

    Attributes:
        base: The id of the first event, as 16 big-endian bytes.
        received: Microseconds since the epoch.
        disabled: Rules this organisation has switched off.
    """

    org_id: UUID
    base: bytes
    received: int
    parts: tuple[Part, ...]
    disabled: frozenset[str] = frozenset()


class Finding(msgspec.Struct, frozen=True):
    """A rule matched an event. `place` is the event's place in the segment."""

    id: UUID
    place: int
    source_id: UUID
    rule_id: str
    rule_version: str
    title: str
    author: str
    level: int
    techniques: tuple[str, ...]
    tactics: tuple[str, ...]
    event_time: int
    host: str
    kind: str
    summary: str
    entities: list[dict[str, Any]]
    clauses: list[dict[str, Any]]


class PartResult(msgspec.Struct):
    """What a batch held. `first` and `events` say which places are its own."""

    first: int
    events: int
    malformed: list[Malformed]
    latest: int = 0


class Prepared(msgspec.Struct):
    """Ready to commit. `segment` is None if nothing in the unit was an event."""

    segment: EncodedSegment | None
    parts: list[PartResult]
    findings: list[Finding]
    routes: dict[tuple[str, str, str], int]
    rule_set: str


class PreparationFailed(Exception):
    """The worker died on a unit, or gave up: something in it is poison."""


def quarantined(unit: Unit, cause: Exception) -> Prepared:
    """A unit whose batches are all set aside, whole, with the reason."""
    reason = f"refused: {type(cause).__name__}: {cause}"[:500]
    parts = [
        PartResult(first=0, events=0, malformed=[Malformed(0, len(part.body), reason)]) for part in unit.parts
    ]
    return Prepared(segment=None, parts=parts, findings=[], routes={}, rule_set="")


class Pipeline:
    """One rule set at work. Not thread-safe: one per worker."""

    def __init__(self, rules: RuleSet, decoder: Callable[[str], Decoder], bounds: Bounds) -> None:
        self._rules, self._decoder, self._bounds = rules, decoder, bounds
        self._writer = SegmentWriter()
        self._conditions: dict[tuple[int, tuple[str, str, str]], Node | bool] = {}

    def prepare(self, unit: Unit) -> Prepared:
        """Decode, match and encode one unit. Never raises on hostile content."""
        events: list[Event] = []
        sources: list[UUID] = []
        bodies: list[bytes] = []
        results: list[PartResult] = []
        answers: list[Sequence[int]] = []
        offset = 0
        for part in unit.parts:
            decoded = self._decode(part, unit.received, EVENTS_PER_SEGMENT - len(events))
            results.append(_account(decoded, len(events)))
            answers += self._answers(part, decoded.events)
            _shift(decoded.events, offset, unit.received)
            events += decoded.events
            sources += [part.source_id] * len(decoded.events)
            bodies.append(part.body)
            offset += len(part.body)
        findings = self._findings(unit, events, sources, answers)
        return Prepared(
            segment=self._encode(unit, events, sources, b"".join(bodies), len(answers)) if events else None,
            parts=results,
            findings=findings,
            routes=dict(Counter(event.route for event in events)),
            rule_set=self._rules.version,
        )

    def _decode(self, part: Part, received: int, room: int) -> Decoded:
        options = part.options | {"received": str(received)}
        decoded = self._decoder(part.format)(part.body, self._bounds, options)
        if len(decoded.events) > room:
            cut = decoded.events[room].start
            decoded.malformed.append(Malformed(cut, len(part.body), f"over {EVENTS_PER_SEGMENT} events"))
            del decoded.events[room:]
        return decoded

    def _answers(self, part: Part, events: Sequence[Event]) -> list[Sequence[int]]:
        """The rules that fire for each event of a batch, as indexes."""
        if _is_json(part):
            return self._rules.match_body(events, part.body)
        return [self._rules.match(event) for event in events]

    def _findings(
        self,
        unit: Unit,
        events: Sequence[Event],
        sources: Sequence[UUID],
        answers: Sequence[Sequence[int]],
    ) -> list[Finding]:
        findings: list[Finding] = []
        explained: Counter[int] = Counter()
        for place, (event, hits) in enumerate(zip(events, answers, strict=True)):
            for index in hits:
                rule = self._rules.rules[index]
                if rule.id not in unit.disabled and rule.owner in ("", unit.org_id.hex):
                    explained[index] += 1
                    why = explained[index] <= EXPLAINED_PER_RULE
                    quotes = explain(self._condition(index, event.route), event).quotes if why else ()
                    findings.append(_finding(unit, place, event, sources[place], rule, quotes))
        return findings

    def _condition(self, index: int, route: tuple[str, str, str]) -> Node | bool:
        key = (index, route)
        if key not in self._conditions:
            if len(self._conditions) >= _MOST_CONDITIONS:
                self._conditions.clear()
            self._conditions[key] = self._rules.condition(index, route)
        return self._conditions[key]

    def _encode(
        self, unit: Unit, events: Sequence[Event], sources: Sequence[UUID], originals: bytes, matched: int
    ) -> EncodedSegment:
        base = int.from_bytes(unit.base)
        return self._writer.encode(
            base, events, sources, originals, rule_set=self._rules.version, matched=matched
        )


def finding_id(event_id: int, rule_id: str) -> UUID:
    """The same for the same event and rule, whoever asks and however often."""
    digest = blake2b(event_id.to_bytes(16) + rule_id.encode(), digest_size=16).digest()
    return UUID(bytes=digest)


def _finding(  # noqa: PLR0917 — each is a part of the finding
    unit: Unit, place: int, event: Event, source_id: UUID, rule: Rule, quotes: Sequence[Quote]
) -> Finding:
    return Finding(
        id=finding_id(int.from_bytes(unit.base) + place, rule.id),
        place=place,
        source_id=source_id,
        rule_id=rule.id,
        rule_version=rule.version,
        title=rule.title,
        author=rule.author,
        level=Severity.named(rule.level),
        techniques=rule.techniques,
        tactics=rule.tactics,
        event_time=event.time,
        host=event.host,
        kind=event.kind,
        summary=summary_of(event.kind, event.channel, event.code, event.fields),
        entities=[entity._asdict() for entity in entities_of(event)],
        clauses=[msgspec.to_builtins(quote) for quote in quotes],
    )


def _is_json(part: Part) -> bool:
    return part.format in _PLAIN_JSON or (part.format == "auto" and part.body.lstrip()[:1] in (b"{", b"["))


def _account(decoded: Decoded, first: int) -> PartResult:
    latest = max((event.time for event in decoded.events), default=0)
    return PartResult(first=first, events=len(decoded.events), malformed=decoded.malformed, latest=latest)


def _shift(events: Sequence[Event], offset: int, received: int) -> None:
    for event in events:
        event.start += offset
        event.end += offset
        # An event that does not say when it happened happened, as far as anybody knows, on receipt.
        event.time = event.time or received
