"""
Searching ten million events and a queue of a hundred thousand incidents, as the application role.

    python -m tests.bench.query [--events N] [--incidents N] [--small]

Three organisations share the tables under forced row-level security; the figures are the largest one's.
Events are real (OTRF and EVE where there are corpora), repeated with other hosts. Limits: triage queue
p95 under 100 ms, field search p95 under 1 s, incident write under 50 ms.
"""

import argparse
import asyncio
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import msgspec
from sqlalchemy import text

from appliance.composition import Services, open_services
from appliance.foundation.actors import Actor, ActorKind, Scope, appliance
from appliance.foundation.clock import SystemClock
from appliance.foundation.database import Database
from appliance.foundation.ids import segment_base
from appliance.foundation.sealing import Sealer
from appliance.identity.organisations import Organisations
from appliance.identity.roles import permissions_of
from appliance.identity.schemas import NewUser
from appliance.incidents.schemas import QueueFilter
from appliance.telemetry import query
from appliance.telemetry.decoding.registry import decoder
from appliance.telemetry.events import Bounds, Event
from appliance.telemetry.segments import SegmentWriter
from appliance.telemetry.store import Budget, Window
from tests.bench.ingest import batches
from tests.factories.stack import Stack, running_stack

PER_SEGMENT = 4_000
SHARES = (0.8, 0.1, 0.1)
QUEUE_MS, SEARCH_MS, WRITE_MS = 100, 1_000, 50
_DAY_MS = 86_400_000

SEARCHES: dict[str, query.Tree] = {
    "a value that is everywhere": query.EndsWith(field="Image", value="\\powershell.exe"),
    "part of a command line": query.Contains(field="CommandLine", value="-enc"),
    "a value that is rare": query.Contains(field="CommandLine", value="mimikatz"),
    "a value that is nowhere": query.Contains(field="CommandLine", value="zzz-not-there-zzz"),
    "an exact registry path": query.Contains(field="TargetObject", value="\\CurrentVersion\\Run"),
    "one host": query.Entity(kind="host", value="h17-workstation5.theshire.local"),
    "one address": query.Entity(kind="address", value="172.18.39.5"),
    "a network": query.Cidr(field="DestinationIp", value="10.0.0.0/8"),
    "code and user": query.And(of=(query.Is(field="@code", value="4688"), query.Contains(field="SubjectUserName", value="pgustavo"))),
    "this and not that": query.And(
        of=(query.Is(field="@code", value="10"), query.EndsWith(field="TargetImage", value="\\lsass.exe"),
            query.Not(of=query.EndsWith(field="SourceImage", value="\\svchost.exe")))
    ),
}  # fmt: skip


def sample(corpora: Path) -> list[tuple[list[Event], bytes]]:
    """Real events in groups of a segment's size, with their bytes."""
    decode, groups, events, body = decoder("auto"), [], [], b""
    for _, piece in batches(corpora):
        decoded = decode(piece, Bounds(), {"received": "1777636800000000"}).events
        for one in decoded:
            one.start, one.end, one.key = one.start + len(body), one.end + len(body), None
        events, body = events + decoded, body + piece
        if len(events) >= PER_SEGMENT:
            groups.append((events[:PER_SEGMENT], body))
            events, body = [], b""
    return groups


