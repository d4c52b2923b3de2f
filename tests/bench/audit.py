"""
The audit trail: entries written, sealed, verified offline and where they are stored, and events hashed.

    python -m tests.bench.audit [--entries N] [--small]

Entries are like those of users' actions, 500 bytes and more, name and address encrypted for the person.
Floors: sealing 5,000/s, offline verification 100,000/s; the figures are this machine's.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from typing import IO
from uuid import uuid4

from appliance.audit.keyring import loaded
from appliance.audit.schemas import ExportOrder, VerificationOrder
from appliance.audit.sealing import Sealing
from appliance.audit.service import AuditTrail
from appliance.audit.verifier.evidence import event_leaf, segment_root, tallied
from appliance.audit.verifier.export import verify
from appliance.composition import open_services
from appliance.foundation.actors import Actor, ActorKind, Scope
from appliance.foundation.clock import SystemClock
from appliance.foundation.database import Database, organisation_ids, transaction
from appliance.foundation.sealing import Sealer
from tests.factories.stack import ADMIN, Stack, running_stack

PER_TRANSACTION = 100
FLOORS = {"sealed": 5_000, "verified offline": 100_000}


async def rate(name: str, count: int, work: Callable[[], Awaitable[object]]) -> float:
    started = time.perf_counter()
    await work()
    took = time.perf_counter() - started
    floor = FLOORS.get(name)
    print(
        f"  {name:28} {count / took:>12,.0f} /s   {'' if floor is None else f'(floor {floor:,})'}", flush=True
    )
    return count / took


async def append(database: Database, scope: Scope, count: int, *, each: int) -> None:
    clock = SystemClock()
    by = Actor(ActorKind.USER, uuid4(), "somebody@example.test", frozenset(), uuid4(), "192.0.2.7")
    for start in range(0, count, each):
        async with transaction(database, scope) as session:
            audit = AuditTrail(session, scope, clock)
            for n in range(start, min(start + each, count)):
                audit.record("incident.acknowledged", by=by, subject=uuid4(), note=f"number {n}", severity=3)


async def measure(stack: Stack, count: int) -> bool:
    database = Database(stack.settings, pool_size=3)
    scope = Scope(org_id=(await organisation_ids(database))[0])
    sealing = Sealing(database, loaded(stack.settings), stack.settings.audit, SystemClock())
    await sealing.start()
    single = min(count // 20, 500)
    rates = {}
    print(f"{count:,} entries")
    await rate("committed one by one", single, lambda: append(database, scope, single, each=1))
    await rate("committed 100 at a time", count, lambda: append(database, scope, count, each=PER_TRANSACTION))

    async def seal() -> None:
        while await sealing.step(scope.org_id):
            pass

    rates["sealed"] = await rate("sealed", count + single, seal)
    with tempfile.TemporaryFile() as file:
        rates |= await verified(database, scope, Sealer(stack.settings.credential("field-key")), file, count)
    await database.close()
    hashed()
    return all(rates[name] >= floor for name, floor in FLOORS.items())


async def verified(
    database: Database, scope: Scope, sealer: Sealer, file: IO[bytes], count: int
) -> dict[str, float]:
    async with open_services(database, scope, sealer) as services:
        await rate("exported", count, lambda: services.trail.export(ExportOrder(), file, by=ADMIN))

    async def offline() -> None:
        file.seek(0)
        verdict = verify(file)
        assert verdict.ok, verdict.problem

    async def stored() -> None:
        async with open_services(database, scope, sealer) as services:
            verdict = await services.trail.verification(VerificationOrder(), by=ADMIN)
            assert verdict.ok, verdict.problem

    size = os.fstat(file.fileno()).st_size
    found = await rate("verified offline", count, offline)
    await rate("verified where it is stored", count, stored)
    print(f"  {size / count:,.0f} bytes an entry in the export")
    return {"verified offline": found}


def hashed() -> None:
    """How fast the roots of segments of events are made, without reading them from the database."""
    body, source, base = os.urandom(400), bytes(16), 0x8 << 76
    events = [((base + n).to_bytes(16), source, body) for n in range(200_000)]
    started = time.perf_counter()
    segment_root(tallied((one, owner, event_leaf(one, original)) for one, owner, original in events))
    print(f"  {'events hashed':28} {len(events) / (time.perf_counter() - started):>12,.0f} /s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=200_000)
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    with running_stack() as stack:
        is_fast_enough = asyncio.run(measure(stack, 20_000 if options.small else options.entries))
    sys.exit(0 if is_fast_enough else "slower than the floor")


if __name__ == "__main__":
    main()
