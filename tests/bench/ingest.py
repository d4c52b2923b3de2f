"""
HTTP in, to committed and matched: events/s and processor time per event, all on one machine.

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
from typing import Any

import httpx
import zstandard
from sqlalchemy import text

from tests.factories.stack import Stack, running_stack

BATCH_EVENTS = 2_000
CONNECTIONS = 4
STEPS = 10
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
    """Feed in ten steps, and print what the appliance needed for it."""
    print("rules:", await stack.import_rules(corpora))
    tokens = {name: await stack.source_token(name) for name in ("windows", "eve")}
    stack.start("ingest", "detect")
    stack.wait_for_ingest()
    bodies = batches(corpora)
    work = forever(bodies)
    await feed(stack, tokens, work, 2_000)
    run = Run(stack, bodies)
    for _ in range(STEPS):
        run.add(await feed(stack, tokens, work, max(events // STEPS, 1)))
    run.end()
    return await run.report()


class Run:
    """One measurement: what was acknowledged, in which time, with which processor time and memory."""

    def __init__(self, stack: Stack, bodies: list[tuple[str, bytes]]) -> None:
        self._stack, self._bodies = stack, bodies
        self._cpu, self._began = stack.cpu_seconds(), time.monotonic()
        self._memory = [stack.memory_mb()]
        self._done: dict[str, int] = {}
        self._took = 0.0

    def add(self, sums: dict[str, int]) -> None:
        for name, value in sums.items():
            self._done[name] = self._done.get(name, 0) + value
        self._memory.append(self._stack.memory_mb())
        received = self._done["received"]
        print(f"  {received:>9,} events  {received / (time.monotonic() - self._began):>8,.0f}/s", flush=True)

    def end(self) -> None:
        self._took, after = time.monotonic() - self._began, self._stack.cpu_seconds()
        self._cpu = {name: after[name] - self._cpu.get(name, 0.0) for name in after}

    async def report(self) -> bool:
        """Print the table; whether everything acknowledged is stored, and everything stored matched."""
        done, received = self._done, self._done["received"]
        rate, per_event = received / self._took, sum(self._cpu.values()) / received * 1e6
        row, disk, lag = await self._read_back()
        print(
            f"\n{received:,} events ({done['stored']:,} new, {done['findings']:,} findings) in {self._took:.1f} s"
        )
        print(f"rate              {rate:>10,.0f} events/s  limit {RATE_LIMIT:,}  {rate / RATE_LIMIT:.2f}x")
        print(
            f"processor time    {per_event:>10.1f} us/event  limit {CPU_LIMIT_US}  {CPU_LIMIT_US / per_event:.2f}x"
        )
        for name, seconds in sorted(self._cpu.items()):
            print(f"  {name:<15} {seconds / received * 1e6:>10.1f} us/event")
        print(f"stored = matched  {row.events:,} = {row.matched:,} in {row.segments} segments")
        self._print_sizes(row, disk)
        print("memory in MB after each tenth, without files; a process's own, and the shared buffers")
        for name in sorted(self._memory[-1]):
            print(f"  {name:<15} " + " ".join(f"{one.get(name, 0.0):.0f}" for one in self._memory))
        if lag is not None:
            print(f"event to incident p95 {lag:.2f} s  limit 2 s")
        return bool(
            row.events == row.matched
            and done["stored"] == received - done["duplicates"] - done["quarantined"]
        )

    def _print_sizes(self, row: Any, disk: int) -> None:
        sample = b"\n".join(body for _, body in self._bodies[:8])
        packed = len(zstandard.ZstdCompressor(level=19).compress(sample)) / len(sample)
        raw, kept = float(row.raw) / row.events, float(row.originals) / row.events
        print(
            f"bytes per event   raw {raw:,.0f}  zstd -19 {raw * packed:,.0f}  originals here {kept:,.0f}"
            f"  all on disk {disk / row.events:,.0f}"
        )

    async def _read_back(self) -> tuple[Any, int, float | None]:
        async with self._stack.services() as services:
            row = (await services.session.execute(text(_SUMS))).one()
            disk = (
                await services.session.execute(text("SELECT sum(size_bytes)::bigint FROM app.days()"))
            ).scalar_one()
            lag = (await services.session.execute(text(_LAG))).scalar()
        return row, int(disk), None if lag is None else float(lag)


_SUMS = """
SELECT sum(events)::bigint AS events, sum(matched)::bigint AS matched, count(*) AS segments,
  sum(octet_length(originals))::bigint AS originals, sum(originals_size)::bigint AS raw FROM segments
"""
# From receipt of an event to the commit of the incident that its finding opened.
_LAG = """
SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM opened.created_at - s.received_at))
FROM (SELECT DISTINCT ON (i.id) i.org_id, i.created_at, f.event_id FROM incidents i
  JOIN incident_findings l ON l.org_id = i.org_id AND l.incident_id = i.id
  JOIN findings f ON f.org_id = l.org_id AND f.id = l.finding_id
  WHERE f.created_at <= i.created_at ORDER BY i.id, f.created_at DESC) opened
JOIN segments s ON s.org_id = opened.org_id AND s.id <= opened.event_id AND s.last_id >= opened.event_id
"""


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
