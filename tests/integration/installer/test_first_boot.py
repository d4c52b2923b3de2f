"""The real `xdr-install first-boot`, typed into on a terminal, on machines of their own."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from installer import answers
from installer.answers import Node
from installer.failures import ExitCode
from tests.integration.installer.conftest import Machine, Terminal

Machines = Callable[[str], Machine]
TOKEN = r"(xdrj1\.[\w=-]+)\n"
SITE = """\
version: 1
cluster: main
network: 192.0.2.0/24
nodes: [{name: node1, address: 192.0.2.11}]
watchdog: {mode: off, reason: a test}
"""


@pytest.fixture
def opened() -> Iterator[Callable[[Machine], Terminal]]:
    terminals: list[Terminal] = []

    def open_one(machine: Machine) -> Terminal:
        terminals.append(machine.type_into("first-boot"))
        return terminals[-1]

    yield open_one
    for terminal in terminals:
        terminal.close()


Opened = Callable[[Machine], Terminal]


def test_a_single_node_by_a_few_answers(machines: Machines, opened: Opened) -> None:
    machine = machines("192.0.2.11")
    screen = opened(machine)

    screen.answer(r"Choice \[1\]: ", "9")
    screen.expect("Type 1, 2 or 3")
    screen.answer(r"Choice \[1\]: ", "1")
    screen.answer(r"cluster \[main\]: ", "Not Allowed")
    screen.answer(r"this node \[node1\]: ", "soc1")
    screen.answer(r"address \[192\.0\.2\.11\]: ")
    screen.answer(r"Network of the nodes \[192\.0\.2\.0/24\]: ")
    screen.answer(r"Time servers.*: ", "192.0.2.1 192.0.2.2")
    screen.answer(r"ssh public key.*: ")
    screen.expect("your answers, line 2: cluster: Expected `str` matching regex")
    screen.answer(r"cluster \[Not Allowed\]: ", "main")
    screen.answer(r"this node \[soc1\]: ")
    screen.answer(r"address \[192\.0\.2\.11\]: ")
    screen.answer(r"Network of the nodes \[192\.0\.2\.0/24\]: ")
    screen.answer(r"Time servers.*\[192\.0\.2\.1 192\.0\.2\.2\]: ", "-")
    screen.answer(r"ssh public key.*: ")
    screen.answer(r"Install it \(y/n\) \[y\]: ")
    screen.expect("BAD bundle")
    screen.answer("What next.*: ", "d")
    screen.expect("1/2 first: The first thing is made")
    screen.expect("done, 2 changes\nconsole: https://192.0.2.11")
    status = screen.finish()

    assert status == 0, screen.said
    site = answers.parse(machine["etc/xdr/site.yml"])
    assert (site.cluster, site.nodes, site.vip, site.time.servers) == (
        "main", [Node(name="soc1", address="192.0.2.11")], "", [],
    )  # fmt: skip
    assert (machine.result / "made-second").is_dir()
    assert (machine.result / "var/lib/xdr-install/done").exists()


def test_what_failed_is_tried_again_answered_anew_or_left(machines: Machines, opened: Opened) -> None:
    machine = machines("192.0.2.11")
    machine.put("etc/xdr/site.yml", SITE)
    screen = opened(machine)

    screen.expect("BAD bundle")
    screen.answer("What next.*: ", "")
    screen.expect("site.yml is there")
    screen.expect("BAD bundle")
    screen.answer("What next.*: ", "a")
    screen.answer(r"Choice \[1\]: ", "3")
    screen.answer("Token: ", "xdrj1.nonsense")
    screen.expect("is not whole")
    screen.answer("What next.*: ", "l")
    status = screen.finish()

    assert status == ExitCode.REFUSED
    assert machine["etc/xdr/site.yml.before"] == SITE
    assert not (machine.result / "var/lib/xdr-install/done").exists()
    assert list(machine.result.glob("made-*")) == []


def test_three_nodes_by_tokens_shown_on_the_first(machines: Machines, opened: Opened) -> None:
    first, second, third = (machines(f"192.0.2.1{number}") for number in (1, 2, 3))
    screen = opened(first)

    screen.answer(r"Choice \[1\]: ", "2")
    screen.answer(r"cluster \[main\]: ")
    screen.answer(r"this node \[node1\]: ")
    screen.answer(r"address \[192\.0\.2\.11\]: ")
    screen.answer(r"Network of the nodes \[192\.0\.2\.0/24\]: ")
    for number in (2, 3):
        screen.answer(rf"Name of node {number} \[node{number}\]: ")
        screen.answer(rf"Address of node {number}: ", f"192.0.2.1{number}")
    screen.answer("Virtual address.*: ", "192.0.2.12")
    screen.answer("watchdog.*: ", "n")
    screen.answer("Why not: ", "virtual machines")
    screen.answer("Time servers.*: ")
    screen.answer("ssh public key.*: ")
    screen.expect("192.0.2.12 is a node's own address")
    for _ in range(8):
        screen.answer(r"\]: ")
    screen.answer(r"Virtual address.*\[192\.0\.2\.12\]: ", "192.0.2.10")
    for _ in range(2):
        screen.answer(r"\]: ")
    screen.answer("Time servers.*: ")
    screen.answer("ssh public key.*: ")
    screen.answer(r"Install it \(y/n\) \[y\]: ")
    tokens = [screen.expect(rf"node{number}, 192\.0\.2\.1{number}:\n{TOKEN}")[1] for number in (2, 3)]
    screen.answer("wait for their cluster: ")
    screen.expect("BAD clock +192.0.2.12, 192.0.2.13 could not be asked over ssh")
    screen.answer("What next.*: ", "l")
    assert screen.finish() == ExitCode.FINDINGS
    wrong, right = opened(second), opened(third)
    wrong.answer(r"Choice \[1\]: ", "3")
    wrong.answer("Token: ", tokens[1])
    wrong.expect(r"the token is for 192\.0\.2\.13, which this machine does not have")
    wrong.answer("What next.*: ", "l")
    right.answer(r"Choice \[1\]: ", "3")
    right.answer("Token: ", tokens[1])
    right.expect("this machine waits for its cluster")

    assert wrong.finish() == ExitCode.REFUSED
    assert right.finish() == 0, right.said
    public = third["etc/ssh/ssh_host_ed25519_key.pub"].strip()
    assert f"192.0.2.13 {public}" in first["etc/xdr/install/known_hosts"].splitlines()
    assert first["etc/xdr/install/id_ed25519.pub"].strip() in third["root/.ssh/authorized_keys"]
    assert third["asked-of-systemd"] == "restart ssh.service\n"
    assert (third.result / "var/lib/xdr-install/done").exists()
    assert not (second.result / "etc/ssh/ssh_host_ed25519_key").exists()


def test_a_site_file_on_a_stick(machines: Machines, opened: Opened, tmp_path: Path) -> None:
    machine = machines("192.0.2.11")
    stick = tmp_path / "stick"
    stick.mkdir()
    (stick / "site.yml").write_text(SITE)
    with _plugged_in(stick):
        screen = opened(machine)
        screen.expect("site.yml found on the volume XDR-SITE")
        screen.answer("What next.*: ", "d")
        status = screen.finish()

    assert status == 0, screen.said
    assert machine["etc/xdr/site.yml"] == SITE


def test_a_link_on_a_stick_is_not_followed(machines: Machines, opened: Opened, tmp_path: Path) -> None:
    machine = machines("192.0.2.11")
    stick = tmp_path / "stick"
    stick.mkdir()
    (stick / "site.yml").symlink_to("/etc/shadow")
    with _plugged_in(stick):
        screen = opened(machine)
        screen.expect("write it as a plain file")
        screen.answer("What next.*: ", "l")
        status = screen.finish()

    assert status == ExitCode.REFUSED
    assert "root:" not in screen.said


class _plugged_in:  # noqa: N801 — reads as what it does
    """A volume labelled XDR-SITE with a folder's files, seen by this kernel."""

    def __init__(self, folder: Path) -> None:
        self._image = folder.with_suffix(".img")
        with self._image.open("wb") as file:
            file.truncate(4 * 2**20)
        _run("mkfs.ext4", "-q", "-L", "XDR-SITE", "-d", str(folder), str(self._image))

    def __enter__(self) -> None:
        done = subprocess.run(
            ["losetup", "--find", "--show", str(self._image)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"no loop device to be had: {done.stderr.strip()}")
        self._device = done.stdout.strip()

    def __exit__(self, *_: object) -> None:
        _run("losetup", "--detach", self._device)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
