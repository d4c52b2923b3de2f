"""
Decode and match: events per CPU-second on one core, with all Windows rules, beside two references.

Usage: python tests/bench/detection.py XDR_CORPORA [--small] [--out REPORT.md]

Every row is CPU time of this process (`time.process_time`), decoding included, measured in the same run as
orjson decoding alone, batch by batch and in turns, because shared machines change speed by the minute: read
the ratios. The worker freezes the garbage collector's view of the rules after loading; so does this script.
"""

import argparse
import gc
import json
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import orjson  # noqa: E402

from appliance.detection.cache import RuleCache  # noqa: E402
from appliance.detection.compiling import compile_rule_set  # noqa: E402
from appliance.detection.ruleset import RuleSet  # noqa: E402
from appliance.detection.sigma.logsources import streams_of  # noqa: E402
from appliance.detection.sigma.rules import RuleSource  # noqa: E402
from appliance.telemetry.decoding.windows import decode_windows_json  # noqa: E402
from appliance.telemetry.events import Bounds  # noqa: E402
from tests.unit.detection.corpora_events import rule_sources, windows_bodies  # noqa: E402

BOUNDS = Bounds()
_LOT = 64
KEY = b"only for this measurement"
PROCESS_CREATION = {("Microsoft-Windows-Sysmon/Operational", "1"), ("Security", "4688")}
Row = tuple[str, str, str]


def main() -> None:
    arguments = _arguments()
    every = 12 if arguments.small else 1
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(arguments.corpora, Path(directory), every)
        for measure in (
            bench.compiling,
            bench.as_is,
            bench.without_message,
            bench.process_creation,
            bench.latency,
            bench.crafted,
            bench.flood,
            bench.reload,
            bench.sqlite,
        ):
            rows += (found := measure())
            print(*found, sep="\n", file=sys.stderr, flush=True)
    report = _table(rows)
    print(report)
    if arguments.out:
        arguments.out.write_text(report, encoding="utf-8")


