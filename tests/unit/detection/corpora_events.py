"""What tests and benches read from the corpora: rules, and real events batch by batch."""

import gzip
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import yaml
from sigma.rule.base import SigmaYAMLLoader

from appliance.detection.sigma.rules import RuleSource
from appliance.telemetry.decoding.evtx import decode_evtx
from appliance.telemetry.decoding.registry import decoder
from appliance.telemetry.decoding.windows import decode_windows_json
from appliance.telemetry.events import Bounds, Event
from tests.unit.detection.naive import NaiveRule

_BOUNDS = Bounds(events=1_000_000)
_BLOCK_BYTES = 262_144
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
    """The Windows JSON of the OTRF archives in pieces of 256 KiB, as a shipper would send it."""
    for file in _otrf_files(corpora):
        is_windows: bool | None = None
        for block in _whole_lines(file):
            if is_windows is None:
                is_windows = any(mark in block for mark in _WINDOWS_MARKS)
            if is_windows:
                yield block


def windows_events(corpora: Path) -> Iterator[Event]:
    """Every Windows event of the corpora: OTRF, and the regression cases as EVTX and as JSON."""
    for body in windows_bodies(corpora):
        yield from decode_windows_json(body, _BOUNDS, {}).events
    for path in sorted((corpora / "sigma" / "regression").rglob("*.evtx")):
        yield from decode_evtx(path.read_bytes(), _BOUNDS, {}).events
        beside = path.with_suffix(".json")
        yield from decode_windows_json(beside.read_bytes(), _BOUNDS, {}).events


def other_events(corpora: Path) -> Iterator[Event]:
    """Every event that is no Windows one: network sensors, honeypots, Linux and cloud, told by content."""
    decode = decoder("auto")
    for file in _other_files(corpora):
        for block in _whole_lines(file):
            yield from decode(block, _BOUNDS, {"received": "2026-11-23T00:00:00Z"}).events


def _other_files(corpora: Path) -> Iterator[IO[bytes]]:
    for path in sorted((corpora / "zeek").glob("*.log")) + sorted((corpora / "syslog").glob("*.log")):
        with path.open("rb") as file:
            yield file
    for folder in ("suricata", "cowrie", "ml/auth_logs_raw"):
        for path in sorted((corpora / folder).glob("*.gz")):
            with gzip.open(path) as file:
                yield file  # type: ignore[misc]  # a reader of bytes all the same
    for file in _otrf_files(corpora, (".json", ".log")):
        first = file.read(_BLOCK_BYTES)
        if not any(mark in first for mark in _WINDOWS_MARKS):
            file.seek(0)
            yield file


def _otrf_files(corpora: Path, endings: tuple[str, ...] = (".json",)) -> Iterator[IO[bytes]]:
    for path in sorted((corpora / "otrf").rglob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if "__MACOSX" not in name and name.endswith(endings):
                    with archive.open(name) as file:
                        yield file
    for path in sorted((corpora / "otrf").rglob("*.tar.gz")):
        with tarfile.open(path) as archive:
            member = archive.next()
            file = archive.extractfile(member) if member else None
            if file is not None:
                yield file


def _whole_lines(file: IO[bytes]) -> Iterator[bytes]:
    """Blocks of whole lines; some archives of the corpora end early, and what can be read counts."""
    rest = b""
    while True:
        try:
            block = file.read(_BLOCK_BYTES)
        except (EOFError, tarfile.ReadError):
            block = b""
        if not block:
            break
        whole, newline, rest = (rest + block).rpartition(b"\n")
        if newline:
            yield whole
    if rest:
        yield rest
