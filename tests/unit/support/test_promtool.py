"""The shipped rules are Prometheus' rules, and mean there what they mean here."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

import pytest
import yaml

from appliance.support.alert_rules import shipped
from appliance.support.alerting import Book, Evaluation
from appliance.support.checks import Kind
from appliance.support.expressions import selectors
from appliance.support.samples import Samples

RULES = resources.files("appliance.support").joinpath("rules/appliance.yml")
MINUTES = 45
# Per case: series as `start+step x minutes`; the rules that fire at the end, and no other but the sign of life.
CASES: dict[str, tuple[dict[str, tuple[float, float]], set[str]]] = {
    "nothing": ({"xdr_database_up": (1, 0)}, set()),
    "database silent": ({"xdr_database_up": (0, 0)}, {"XDRDatabaseSilent"}),
    "a problem": ({'xdr_problem{id="cluster-paused",check="cluster"}': (1, 0)}, {"XDRProblem"}),
    "a critical problem": ({'xdr_problem{id="disk-full",check="disk"}': (1, 0)}, {"XDRProblemCritical"}),
    "spool": ({"xdr_ingest_spool_bytes": (10, 0)}, {"XDRSpoolWaits"}),
    "spool empty": ({"xdr_ingest_spool_bytes": (0, 0)}, set()),
    "no copy": ({'xdr_spool_copies_total{outcome="none"}': (0, 1)}, {"XDRNoSecondCopy"}),
    "copies": ({'xdr_spool_copies_total{outcome="kept"}': (0, 1)}, set()),
    "behind": ({"xdr_detection_lag_seconds": (100, 0)}, {"XDRDetectionBehind"}),
    "datagrams": ({"xdr_syslog_datagrams_lost": (0, 3)}, {"XDRDatagramsLost"}),
    "quarantine": ({"xdr_events_quarantined_total": (0, 50)}, {"XDRQuarantineGrows"}),
    "quarantine a little": ({"xdr_events_quarantined_total": (0, 2)}, set()),
    "failing": (
        {'http_request_duration_seconds_count{status="200"}': (0, 100),
         'http_request_duration_seconds_count{status="503"}': (0, 10)},
        {"XDRRequestsFail"},
    ),
    "hardly failing": (
        {'http_request_duration_seconds_count{status="200"}': (0, 100),
         'http_request_duration_seconds_count{status="503"}': (0, 4)},
        set(),
    ),
    "slow": (
        {'http_request_duration_seconds_bucket{le="1.0"}': (0, 90),
         'http_request_duration_seconds_bucket{le="5.0"}': (0, 100),
         'http_request_duration_seconds_bucket{le="+Inf"}': (0, 100)},
        {"XDRRequestsSlow"},
    ),
    "pool": ({'xdr_database_pool_used_ratio{role="app"}': (0.95, 0)}, {"XDRPoolNearlyFull"}),
    "cache": ({"xdr_cache_hits_total": (0, 100), "xdr_cache_misses_total": (0, 100)}, {"XDRCacheMisses"}),
    "cache unused": ({"xdr_cache_hits_total": (0, 1), "xdr_cache_misses_total": (0, 1)}, set()),
    "starts": ({'xdr_process_starts_total{process="detect"}': (1, 1)}, {"XDRProcessRestarts"}),
    "started once": ({'xdr_process_starts_total{process="detect"}': (1, 0)}, set()),
    "audit": ({"audit_seal_lag_seconds": (400, 0)}, {"XDRAuditBehind"}),
}  # fmt: skip
ALIVE = "XDRAlive"


def test_prometheus_reads_the_rules():
    subprocess.run(["promtool", "check", "rules", str(RULES)], check=True, capture_output=True)


def test_each_rule_is_shown_to_fire():
    assert {rule.name for rule in shipped()} == {
        ALIVE,
        *(name for _, fired in CASES.values() for name in fired),
    }


@pytest.mark.parametrize("case", CASES)
def test_here_as_there(case, tmp_path):
    series, expected = CASES[case]

    there = promtool(series, expected, tmp_path)

    assert there == ""
    assert evaluated(series) == expected


def promtool(series: dict[str, tuple[float, float]], fired: set[str], folder: Path) -> str:
    """What promtool objects to; empty if exactly these fire."""
    checks = [
        {
            "eval_time": f"{MINUTES}m",
            "alertname": rule.name,
            "exp_alerts": [_expected(rule.name, series)] if rule.name in {*fired, ALIVE} else [],
        }
        for rule in shipped()
    ]
    # Labels and annotations are compared by the unit tests; promtool wants them too, so they are taken from there.
    test = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": name, "values": f"{start}+{step}x{MINUTES}"}
                    for name, (start, step) in series.items()
                ],
                "alert_rule_test": checks,
            }
        ],
    }
    file = folder / "test.yml"
    file.write_text(yaml.safe_dump(test))
    done = subprocess.run(
        ["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _expected(name: str, series: dict[str, tuple[float, float]]) -> dict[str, dict[str, str]]:
    book = _run(series)
    alert = next((each for each in book.alerts if each.rule == name), None)
    assert alert is not None, f"{name} is not seen here"
    return {"exp_labels": {**alert.labels, "severity": alert.severity}, "exp_annotations": alert.annotations}


def evaluated(series: dict[str, tuple[float, float]]) -> set[str]:
    return {each.rule for each in _run(series).alerts if each.state == "firing"} - {ALIVE}


def _run(series: dict[str, tuple[float, float]]) -> Book:
    rules = shipped()
    samples = Samples({each.name for rule in rules for each in selectors(rule.expression)}, 3600)
    evaluation, book = Evaluation("node1", rules, [], 300), Book()
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for minute in range(MINUTES + 1):
        now = start + timedelta(minutes=minute)
        for name, (first, step) in series.items():
            metric, _, labels = name.partition("{")
            pairs = dict(json.loads("[" + _as_pairs(labels.rstrip("}")) + "]"))
            samples.put(metric, pairs, first + step * minute, now.timestamp())
        evaluation.step(book, samples, [], now)
    return book


def _as_pairs(labels: str) -> str:
    return ", ".join(
        f'["{name}", {value}]' for name, _, value in (one.partition("=") for one in labels.split(",") if one)
    )


def test_every_problem_of_the_doctor_is_an_alert_of_one_kind():
    critical, other = (
        next(rule for rule in shipped() if rule.name == name) for name in ("XDRProblemCritical", "XDRProblem")
    )
    for kind in Kind:
        samples = Samples({"xdr_problem"}, 600)
        samples.put("xdr_problem", {"id": kind, "check": "x"}, 1.0, 10.0)

        seen = [bool(rule.expression.at(samples, 10.0)) for rule in (critical, other)]

        assert sum(seen) == 1, kind
