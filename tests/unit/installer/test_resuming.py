"""A run that was killed finds its own services up; checks that want a blank machine must not stop it from going on."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from installer import answers
from installer.checks import Context, ports
from installer.checks.finding import Finding
from installer.paths import Paths
from installer.playbooks import Journal

SITE = answers.read(Path(__file__).parents[3] / "installer/examples/three.yml")


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A port of the product on which something listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(ports, "NEEDED", (server.getsockname()[1],))
        yield


def looked_at(root: Path) -> Finding:
    return ports.check(Context(paths=Paths(root), site=SITE, node=SITE.nodes[0]))


@pytest.mark.usefixtures("busy")
def test_a_blank_machine_needs_its_ports(tmp_path: Path) -> None:
    assert looked_at(tmp_path).state == "finding"


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("state", ["begun", "failed", "done"])
def test_a_run_that_changed_something_may_go_on(tmp_path: Path, state: str) -> None:
    Journal(tmp_path / "var/lib/xdr-install/journal.jsonl").note("playbooks/database.yml", "d", state)  # type: ignore[arg-type]
    assert looked_at(tmp_path).state == "ok"


@pytest.mark.usefixtures("busy")
def test_a_run_that_only_looked_excuses_nothing(tmp_path: Path) -> None:
    Journal(tmp_path / "var/lib/xdr-install/journal.jsonl").note("playbooks/preflight.yml", "d", "failed")
    assert looked_at(tmp_path).state == "finding"


def test_the_stage_that_only_looks_is_one_of_the_index() -> None:
    index = (Path(__file__).parents[3] / "ansible/site.yml").read_text()
    assert "import_playbook: playbooks/preflight.yml" in index
