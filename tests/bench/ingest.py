"""
HTTP in, to committed, matched and visible: events per second and processor time per event, everything on one machine.

    python -m tests.bench.ingest [--events N] [--small]

Real Sysmon, Security and PowerShell events (OTRF) and Suricata EVE, under the public rule set and forced
row-level security. Each round changes host or flow id, so that every event is new to the store. The
client's own time is not counted; the database's, ingest's, the worker's and the correlator's is.
Limits: 15,000 events/s sustained, 100 µs of processor time per event, event to incident p95 under 2 s.
"""

import argparse
import asyncio
import gzip
import os
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import zstandard

from tests.factories.stack import Stack, running_stack

BATCH_EVENTS = 2_000
CONNECTIONS = 4
RATE_LIMIT, CPU_LIMIT_US = 15_000, 100


def batches(corpora: Path) -> list[tuple[str, bytes]]:
    """Bodies of NDJSON with the source each belongs to, interleaved as they lie."""
    windows = [
        line for path in sorted((corpora / "otrf/atomic/windows").rglob("*.zip")) for line in _lines(path)
    ]
    eve = gzip.decompress((corpora / "suricata/eve-malicious.json.gz").read_bytes()).splitlines()
    made = [
        ("windows", b"\n".join(windows[at : at + BATCH_EVENTS]))
        for at in range(0, len(windows), BATCH_EVENTS)
    ]
    flows = [("eve", b"\n".join(eve[at : at + BATCH_EVENTS])) for at in range(0, len(eve), BATCH_EVENTS)]
    every = max(1, len(made) // max(1, len(flows)))
    for place, body in enumerate(flows):
        made.insert(place * (every + 1), body)
    return made


def _lines(path: Path) -> list[bytes]:
    with zipfile.ZipFile(path) as archive:
        return [
            line
            for name in archive.namelist()
            if name.endswith(".json")
            for line in archive.read(name).splitlines()
        ]


def renewed(source: str, body: bytes, round_: int) -> bytes:
    """The same events, from other hosts or of other flows."""
    if source == "eve":
        return body.replace(b'"flow_id":', b'"flow_id":%d' % (round_ + 1))
    mark = b"r%d." % round_
    return body.replace(b'"Hostname":"', b'"Hostname":"' + mark).replace(
        b'"Computer":"', b'"Computer":"' + mark
    )


async def feed(
    stack: Stack, tokens: dict[str, str], work: Iterator[tuple[str, bytes]], events: int
) -> dict[str, int]:
    """Send until that many events were acknowledged; sums of the receipts."""
    sums = {"received": 0, "stored": 0, "duplicates": 0, "quarantined": 0, "findings": 0, "bytes": 0}
    async with httpx.AsyncClient(timeout=120, limits=httpx.Limits(max_connections=CONNECTIONS)) as client:

        async def sender() -> None:
            while sums["received"] < events:
                source, body = next(work)
                answer = await client.post(
                    f"{stack.ingest_url}/api/v1/ingest/{source}",
                    content=body,
                    headers={"Authorization": f"Bearer {tokens[source]}"},
                )
                if answer.status_code == 429:
                    await asyncio.sleep(float(answer.headers["retry-after"]))
                    continue
                answer.raise_for_status()
                for name in sums.keys() - {"bytes"}:
                    sums[name] += answer.json()[name]
                sums["bytes"] += len(body)

        await asyncio.gather(*(sender() for _ in range(CONNECTIONS)))
    return sums


def forever(bodies: list[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    round_ = 0
    while True:
        for source, body in bodies:
            yield source, renewed(source, body, round_)
        round_ += 1


async def measure(stack: Stack, corpora: Path, events: int) -> bool:
    print("rules:", await stack.import_rules(corpora))
    tokens = {name: await stack.source_token(name) for name in ("windows", "eve")}
    stack.start("ingest", "detect")
    stack.wait_for_ingest()
    bodies = batches(corpora)
    work = forever(bodies)
    await feed(stack, tokens, work, 2_000)
    before, began = stack.cpu_seconds(), time.monotonic()
    memory = [stack.memory_mb()]
    step, done = max(events // 5, 1), {}
    for _ in range(5):
        for name, value in (await feed(stack, tokens, work, step)).items():
            done[name] = done.get(name, 0) + value
        memory.append(stack.memory_mb())
        print(
            f"  {done['received']:>9,} events  {done['received'] / (time.monotonic() - began):>8,.0f}/s",
            flush=True,
        )
    took, after = time.monotonic() - began, stack.cpu_seconds()
    return await report(stack, done, took, {n: after[n] - before[n] for n in after}, memory, bodies)


async def report(stack, done, took, cpu, memory, bodies) -> bool:
    stored, rate = done["stored"], done["received"] / took
    per_event = sum(cpu.values()) / done["received"] * 1e6
    async with stack.services() as services:
        from sqlalchemy import text

        row = (
            await services.session.execute(
                text(
                    "SELECT sum(events) AS events, sum(matched) AS matched, sum(octet_length(originals)) AS originals,"
                    " sum(originals_size) AS raw, count(*) AS segments FROM segments"
                )
            )
        ).one()
        lag = (
            await services.session.execute(
                text(
                    "SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM i.linked_at - s.received_at))"
                    " FROM (SELECT f.event_id, f.created_at, i.created_at AS linked_at FROM findings f"
                    " JOIN incident_findings l USING (org_id) JOIN incidents i ON i.org_id = l.org_id AND i.id = l.incident_id"
                    " WHERE l.finding_id = f.id AND i.findings_count = 1) i"
                    " JOIN segments s ON s.id <= i.event_id AND s.last_id >= i.event_id"
                )
            )
        ).scalar()
    days = {"events": 0}
    async with stack.services() as services:
        from sqlalchemy import text

        days["events"] = (
            await services.session.execute(text("SELECT sum(size_bytes) FROM app.days()"))
        ).scalar()
    sample = b"\n".join(body for _, body in bodies[:8])
    packed = len(zstandard.ZstdCompressor(level=19).compress(sample)) / len(sample)
    raw_per_event = float(row.raw) / row.events
    print(f"\n{done['received']:,} events ({stored:,} stored, {done['findings']:,} findings) in {took:.1f} s")
    print(f"rate               {rate:>10,.0f} events/s   limit {RATE_LIMIT:,}   {rate / RATE_LIMIT:.2f}x")
    print(
        f"processor time     {per_event:>10.1f} µs/event   limit {CPU_LIMIT_US}      {CPU_LIMIT_US / per_event:.2f}x"
    )
    for name, seconds in sorted(cpu.items()):
        print(f"  {name:<16} {seconds / done['received'] * 1e6:>10.1f} µs/event")
    print(f"stored = matched   {row.events:,} = {row.matched:,}  in {row.segments} segments")
    print(
        f"bytes per event    raw {raw_per_event:,.0f}   zstd -19 of a sample {raw_per_event * packed:,.0f}"
        f"   originals here {row.originals / row.events:,.0f}   all on disk {days['events'] / row.events:,.0f}"
    )
    print(
        "memory (PSS, MB)   "
        + "   ".join(f"{sum(m.values()):.0f}" for m in memory)
        + "   "
        + ", ".join(f"{n} {v:.0f}" for n, v in sorted(memory[-1].items()))
    )
    if lag is not None:
        print(f"event to incident  p95 {lag:.2f} s   limit 2 s")
    return row.events == row.matched and stored == done["received"] - done["duplicates"] - done["quarantined"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    corpora = os.environ.get("XDR_CORPORA")
    if not corpora:
        sys.exit("not run: XDR_CORPORA names no corpora")
    with running_stack() as stack:
        ok = asyncio.run(measure(stack, Path(corpora), 40_000 if options.small else options.events))
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
