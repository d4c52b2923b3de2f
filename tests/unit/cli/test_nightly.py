"""What the doctor makes of the nightly report and of the machine's services."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.support.checks.nightly import judge
from appliance.support.checks.units import Unit, ailing

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=30)


@pytest.fixture
def report(tmp_path):
    def written(*findings: dict[str, str], hours_ago: float = 10) -> Path:
        file = tmp_path / "checks.json"
        at = NOW - timedelta(hours=hours_ago)
        file.write_text(json.dumps({"checked_at": at.isoformat(), "findings": findings}))
        return file

    return written


def test_a_finding_of_the_night_is_a_problem_with_its_own_words(report):
    clock = {"id": "clock", "state": "finding", "cause": "node2 +9 s", "impact": "etcd", "command": "chronyc",
             "doc": "docs/operations/installing.md#clock"}  # fmt: skip

    (found,) = judge(report(clock), LONG_AGO, NOW)

    assert (found.id, found.state, found.cause, found.command) == (
        "clock",
        "problem",
        "node2 +9 s",
        "chronyc",
    )
    assert found.doc == clock["doc"]


def test_what_was_well_and_what_could_not_be_looked_at_are_told_apart(report):
    file = report({"id": "disk-sync", "state": "ok", "cause": "p99 2 ms"},
                  {"id": "licence", "state": "not_configured", "cause": "none"})  # fmt: skip

    assert [each.state for each in judge(file, LONG_AGO, NOW)] == ["ok", "not_configured"]


def test_an_old_report_is_a_problem(report):
    (found,) = judge(report(hours_ago=49), LONG_AGO, NOW)

    assert found.id == "checks-stale"


def test_a_report_that_is_none_is_a_problem(tmp_path):
    file = tmp_path / "checks.json"
    file.write_text("{")

    (found,) = judge(file, LONG_AGO, NOW)

    assert found.id == "checks-stale"


@pytest.mark.parametrize(
    ("settled_at", "expected"), [(LONG_AGO, 1), (NOW - timedelta(hours=1), 0), (None, 0)]
)
def test_a_report_that_never_was_is_missed_only_where_it_should_be(tmp_path, settled_at, expected):
    assert len(list(judge(tmp_path / "checks.json", settled_at, NOW))) == expected


def test_a_service_that_failed_or_starts_again_and_again_is_a_problem():
    units = [Unit("a.service", "active", "running"), Unit("b.service", "failed", "failed"),
             Unit("c.service", "activating", "auto-restart")]  # fmt: skip

    assert [found.check for found in ailing(units)] == ["service b.service", "service c.service"]
