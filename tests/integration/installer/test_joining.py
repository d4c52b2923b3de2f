"""A controller and a new machine know each other by a token: with a real sshd on loopback."""

import contextlib
import getpass
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from installer import inventory, joining
from installer.answers import Node, Site
from installer.failures import InstallFailure
from installer.joining import Token
from installer.paths import Paths

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/bin")
HERE = "127.0.0.1"
# Loopback stands in for the site's network; the controller comes from the first of its addresses only.
SITE = Site(version=1, cluster="main", network=f"{HERE}/32", nodes=[Node(name="node1", address="127.0.0.9")])
pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(SSHD is None, reason="sshd is not installed (make test-deps)"),
    pytest.mark.skipif(os.getuid() != 0, reason="sshd for root's keys needs root"),
]


@pytest.fixture
def controller(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path / "controller")
    inventory.write(SITE, SITE.nodes[0], paths)
    return paths


@pytest.fixture
def machine(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "machine")


@contextlib.contextmanager
def serving(machine: Paths) -> Iterator[int]:
    """The machine's ssh, with the host key and the keys of `accept`; its port."""
    made = not Path("/run/sshd").exists()
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with socket.socket() as probe:
        probe.bind((HERE, 0))
        port: int = probe.getsockname()[1]
    options = {
        "Port": port, "ListenAddress": HERE, "HostKey": machine.host_key, "UsePAM": "no", "PidFile": "none",
        "AuthorizedKeysFile": machine.authorized_keys, "StrictModes": "no", "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no", "PermitRootLogin": "prohibit-password",
    }  # fmt: skip
    settings = machine.root / "sshd_config"
    settings.write_text("".join(f"{name} {value}\n" for name, value in options.items()))
    assert SSHD is not None
    with subprocess.Popen([SSHD, "-D", "-e", "-f", str(settings)], stderr=subprocess.DEVNULL) as daemon:
        try:
            _until_it_answers(port)
            yield port
        finally:
            daemon.terminate()
            if made:
                shutil.rmtree("/run/sshd", ignore_errors=True)


def _until_it_answers(port: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection((HERE, port), timeout=1):
            return
        time.sleep(0.1)
    raise AssertionError("sshd did not begin")


def reach(controller: Paths, port: int, source: str = HERE) -> subprocess.CompletedProcess[str]:
    """As the installer connects; the alias because of the port."""
    options = [
        f"UserKnownHostsFile={controller.known_hosts}", "GlobalKnownHostsFile=/dev/null", "BatchMode=yes",
        "StrictHostKeyChecking=yes", f"HostKeyAlias={HERE}", "IdentitiesOnly=yes", f"BindAddress={source}",
    ]  # fmt: skip
    return subprocess.run(
        ["ssh", "-F", "none", "-p", str(port), "-i", str(controller.cluster_key),
         *(word for option in options for word in ("-o", option)), f"{getpass.getuser()}@{HERE}", "echo reached"],
        capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def join(controller: Paths, machine: Paths, hours: float = 1) -> Token:
    token = joining.decode(joining.make(SITE, "node2", HERE, hours=hours, paths=controller))
    joining.accept(token, machine)
    return token


def test_the_right_halves_meet(controller: Paths, machine: Paths) -> None:
    join(controller, machine)
    with serving(machine) as port:
        said = reach(controller, port)
    assert said.stdout == "reached\n", said.stderr


def test_a_machine_with_another_host_key_is_refused(controller: Paths, machine: Paths) -> None:
    token = join(controller, machine)
    joining.accept(msgspec.structs.replace(token, seed=secrets.token_bytes(32)), machine)
    with serving(machine) as port:
        said = reach(controller, port)
    assert said.returncode
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in said.stderr


def test_a_machine_that_no_token_was_made_for_is_refused(controller: Paths, machine: Paths) -> None:
    join(controller, machine)
    controller.known_hosts.write_text("")
    with serving(machine) as port:
        said = reach(controller, port)
    assert "Host key verification failed" in said.stderr


def test_another_controller_is_not_let_in(controller: Paths, machine: Paths, tmp_path: Path) -> None:
    join(controller, machine)
    other = Paths(tmp_path / "other")
    inventory.write(SITE, SITE.nodes[0], other)
    shutil.copy(controller.known_hosts, other.known_hosts)
    with serving(machine) as port:
        said = reach(other, port)
    assert "Permission denied" in said.stderr


def test_the_key_counts_from_the_sites_network_only(controller: Paths, machine: Paths) -> None:
    join(controller, machine)
    with serving(machine) as port:
        said = reach(controller, port, source="127.0.0.2")
    assert "Permission denied" in said.stderr


def test_the_key_counts_no_longer_than_the_token(controller: Paths, machine: Paths) -> None:
    token = join(controller, machine)
    machine.authorized_keys.unlink()
    over = int((datetime.now(UTC) - timedelta(minutes=2)).timestamp())
    joining.accept(msgspec.structs.replace(token, expires=over), machine)
    with serving(machine) as port:
        said = reach(controller, port)
    assert "Permission denied" in said.stderr


def test_a_second_token_for_the_machine_makes_the_first_useless(controller: Paths, machine: Paths) -> None:
    first = join(controller, machine)
    joining.make(SITE, "node2", HERE, hours=1, paths=controller)
    joining.accept(first, machine)
    with serving(machine) as port:
        said = reach(controller, port)
    assert said.returncode
    assert "reached" not in said.stdout


def test_accepting_again_changes_nothing(controller: Paths, machine: Paths) -> None:
    token = join(controller, machine)
    machine.authorized_keys.write_text(
        "ssh-ed25519 AAAA somebody else's\n" + machine.authorized_keys.read_text()
    )
    before = [machine.authorized_keys.read_bytes(), machine.host_key.read_bytes()]
    joining.accept(token, machine)
    assert [machine.authorized_keys.read_bytes(), machine.host_key.read_bytes()] == before
    assert machine.host_key.stat().st_mode & 0o077 == 0


def test_a_token_for_another_machine_changes_nothing(controller: Paths, machine: Paths) -> None:
    token = joining.decode(joining.make(SITE, "node2", HERE, hours=1, paths=controller))
    with pytest.raises(InstallFailure, match=r"192\.0\.2\.77, which this machine does not have"):
        joining.accept(msgspec.structs.replace(token, address="192.0.2.77"), machine)
    assert not machine.root.exists()
