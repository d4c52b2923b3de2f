"""
Quality of incidents and of their explanations, on real telemetry (decision 16).

Prints: incidents for each OTRF archive alone; how well archives come apart when they are interleaved over
background noise (pairwise F1); incidents per day of benign logs; and whether the clauses quoted for each
finding are sufficient and each necessary.

Usage: python tests/bench/incidents.py XDR_CORPORA [--small]
"""

import argparse
import random
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from appliance.detection.archives import from_directory  # noqa: E402
from appliance.detection.compiling import compile_rule_set  # noqa: E402
from appliance.detection.explaining import cut_down, explain  # noqa: E402
from appliance.detection.ruleset import RuleSet  # noqa: E402
from appliance.foundation.severity import Severity  # noqa: E402
from appliance.incidents.grouping import Correlator  # noqa: E402
from appliance.incidents.memory import Mention, Sighting  # noqa: E402
from appliance.telemetry.decoding.registry import decoder  # noqa: E402
from appliance.telemetry.entities import entities_of  # noqa: E402
from appliance.telemetry.events import Bounds, Event  # noqa: E402

HOUR, DAY = 3_600_000_000, 86_400_000_000
RECEIVED = "1700000000000000"
BOUNDS = Bounds(events=1_000_000, body_bytes=1 << 30)
RULE_FOLDERS = ("rules", "rules-emerging-threats", "rules-threat-hunting")
# Attacks on the same machines are laid this far apart; those that share nothing run at the same time.
APART = 8 * HOUR
SMALL = 8


class Archive(NamedTuple):
    name: str
    events: int
    sightings: list[Sighting]


class Proof:
    """Counts whether explanations hold, by the matcher itself: not by what wrote them."""

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self.counts: Counter[str] = Counter()
        self.failures: list[str] = []

    def check(self, event: Event, number: int) -> None:
        found = explain(self._rules.condition(number, event.route), event)
        self.counts["findings"] += 1
        self.counts["fields quoted"] += len(found.fields)
        if number not in self._rules.match(cut_down(event, found.fields)):
            self._fail("not sufficient", event, number)
        for field in found.fields:
            less = tuple(each for each in found.fields if each != field)
            if number in self._rules.match(cut_down(event, less)):
                self._fail(f"{field} not necessary", event, number)

    def _fail(self, what: str, event: Event, number: int) -> None:
        self.failures.append(f"{self._rules.rules[number].title}: {what} ({event.route})")


class Reader:
    """Bodies into sightings, by the decoder, the matcher and the entity rules of the product."""

    def __init__(self, rules: RuleSet, proof: Proof) -> None:
        self._rules, self._proof = rules, proof

    def read(self, name: str, bodies: Iterable[bytes], *, format_name: str = "auto") -> Archive:
        source, sightings, events = uuid5(NAMESPACE_URL, name), [], 0
        for body in bodies:
            for event in decoder(format_name)(body, BOUNDS, {"received": RECEIVED}).events:
                events += 1
                event.time = event.time or int(RECEIVED)
                for number in self._rules.match(event):
                    self._proof.check(event, number)
                    sightings.append(self._sighting(event, number, source, len(sightings)))
        return Archive(name, events, sightings)

    def _sighting(self, event: Event, number: int, source: UUID, place: int) -> Sighting:
        rule = self._rules.rules[number]
        return Sighting(
            id=uuid5(source, str(place)),
            source_id=source,
            rule_id=rule.id,
            title=rule.title,
            level=int(Severity.named(rule.level)),
            techniques=rule.techniques,
            tactics=rule.tactics,
            time=event.time,
            host=event.host,
            entities=tuple(Mention(*entity) for entity in entities_of(event)),
        )