class Bench:
    """One run: rules, corpora, and what was measured so far."""

    def __init__(self, corpora: Path, directory: Path, every: int) -> None:
        self.corpora = corpora
        self.every = every
        self.cache = RuleCache(directory, KEY)
        self.sources = [source for source in rule_sources(corpora) if _is_windows(source)]
        self.empty_bytes = _rss()
        self.rule_set, self.report = compile_rule_set(self.sources, cache=self.cache)
        gc.collect()
        gc.freeze()

    def bodies(self, every: int | None = None) -> Iterator[bytes]:
        for number, body in enumerate(windows_bodies(self.corpora)):
            if number % (every or self.every) == 0:
                yield body

    def compiling(self) -> list[Row]:
        """Compiles the groups of all routes, so that no other row pays for it."""
        routes = {e.route for body in self.bodies() for e in decode_windows_json(body, BOUNDS, {}).events}
        started = time.process_time()
        self.rule_set.prepare(sorted(routes))
        took = time.process_time() - started
        gc.collect()
        gc.freeze()
        return [(f"compiling the groups of {len(routes)} routes, nothing cached", f"{took:.1f} s CPU", "")]

    def as_is(self) -> list[Row]:
        first = self._pass(self.bodies())
        again = self._pass(self.bodies())
        return [
            ("rules active / inactive", f"{self.report.active} / {len(self.report.inactive)}", ""),
            ("events, bytes per event", f"{first.events:,}, {first.bytes_per_event:,.0f}", ""),
            ("orjson decode only", f"{first.decode_rate:,.0f} events/s", ""),
            ("OTRF as is, first pass, nothing remembered", *first.against("0.36 of decode, 130,000/s")),
            ("OTRF as is, second pass", *again.against("0.36 of decode, 130,000/s")),
            ("resident memory after both passes", f"{_rss() / 2**20:,.0f} MiB", "<= 250 MiB"),
            ("… of which the interpreter and imports", f"{self.empty_bytes / 2**20:,.0f} MiB", ""),
        ]

    def without_message(self) -> list[Row]:
        measured = self._pass(map(_drop_message, self.bodies()))
        return [("OTRF without Message", *measured.against("150,000/s"))]

    def process_creation(self) -> list[Row]:
        # Few in each body of the corpora; a sender has them together.
        bodies = [b"\n".join(body for body in map(_only_process_creation, self.bodies(every=1)) if body)]
        unremembering, _ = compile_rule_set(self.sources, cache=self.cache, memory_bytes=0)
        unremembering.prepare([("windows", channel, code) for channel, code in PROCESS_CREATION])
        off = self._pass(bodies * 10, unremembering)
        on = self._pass(bodies * 10)
        return [
            (
                f"process_creation only ({off.events // 10} events, ten times), memo off",
                *off.against("20,000/s"),
            ),
            ("process_creation only, memo on", *on.against("")),
        ]

    def latency(self) -> list[Row]:
        match, clock = self.rule_set.match_body, time.thread_time_ns
        taken = []
        for body in self.bodies():
            for line in body.split(b"\n"):
                started = clock()
                match(decode_windows_json(line, BOUNDS, {}).events, line)
                taken.append(clock() - started)
        taken.sort()
        p50, p99, p999 = (taken[int(len(taken) * share)] / 1000 for share in (0.5, 0.99, 0.999))
        return [
            ("latency per event p50 / p99 / p99.9", f"{p50:.1f} / {p99:.1f} / {p999:.1f} µs", "p99 < 100 µs")
        ]

    def crafted(self) -> list[Row]:
        # A rule set that remembers nothing, or the second try would only find the first one's answer.
        forgetful, _ = compile_rule_set(self.sources, cache=self.cache, memory_bytes=0)
        rows = []
        for name, line in crafted_events(forgetful):
            taken = []
            assert decode_windows_json(line, BOUNDS, {}).events, name
            for _ in range(4):
                started = time.process_time()
                for event in decode_windows_json(line, BOUNDS, {}).events:
                    forgetful.match(event)
                taken.append(time.process_time() - started)
            rows.append((f"crafted: {name} ({len(line):,} B)", f"{min(taken) * 1000:.2f} ms", "<= 5 ms"))
        return rows

    def flood(self) -> list[Row]:
        count = 300_000 // self.every
        sizes = []
        for quarter in range(4):
            for number in range(quarter * count // 4, (quarter + 1) * count // 4):
                for event in decode_windows_json(_unique(number), BOUNDS, {}).events:
                    self.rule_set.match(event)
            sizes.append(_rss() / 2**20)
        shown = " → ".join(f"{size:,.0f}" for size in sizes)
        return [(f"resident memory over {count:,} never repeating events", f"{shown} MiB", "constant")]

    def reload(self) -> list[Row]:
        routes = self.rule_set.routes
        started, wall = time.process_time(), time.perf_counter()
        again, report = compile_rule_set(self.sources, cache=self.cache)
        loaded = time.process_time() - started
        again.prepare(routes)
        cpu, took = time.process_time() - started, time.perf_counter() - wall
        assert report.from_cache == report.active
        assert again.version == self.rule_set.version
        return [
            ("reload from cache, rules only", f"{loaded:.2f} s CPU", "< 2 s"),
            (f"… with the groups of all {len(routes)} routes", f"{cpu:.2f} s CPU, {took:.2f} s", "< 2 s"),
        ]

    def sqlite(self) -> list[Row]:
        name = "SQLite engine (pySigma-backend-sqlite), same rules"
        if self.every > 1:
            return [(name, "left out of a small run: converting its rules alone takes a minute", "")]
        python = _sqlite_python()
        if python is None:
            return [(name, "not run: its packages could not be installed", "")]
        rules = [rule for source in self.sources if (rule := _for_sqlite(source)) is not None]
        with tempfile.TemporaryDirectory() as directory:
            rules_path, events_path = Path(directory, "rules.json"), Path(directory, "events.jsonl")
            rules_path.write_text(json.dumps(rules), encoding="utf-8")
            sample = self._sample(10_000)
            events_path.write_bytes(b"\n".join(orjson.dumps(fields) for fields in sample))
            script = Path(__file__).with_name("detection_sqlite.py")
            command = [python, script, rules_path, events_path]
            done = subprocess.run(command, capture_output=True, check=True)
        found = json.loads(done.stdout)
        rate = found["events"] / found["cpu"]
        shown = f"{rate:,.0f} events/s, {found['queries']:,} queries, {found['events']:,} events"
        return [(name, shown, ""), ("… converting its rules", f"{found['converting']:.1f} s CPU", "")]

    def _sample(self, count: int) -> list[dict]:
        events = [e for body in self.bodies() for e in decode_windows_json(body, BOUNDS, {}).events]
        return [event.fields for event in events[:: max(1, len(events) // count)]]

    def _pass(self, bodies, rule_set: RuleSet | None = None) -> "Pass":
        rule_set = rule_set or self.rule_set
        measured = Pass()
        for number, body in enumerate(_ahead(bodies)):
            # In turns, so that neither always finds the body in the processor's cache.
            steps: list[Callable[[], None]] = [
                lambda body=body: measured.decode(body),
                lambda body=body: measured.match(body, rule_set),
            ]
            for step in steps if number % 2 else reversed(steps):
                step()
        return measured


def _ahead(bodies: Iterable[bytes]) -> Iterator[bytes]:
    """Bodies read in lots, so that unpacking archives does not empty the processor's caches for each."""
    remaining = iter(bodies)
    while lot := list(islice(remaining, _LOT)):
        yield from lot


class Pass:
    """CPU time of decoding alone, and of decoding and matching, over the same bodies."""

    def __init__(self) -> None:
        self.events = self.bytes = self.matches = 0
        self.decoding = self.matching = 0.0

    def decode(self, body: bytes) -> None:
        loads = orjson.loads
        started = time.process_time()
        for line in body.split(b"\n"):
            if line:
                loads(line)
        self.decoding += time.process_time() - started

    def match(self, body: bytes, rule_set: RuleSet) -> None:
        started = time.process_time()
        events = decode_windows_json(body, BOUNDS, {}).events
        found = rule_set.match_body(events, body)
        events.clear()  # decoding alone pays for letting go as well
        self.matching += time.process_time() - started
        self.events += len(found)
        self.bytes += len(body)
        self.matches += sum(map(len, found))

    @property
    def bytes_per_event(self) -> float:
        return self.bytes / max(1, self.events)

    @property
    def decode_rate(self) -> float:
        return self.events / self.decoding

    def against(self, goal: str) -> tuple[str, str]:
        rate = self.events / self.matching
        return (
            f"{rate:,.0f} events/s = {rate / self.decode_rate:.2f} of decode, {self.matches:,} matches",
            goal,
        )


def crafted_events(rule_set: RuleSet) -> Iterator[tuple[str, bytes]]:
    """The events that cost most: everything rules look for, at the largest size a decoder lets through."""
    most = 35_900
    literals = b" ".join(sorted(_literals(rule_set))).decode("utf-8", "replace")
    plain = literals.encode("ascii", "ignore").decode()
    sysmon = {"Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 1, "Hostname": "h"}
    script = {"Channel": "Microsoft-Windows-PowerShell/Operational", "EventID": 4104, "Hostname": "h"}
    half = most // 2
    yield "one letter over and over", orjson.dumps({**sysmon, "CommandLine": "a" * most})
    yield (
        "one literal over and over",
        orjson.dumps({**sysmon, "CommandLine": "powershell -enc " * (most // 16)}),
    )
    yield "literals of the rules", orjson.dumps({**sysmon, "CommandLine": plain[:most]})
    yield "other literals of the rules", orjson.dumps({**sysmon, "CommandLine": plain[-most:]})
    yield "literals beyond ASCII", orjson.dumps({**sysmon, "CommandLine": literals[: most - 9] + "\u00e9"})
    yield (
        "literals in two fields",
        orjson.dumps({**sysmon, "CommandLine": plain[:half], "Image": plain[:half]}),
    )
    yield "literals as a script", orjson.dumps({**script, "ScriptBlockText": plain[:most]})
    line = "IEX (New-Object Net.WebClient) ${a}"
    yield "a large script", orjson.dumps({**script, "ScriptBlockText": line * (most // len(line))})
    yield "a thousand fields", orjson.dumps({**sysmon, **{f"f{i}": f"v{i}" * 6 for i in range(1_000)}})
    yield (
        "a thousand values of a field",
        orjson.dumps({**sysmon, "Image": [f"C:\\{i}.exe" for i in range(1_000)]}),
    )
    yield "backslashes", orjson.dumps({**sysmon, "CommandLine": "\\" * half, "Image": "\\" * half})


def _literals(rule_set: RuleSet) -> set[bytes]:
    from appliance.detection.sigma.tree import Text, clauses_of

    found = set()
    for tree in rule_set._trees:
        for clause in clauses_of(tree):
            if clause.field in ("CommandLine", "ScriptBlockText", "Image") and isinstance(clause.test, Text):
                found.update(part.encode() for part in clause.test.parts if isinstance(part, str))
    return found


def _is_windows(source: RuleSource) -> bool:
    return "product: windows" in source.text


def _drop_message(body: bytes) -> bytes:
    documents = [orjson.loads(line) for line in body.split(b"\n") if line]
    for document in documents:
        document.pop("Message", None)
        document.pop("message", None)
    return b"\n".join(map(orjson.dumps, documents))


def _only_process_creation(body: bytes) -> bytes:
    lines = [
        line
        for line in body.split(b"\n")
        if b'"EventID":1,' in line or b"4688" in line or b'"event_id":1,' in line
    ]
    kept = []
    for line in lines:
        events = decode_windows_json(line, BOUNDS, {}).events
        if events and (events[0].channel, events[0].code) in PROCESS_CREATION:
            kept.append(line)
    return b"\n".join(kept)


def _unique(number: int) -> bytes:
    names = (
        "Image",
        "CommandLine",
        "ParentImage",
        "ParentCommandLine",
        "OriginalFileName",
        "CurrentDirectory",
    )
    values = {name: f"C:\\{number}\\{name}\\{number * 7919}.exe" + "x" * 60 for name in names}
    sysmon = {"Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 1, "Hostname": f"h{number}"}
    return orjson.dumps({**sysmon, **values})


def _for_sqlite(source: RuleSource) -> dict[str, str] | None:
    rule_set, report = compile_rule_set([source])
    if not report.active:
        return None
    streams = streams_of(rule_set.rules[0].logsource)
    places = []
    for stream in streams.streams:
        codes = f' AND "EventID" IN ({", ".join(map(repr, sorted(stream.codes)))})' if stream.codes else ""
        places.append(f"""("Channel" = '{stream.channel}'{codes})""" if stream.channel else "(1)")
    return {"text": source.text, "where": " OR ".join(places)}


def _sqlite_python() -> Path | None:
    """The interpreter of a venv with the SQLite backend, made when it is first needed."""
    directory = ROOT / ".cache" / "sqlite-engine"
    python = directory / "bin" / "python"
    probe = [python, "-c", "import sigma.backends.sqlite"]
    if not python.exists():
        venv.create(directory, with_pip=True)
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        install = [python, "-m", "pip", "install", "-q", "pysigma-backend-sqlite"]
        subprocess.run(install, capture_output=True, check=False)
    return python if subprocess.run(probe, capture_output=True, check=False).returncode == 0 else None


def _rss() -> int:
    """Resident bytes of this process now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


def _table(rows: list[Row]) -> str:
    lines = ["| what | measured | goal |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {what} | {measured} | {goal} |" for what, measured, goal in rows)]) + "\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", type=Path)
    parser.add_argument(
        "--small", action="store_true", help="a twelfth of the events and no SQLite, for a smoke test"
    )
    parser.add_argument("--out", type=Path, help="also write the table here")
    return parser.parse_args()


if __name__ == "__main__":
    main()