async def fill(stack: Stack, scopes: list[Scope], corpora: Path, total: int) -> int:
    groups, writer, stored = sample(corpora), SegmentWriter(), 0
    started, clock = SystemClock().now().timestamp() * 1000 - 3 * _DAY_MS, SystemClock()
    segments = max(1, total // PER_SEGMENT)
    database = Database(stack.settings, pool_size=3)
    sealer = Sealer(stack.settings.credential("field-key"))
    for number in range(segments):
        scope = random.Random(number).choices(scopes, SHARES)[0]
        events, body = groups[number % len(groups)]
        at = int(started + 3 * _DAY_MS * number / segments)
        moved = [
            msgspec.structs.replace(one, host=f"h{number % 40}-{one.host}", time=at * 1000) for one in events
        ]
        encoded = writer.encode(
            segment_base(at), moved, [uuid4()] * len(moved), body, rule_set="bench", matched=len(moved)
        )
        async with open_services(database, scope, sealer, clock) as services:
            stored += (await services.events.append(encoded, received=at * 1000)).stored
        if number % 250 == 0:
            print(f"  {stored:>11,} events stored", flush=True)
    await database.close()
    return stored


async def fill_incidents(stack: Stack, scopes: list[Scope], total: int) -> None:
    """Incidents as the correlator writes them, spread over states, severities and owners."""
    async with stack.services(scopes[0]) as services:
        await services.session.execute(text("SET LOCAL statement_timeout = 0"))
        for scope, share in zip(scopes, SHARES, strict=True):
            if scope != scopes[0]:
                continue
            await _insert_incidents(services, scope, int(total * share))
    for scope, share in list(zip(scopes, SHARES, strict=True))[1:]:
        async with stack.services(scope) as services:
            await _insert_incidents(services, scope, int(total * share))


async def _insert_incidents(services: Services, scope: Scope, count: int) -> None:
    await services.session.execute(
        text(
            """
            INSERT INTO incidents (org_id, id, number, title, status, is_open, severity, risk, owner_id, tags, techniques,
              tactics, findings_count, events_count, first_event_at, last_event_at, created_at, updated_at, why)
            SELECT :org, gen_random_uuid(), n,
              'Credential access on host-' || n % 900 || ' by user-' || n % 5000,
              (ARRAY['new','acknowledged','in_progress','contained','closed'])[1 + n % 5], n % 5 <> 4, n % 5,
              n * 7919 % 1000, NULL, ARRAY['tag-' || n % 20], ARRAY['T1003.001'], ARRAY['credential-access'], 3, 3,
              now() - n * interval '1 second', now() - n * interval '1 second', now(), now(),
              '{"summary": "made for the benchmark", "clauses": [], "rarity": [], "entities": [], "next_steps": [], "searches": []}'
            FROM generate_series(1, :count) AS n
            """
        ),
        {"org": scope.org_id, "count": count},
    )
    await services.session.execute(
        text(
            "INSERT INTO incident_entities (org_id, incident_id, kind, value, role, weak, risk, reasons)"
            " SELECT org_id, id, 'host', 'host-' || number % 900, 'subject', false, 10, '[]' FROM incidents WHERE org_id = :org"
        ),
        {"org": scope.org_id},
    )


async def timed(repeat: int, ask: Callable[[], Awaitable[object]]) -> list[float]:
    """Milliseconds of each, sorted."""
    taken = []
    for _ in range(repeat):
        started = time.perf_counter()
        await ask()
        taken.append((time.perf_counter() - started) * 1000)
    return sorted(taken)


def line(name: str, taken: list[float], limit: float) -> bool:
    p50, p95 = taken[len(taken) // 2], taken[min(len(taken) - 1, int(len(taken) * 0.95))]
    print(
        f"  {name:<32} p50 {p50:>8.1f} ms   p95 {p95:>8.1f} ms   limit {limit:,.0f} ms   {limit / p95:>6.1f}x"
    )
    return p95 <= limit


async def measure(stack: Stack, corpora: Path, events: int, incidents: int) -> None:
    database = Database(stack.settings, pool_size=2)
    organisations = Organisations(database, SystemClock())
    scopes = [
        Scope(org_id=(await organisations.create(f"Bench {n}", by=appliance("benchmark"))).id)
        for n in range(3)
    ]
    sealer = Sealer(stack.settings.credential("field-key"))
    stored = await fill(stack, scopes, corpora, events)
    async with open_services(database, scopes[0], sealer) as services:
        invited = await services.identity.invite(
            NewUser(email="bench@example.test", name="Bench", roles=["soc_analyst"]), by=appliance("bench")
        )
    analyst = Actor(
        ActorKind.USER,
        invited.user.id,
        "bench@example.test",
        permissions_of(["soc_analyst", "incident_responder"]),
    )
    await fill_incidents(stack, scopes, incidents)
    print(
        f"\n{stored:,} events, {incidents:,} incidents, three organisations, role {stack.settings.database.app_role}"
    )
    await _searches(database, scopes[0], sealer)
    await _queue(database, scopes[0], sealer, analyst)
    await database.close()


async def _searches(database: Database, scope: Scope, sealer: Sealer) -> None:
    every: list[float] = []
    print("field search (first page of 50, all of history)")
    for name, tree in SEARCHES.items():
        expanded, found = query.bounded(tree), [0, True]

        async def ask(tree=expanded, found=found) -> None:
            async with open_services(database, scope, sealer) as services:
                page = await services.events.scan(tree, Window(), Budget(seconds=10), before=None)
                found[0], found[1] = len(page.items), page.complete or len(page.items) == 50

        taken = await timed(8, ask)
        every += taken
        line(f"{name} ({found[0]})", taken, SEARCH_MS)
        assert found[1], "the search ran out of its budget before it had an answer"
    line("all of them", sorted(every), SEARCH_MS)
    async with open_services(database, scope, sealer) as services:
        started = time.perf_counter()
        page = await services.events.scan(query.Text(value="mimikatz"), Window(), Budget(seconds=5))
        took = (time.perf_counter() - started) * 1000
        print(
            f"  free text in any field: {len(page.items)} found in {took:,.0f} ms, "
            f"{'all' if page.complete else page.segments} segments searched (not under the limit; it says how far it came)"
        )


async def _queue(database: Database, scope: Scope, sealer: Sealer, analyst: Actor) -> None:
    print("triage queue and writes")
    filters = {
        "open, by risk": QueueFilter(),
        "new and critical": _queue_filter(status=["new"], severity=["critical"]),
        "mine": QueueFilter(owner="me"),
        "newest": _queue_filter(sort="newest"),
        "by title": QueueFilter(q="host-77"),
        "by tag": QueueFilter(tag="tag-7"),
    }
    every: list[float] = []
    for name, wanted in filters.items():

        async def ask(wanted=wanted) -> None:
            async with open_services(database, scope, sealer) as services:
                await services.incidents.page(wanted, by=analyst, limit=50)

        taken = await timed(20, ask)
        every += taken
        line(name, taken, QUEUE_MS)
    line("all of them", sorted(every), QUEUE_MS)
    async with open_services(database, scope, sealer) as services:
        page = await services.incidents.page(_queue_filter(status=["new"]), by=analyst, limit=60)
    ids = iter([one.id for one in page.items])

    async def acknowledge() -> None:
        async with open_services(database, scope, sealer) as services:
            await services.incidents.acknowledge(next(ids), by=analyst)

    line("acknowledge, committed", await timed(50, acknowledge), WRITE_MS)


def _queue_filter(**values: object) -> QueueFilter:
    return msgspec.convert(values, QueueFilter)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--incidents", type=int, default=100_000)
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    corpora = os.environ.get("XDR_CORPORA")
    if not corpora:
        sys.exit("not run: XDR_CORPORA names no corpora")
    events, incidents = (80_000, 2_000) if options.small else (options.events, options.incidents)
    with running_stack() as stack:
        asyncio.run(measure(stack, Path(corpora), events, incidents))


if __name__ == "__main__":
    main()
