"""Each finding and each fault has its runbook, and what a runbook says to type exists."""

import re
import shlex
from pathlib import Path

import pytest

from appliance.cli.documenting import commands
from appliance.cli.running import app
from appliance.cluster.members import ClusterState, Member, problems
from appliance.support.checks import Kind
from installer.checks.registry import CHECKS
from tests.cluster.faults import FAULTS
from tests.cluster.runbooks import ANCHORS, looking

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations"
PAGE = (OPERATIONS / "runbooks.md").read_text()
BLOCK = re.compile(r"^ *```sh(?: run)?\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
KNOWN = {tuple(path): command for path, command in commands(app)}
COMMANDS = sorted({
    line.strip()
    for text in [*BLOCK.findall(PAGE), *re.findall(r"`(xdr [^`]+)`", PAGE)]
    for line in text.splitlines()
    if line.strip().startswith("xdr ")
})  # fmt: skip
# States and not findings: somebody looks them up by name.
GENERAL = {"maintenance"}


def anchors(page: str) -> set[str]:
    return set(re.findall(r"^#{1,3} ([a-z-]+)$", page, re.MULTILINE))


@pytest.mark.parametrize("kind", Kind)
def test_each_finding_has_its_runbook(kind):
    assert kind in anchors(PAGE)


@pytest.mark.parametrize("name", list(CHECKS))
def test_each_check_of_the_installer_is_explained(name):
    assert name in anchors((OPERATIONS / "installing.md").read_text())


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_its_runbook(fault):
    assert ANCHORS[fault] in anchors(PAGE)


def test_no_section_is_left_that_nothing_leads_to():
    led_to = {str(kind) for kind in Kind} | set(ANCHORS.values())

    assert anchors(PAGE) - led_to == GENERAL


def test_every_problem_of_a_cluster_is_a_finding():
    silent = ClusterState(
        members=[Member(name="a", host="", role="replica", state="stopped", timeline=0, lag=None)],
        etcd={"a": False},
        is_paused=True,
    )

    assert {Kind(problem.kind) for problem in problems(silent)} == {
        Kind.CLUSTER_LEADERLESS, Kind.CLUSTER_REPLICA, Kind.ETCD_MEMBER, Kind.ETCD_MAJORITY, Kind.CLUSTER_PAUSED
    }  # fmt: skip


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_and_option_exists(line):
    words = shlex.split(line.partition("||")[0])
    path = max((path for path in KNOWN if tuple(words[: len(path)]) == tuple(path)), key=len, default=())
    assert path, f"there is no {line!r}"
    options = {option for param in KNOWN[path].params for option in param.opts}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= options


def test_the_page_has_something_to_run():
    assert len(looking(PAGE)) > 20
