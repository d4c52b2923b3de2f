"""What tests and benches read from the corpora: rules, and real events batch by batch."""

import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import yaml
from sigma.rule.base import SigmaYAMLLoader

from appliance.detection.sigma.rules import RuleSource
from appliance.telemetry.decoding.evtx import decode_evtx
from appliance.telemetry.decoding.windows import decode_windows_json
from appliance.telemetry.events import Bounds, Event
from tests.unit.detection.naive import NaiveRule

_BOUNDS = Bounds(events=1_000_000)
_BATCH_LINES = 200
_WINDOWS_MARKS = (b'"Channel"', b'"winlogbeat"')


def rule_sources(corpora: Path) -> list[RuleSource]:
    """Every rule file of the public set."""
    paths = sorted((corpora / "sigma").glob("rules*/**/*.yml"))
    return [RuleSource(str(path), path.read_text(encoding="utf-8")) for path in paths]


def naive_rules(sources: list[RuleSource], ids: set[str]) -> list[NaiveRule]:
    """The rules with these ids, for the naive evaluator."""
    documents = (yaml.load(source.text, Loader=SigmaYAMLLoader) for source in sources)
    return [NaiveRule(document) for document in documents if str(document["id"]) in ids]


def windows_bodies(corpora: Path) -> Iterator[bytes]:
    """The Windows JSON of the OTRF archives, a few hundred lines at a time, as a shipper would send it."""
    for name, content in _otrf_files(corpora):
        if not name.endswith(".json") or not any(mark in content[:65_536] for mark in _WINDOWS_MARKS):
            continue
        lines = content.split(b"\n")
        for start in range(0, len(lines), _BATCH_LINES):
            yield b"\n".join(lines[start : start + _BATCH_LINES])


def windows_events(corpora: Path) -> Iterator[Event]:
    """Every Windows event of the corpora: OTRF, and the regression cases as EVTX and as JSON."""
    for body in windows_bodies(corpora):
        yield from decode_windows_json(body, _BOUNDS, {}).events
    for path in sorted((corpora / "sigma" / "regression").rglob("*.evtx")):
        yield from decode_evtx(path.read_bytes(), _BOUNDS, {}).events
        beside = path.with_suffix(".json")
        yield from decode_windows_json(beside.read_bytes(), _BOUNDS, {}).events


def _otrf_files(corpora: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted((corpora / "otrf").rglob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if "__MACOSX" not in name:
                    yield name, archive.read(name)
    for path in sorted((corpora / "otrf").rglob("*.tar.gz")):
        yield from _tar_files(path)


def _tar_files(path: Path) -> Iterator[tuple[str, bytes]]:
    """What can be read of an archive; some archives of the corpora end early."""
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is None:
                continue
            content = b""
            try:
                while piece := file.read(1 << 20):
                    content += piece
            except (EOFError, tarfile.ReadError):
                yield member.name, content
                return
            yield member.name, content
