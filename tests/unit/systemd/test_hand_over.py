"""Whom a leader with a full disk hands over to."""

import importlib.util
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[3] / "ansible/roles/postgres_cluster/files/hand_over.py"


@pytest.fixture(scope="module")
def program():
    spec = importlib.util.spec_from_file_location("hand_over", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def cluster(*members: tuple[str, str, str, int | str]) -> dict[str, object]:
    return {
        "members": [
            {"name": name, "role": role, "state": state, "lag": lag} for name, role, state, lag in members
        ]
    }


LEADER = ("a", "leader", "running", 0)


def test_the_closest_that_streams_is_to_lead(program):
    state = cluster(
        LEADER, ("b", "quorum_standby", "streaming", 4096), ("c", "quorum_standby", "streaming", 0)
    )

    assert program.candidate(state, "a") == "c"


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (cluster(LEADER, ("b", "replica", "starting", 0)), "nobody streams"),
        (cluster(("a", "replica", "streaming", 0), ("b", "leader", "running", 0)), "another one leads"),
        (cluster(LEADER, ("b", "replica", "streaming", "unknown")), "nobody knows how far it is"),
        ({}, "Patroni says nothing"),
    ],
)
def test_nobody_is_chosen_when(program, state, why):
    assert program.candidate(state, "a") == "", why


def test_what_is_left_of_a_disk_is_known(program, tmp_path):
    assert program.free_bytes(str(tmp_path)) > 0