def main() -> int:
    arguments = _arguments()
    rules = _rules(arguments.corpora)
    proof = Proof(rules)
    reader = Reader(rules, proof)
    paths = _archive_paths(arguments.corpora)
    if arguments.small:
        paths = paths[:: max(1, len(paths) // SMALL)]
    archives = [reader.read(path.name, _members(path)) for path in paths]
    fine = _print_alone(archives)
    fine &= _print_interleaved(archives)
    _print_benign(reader, arguments.corpora)
    fine &= _print_proof(proof)
    return 0 if fine or arguments.small else 1


def _rules(corpora: Path) -> RuleSet:
    started = time.perf_counter()
    sources = [each for folder in RULE_FOLDERS for each in from_directory(corpora / "sigma" / folder)]
    sources += from_directory(ROOT / "appliance" / "detection" / "content")
    rules, report = compile_rule_set(sources)
    print(f"rules active {report.active}, compiled in {time.perf_counter() - started:.0f} s")
    return rules


def _archive_paths(corpora: Path) -> list[Path]:
    return sorted(path for path in (corpora / "otrf").rglob("*") if path.suffix in {".zip", ".gz"})


def _members(path: Path) -> Iterator[bytes]:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            yield from (
                archive.read(name)
                for name in archive.namelist()
                if "__MACOSX" not in name and not name.endswith("/")
            )
    else:
        with tarfile.open(path) as archive:
            files = (archive.extractfile(member) for member in archive if "._" not in member.name)
            yield from (file.read() for file in files if file is not None)


def group(sightings: Iterable[Sighting], *, batch: int = 500) -> dict[UUID, int]:
    """Which group each linked finding ended in, fed in batches in order of event time."""
    ordered = sorted(sightings, key=lambda each: (each.time, each.id))
    correlator, links, merged = Correlator(), {}, {}
    for start in range(0, len(ordered), batch):
        for change in correlator.add(ordered[start : start + batch]):
            links |= dict.fromkeys(change.linked, change.group.id)
        merged |= correlator.state.merged
    return {finding: _root(merged, number) for finding, number in links.items()}


def _root(merged: dict[int, int], number: int) -> int:
    while number in merged:
        number = merged[number]
    return number


def _print_alone(archives: list[Archive]) -> bool:
    print(f"\n{'archive alone':62} {'events':>7} {'findings':>8} {'incidents':>9}")
    counts = []
    for archive in archives:
        incidents = len(set(group(archive.sightings).values()))
        counts.append(incidents)
        print(f"{archive.name[:62]:62} {archive.events:7} {len(archive.sightings):8} {incidents:9}")
    few = sum(count <= 2 for count in counts) / len(counts)
    some = [count for count in counts if count]
    print(
        f"incidents per archive: median {median(counts):g} (goal 1), at most 2 in {few:.0%} (goal 90 %), "
        f"most {max(counts)}; {len(counts) - len(some)} of {len(counts)} archives have no incident, "
        f"of the others the median is {median(some):g}"
    )
    return median(counts) == 1 and few >= 0.9


def _print_interleaved(archives: list[Archive]) -> bool:
    placed = _spread([archive for archive in archives if archive.sightings])
    background = _background(placed)
    links = group([each for archive in placed for each in archive.sightings] + background, batch=200)
    truth = {each.id: archive.name for archive in placed for each in archive.sightings}
    print(
        f"\ninterleaved: {len(placed)} archives, {len(truth)} findings, over {len(background)} findings of"
        f" background noise, {_days([each for archive in placed for each in archive.sightings]):.1f} days"
    )
    anchors = {each.id for a in placed for each in a.sightings if each.level >= Severity.MEDIUM}
    linked = set(truth) & set(links)
    scores = {
        "findings in incidents": _f1(truth, links, linked),
        "findings of medium level and above, in incidents or not": _f1(truth, links, anchors),
        "all findings, in incidents or not": _f1(truth, links, set(truth)),
    }
    for name, (precision, recall, f1) in scores.items():
        print(f"  pairwise over {name}: precision {precision:.3f}, recall {recall:.3f}, F1 {f1:.3f}")
    far = _joined_far(placed, links)
    noise_only = len({links[each.id] for each in background if each.id in links} - {links[i] for i in linked})
    print(
        f"  incidents {len(set(links.values()))}, of background alone {noise_only}; incidents that join"
        f" archives more than a day apart: {far} (goal 0)"
    )
    return scores["findings of medium level and above, in incidents or not"][2] >= 0.9 and not far


def _spread(archives: list[Archive]) -> list[Archive]:
    """
    Shift each archive in time: those that name a machine or account in common one after another, the
    others side by side.
    """
    source = random.Random(2026)
    order = source.sample(archives, len(archives))
    busy: dict[str, int] = defaultdict(int)
    placed = []
    for archive in order:
        names = {
            f"{each.kind}:{each.value.split('.')[0]}"
            for sighting in archive.sightings
            for each in sighting.entities
            if each.kind in {"host", "user", "address"} and not each.weak
        }
        first = min(each.time for each in archive.sightings)
        last = max(each.time for each in archive.sightings)
        start = max((busy[name] for name in names), default=0) + source.randrange(HOUR // 2)
        for name in names:
            busy[name] = start + (last - first) + APART
        shift = start + 50 * 365 * DAY - first
        moved = [msgspec.structs.replace(each, time=each.time + shift) for each in archive.sightings]
        placed.append(Archive(archive.name, archive.events, moved))
    return placed


def _background(archives: list[Archive]) -> list[Sighting]:
    """
    What these machines do all day, as the archives themselves show it: each rule that fires in several
    archives on the same machine is taken for its noise and repeated every half hour or so, all the time.
    """
    seen: dict[tuple[str, str], dict[str, Sighting]] = defaultdict(dict)
    for archive in archives:
        for each in archive.sightings:
            if each.host and each.level <= Severity.MEDIUM:
                seen[each.host, each.rule_id].setdefault(archive.name, each)
    times = [each.time for archive in archives for each in archive.sightings]
    source, made = random.Random(26), []
    for examples in seen.values():
        if len(examples) >= 3:
            example = next(iter(examples.values()))
            moment = min(times) - 2 * DAY + source.randrange(HOUR)
            while moment < max(times):
                number = uuid5(NAMESPACE_URL, f"noise {len(made)}")
                made.append(msgspec.structs.replace(example, id=number, time=moment))
                moment += HOUR // 2 + source.randrange(HOUR // 4)
    return made


def _f1(truth: dict[UUID, str], links: dict[UUID, int], over: set[UUID]) -> tuple[float, float, float]:
    """Precision, recall and F1 of "these two findings belong together"; a finding left out is alone."""
    clusters = {finding: links.get(finding, str(finding)) for finding in over}
    together = Counter((truth[finding], clusters[finding]) for finding in over)
    both = sum(_pairs(n) for n in together.values())
    predicted = sum(_pairs(n) for n in Counter(clusters.values()).values())
    actual = sum(_pairs(n) for n in Counter(truth[finding] for finding in over).values())
    precision, recall = both / max(1, predicted), both / max(1, actual)
    return precision, recall, 2 * precision * recall / max(1e-9, precision + recall)


def _pairs(number: int) -> int:
    return number * (number - 1) // 2


def _joined_far(archives: list[Archive], links: dict[UUID, int]) -> int:
    """How many incidents hold findings of two archives that begin more than a day after one another."""
    starts: dict[int, set[int]] = defaultdict(set)
    for archive in archives:
        first = min(each.time for each in archive.sightings)
        for each in archive.sightings:
            if each.id in links:
                starts[links[each.id]].add(first)
    return sum(max(times) - min(times) > DAY for times in starts.values())


def _print_benign(reader: Reader, corpora: Path) -> None:
    print(f"\n{'benign logs':40} {'events':>7} {'days':>6} {'findings':>8} {'incidents':>9} {'per day':>8}")
    logs = [(path.name, path.read_bytes(), "syslog") for path in sorted((corpora / "syslog").glob("*.log"))]
    journal = _journal()
    if journal:
        logs.append(("the journal of this machine", journal, "journald"))
    for name, body, format_name in logs:
        archive = reader.read(name, [body], format_name=format_name)
        events = decoder(format_name)(body, BOUNDS, {"received": RECEIVED}).events
        days = max(1 / 24, _span([event.time for event in events if event.time]) / DAY)
        incidents = len(set(group(archive.sightings).values()))
        print(
            f"{name:40} {archive.events:7} {days:6.1f} {len(archive.sightings):8} {incidents:9}"
            f" {incidents / days:8.2f}"
        )
    if not journal:
        print("the journal of this machine: not readable")


def _journal() -> bytes:
    tool = shutil.which("journalctl")
    if tool is None:
        return b""
    done = subprocess.run(
        [tool, "-o", "json", "--no-pager", "-n", "200000"], capture_output=True, check=False, timeout=120
    )
    return done.stdout if done.returncode == 0 else b""


def _print_proof(proof: Proof) -> bool:
    counts = dict(proof.counts)
    failed = len(proof.failures)
    findings, fields = counts.get("findings", 0), counts.get("fields quoted", 0)
    print(
        f"\nexplanations: findings {findings}, fields quoted {fields},"
        f" failures of sufficiency or necessity {failed} (goal 0)"
    )
    for line in proof.failures[:20]:
        print("  " + line)
    return failed == 0


def _days(sightings: list[Sighting]) -> float:
    return _span([each.time for each in sightings]) / DAY


def _span(times: list[int]) -> int:
    return max(times, default=0) - min(times, default=0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", type=Path)
    parser.add_argument("--small", action="store_true", help="a few archives, no goals: that it runs")
    return parser.parse_args()


if __name__ == "__main__":
    print(datetime.now(UTC).isoformat(timespec="seconds"))
    sys.exit(main())
