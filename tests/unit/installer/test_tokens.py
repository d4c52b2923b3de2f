"""What a join token may be: whole, in time, for a machine that can be new, and never an argument."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from installer import inventory, joining
from installer.answers import Node, Site, newcomer_refused
from installer.cli import app
from installer.failures import ExitCode, InstallFailure
from installer.paths import Paths

NODES = [Node(name=f"node{number}", address=f"192.0.2.1{number}") for number in (1, 2, 3)]
SITE = Site(version=1, cluster="main", network="192.0.2.0/24", vip="192.0.2.10", nodes=NODES)


@pytest.fixture
def controller(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    inventory.write(SITE, NODES[0], paths)
    return paths


@pytest.fixture
def text(controller: Paths) -> str:
    return joining.make(SITE, "node2", "192.0.2.12", hours=1, paths=controller)


def test_the_controller_expects_the_host_key_of_the_seed(
    controller: Paths, text: str, tmp_path: Path
) -> None:
    seed = joining.decode(text).seed
    private = tmp_path / "host"
    private.touch(mode=0o600)
    private.write_bytes(joining.private_host_key(seed))

    public = subprocess.run(
        ["ssh-keygen", "-y", "-f", private], capture_output=True, text=True, check=True
    ).stdout

    assert f"192.0.2.12 {' '.join(public.split()[:2])}" in controller.known_hosts.read_text().splitlines()


def test_a_token_is_read_with_the_line_breaks_of_pasting(text: str) -> None:
    assert joining.decode(f"\n {text[:40]}\r\n{text[40:]} \n") == joining.decode(text)


def test_every_slip_is_refused(text: str) -> None:
    for at in range(len("xdrj1."), len(text), 7):
        other = "A" if text[at] != "A" else "B"
        with pytest.raises(InstallFailure):
            joining.decode(text[:at] + other + text[at + 1 :])
        with pytest.raises(InstallFailure):
            joining.decode(text[:at])


@pytest.mark.parametrize("given", ["", "xdrj1.", "xdrj2.AAAA", "hello", "xdrj1." + "A" * 5000, "xdrj1.é"])
def test_what_is_no_token_is_refused(given: str) -> None:
    with pytest.raises(InstallFailure) as refused:
        joining.decode(given)
    assert refused.value.next_step


def test_a_token_whose_time_is_over_is_refused_with_both_times(text: str) -> None:
    late = msgspec.structs.replace(joining.decode(text), expires=int(datetime.now(UTC).timestamp()) - 60)
    with pytest.raises(InstallFailure, match="the token ended at") as refused:
        joining.decode(joining.encode(late))
    assert "clock" in refused.value.next_step


def test_nothing_shows_the_seed(text: str) -> None:
    token = joining.decode(text)
    assert repr(token.seed) not in repr(token)
    assert "seed" not in str(token)


@pytest.mark.parametrize(
    ("name", "address", "why"),
    [
        ("node2", "192.0.2.11", "the address of node1"),
        ("node1", "192.0.2.12", "the address of node2"),
        ("node2", "192.0.2.10", "virtual"),
        ("node2", "198.51.100.1", "not in 192.0.2.0/24"),
        ("node2", "192.0.2.12; reboot", "no IPv4 address"),
        ("node2\n", "192.0.2.12", "no name"),
        ("Node2", "192.0.2.12", "no name"),
    ],
)
def test_no_token_takes_a_living_nodes_place_by_mistake(
    controller: Paths, name: str, address: str, why: str
) -> None:
    before = controller.known_hosts.read_bytes()
    with pytest.raises(InstallFailure, match=why):
        joining.make(SITE, name, address, hours=1, paths=controller)
    assert controller.known_hosts.read_bytes() == before


def test_a_node_may_come_back_with_its_own_or_a_free_address() -> None:
    assert not newcomer_refused("node2", "192.0.2.12", SITE)
    assert not newcomer_refused("node2", "192.0.2.20", SITE)


def test_no_command_takes_a_token_as_an_argument(text: str) -> None:
    said = CliRunner().invoke(app, ["join", text])
    assert said.exit_code
    assert "unexpected extra argument" in said.output


def test_join_refuses_nonsense_from_standard_input() -> None:
    said = CliRunner().invoke(app, ["join"], input="nonsense\n")
    assert isinstance(said.exception, InstallFailure)
    assert said.exception.code == ExitCode.REFUSED
    assert "no join token" in str(said.exception)


def test_a_token_of_another_release_says_so() -> None:
    body = msgspec.msgpack.encode({"name": "node2"})
    with pytest.raises(InstallFailure, match="another release"):
        joining.decode(joining.encoded(body))
