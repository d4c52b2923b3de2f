"""`xdr maintenance` and what the node is then: files alone, no API, no database."""

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from appliance.audit.deferring import Deferred, waiting
from appliance.foundation import maintenance
from appliance.foundation.data_risk import DataRisk, Trip
from appliance.foundation.maintenance import Maintenance


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "xdr.toml"
    path.write_text(f'state_dir = "{tmp_path}"\ncredentials_dir = "{tmp_path}"\nnode = "n1"\n')
    return str(path)


def deeds(folder):
    entries = [msgspec.json.decode(path.read_bytes(), type=Deferred) for path in waiting(folder)]
    return [(entry.action, entry.outcome, entry.detail.get("reason", "")) for entry in entries]


def test_it_begins_is_shown_and_ends(shell, config, tmp_path):
    shell("maintenance", "on", "--for", "2h", "--reason", "new disk", "--config", config)
    shell("maintenance", "status", "--config", config, "-o", "json")
    shown = json.loads(shell.stdout)
    shell("maintenance", "off", "--config", config)

    assert (shown["state"], shown["reason"]) == ("on", "new disk")
    left = datetime.fromisoformat(shown["until"]) - datetime.now(UTC)
    assert timedelta(hours=1, minutes=55) < left <= timedelta(hours=2)
    assert maintenance.current(tmp_path, datetime.now(UTC)) is None
    assert deeds(tmp_path) == [
        ("maintenance.begun", "success", "new disk"),
        ("maintenance.ended", "success", ""),
    ]


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--for", "2h", "--until", "2031-01-01"),
        ("--for", "8d"),
        ("--until", "2020-01-01"),
        ("--for", "x"),
    ],
)
def test_an_end_is_needed_that_is_neither_past_nor_far(shell, config, tmp_path, words):
    shell("maintenance", "on", *words, "--reason", "new disk", "--config", config)

    assert shell.code == 2
    assert maintenance.current(tmp_path, datetime.now(UTC)) is None


def test_it_ends_by_itself(tmp_path):
    now = datetime.now(UTC)
    maintenance.begin(tmp_path, Maintenance("new disk", "ada", now, now + timedelta(hours=1)))

    assert maintenance.current(tmp_path, now + timedelta(minutes=59)) is not None
    assert maintenance.current(tmp_path, now + timedelta(hours=1)) is None


def test_a_damaged_file_says_what_to_type(shell, config, tmp_path):
    (tmp_path / "maintenance.json").write_text("{")

    shell("maintenance", "status", "--config", config)

    assert "xdr maintenance off" in shell.stderr
    assert shell("maintenance", "off", "--config", config).code == 0
    assert shell("maintenance", "status", "--config", config).code == 0


def test_data_risk_is_accepted_by_typing_the_name(shell, config, tmp_path):
    shell("cluster", "accept-data-risk", "--cluster", "n1", "--config", config)
    nothing = shell.code
    found = Trip("7", 5_000, 4_000, datetime.now(UTC))
    DataRisk(tmp_path).found(found)

    shell("cluster", "accept-data-risk", "--cluster", "n2", "--config", config)
    refused = shell.code
    still = DataRisk(tmp_path).trip()
    shell("cluster", "accept-data-risk", "--cluster", "n1", "--config", config)

    assert (nothing, refused, shell.code) == (3, 5, 0)
    assert still == found
    assert DataRisk(tmp_path).trip() is None
    assert [one[:2] for one in deeds(tmp_path)] == [("cluster.data_risk_accepted", "success")]
