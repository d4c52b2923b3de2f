"""Each check tells good from bad, on real files, sockets and a real disk."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from installer.checks import (
    Context,
    addresses,
    bundle,
    certificate,
    clock,
    control_groups,
    disk_space,
    disk_sync,
    memory,
    names,
    permissions,
    ports,
    run,
    system,
    watchdog,
)
from installer.checks.finding import Finding
from installer.checks.registry import CHECKS
from installer.paths import Paths

PAGE = (Path(__file__).parents[3] / "docs/operations/installing.md").read_text()
TRIXIE = 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nVERSION_ID="13"\nID=debian\n'


def is_bad(finding: Finding) -> None:
    assert finding.state == "finding"
    assert finding.cause
    assert finding.impact
    assert finding.command
    page, _, anchor = finding.doc.partition("#")
    assert page == "docs/operations/installing.md"
    assert f"### {anchor}\n" in PAGE


def is_good(finding: Finding) -> None:
    assert finding.state == "ok"
    assert finding.cause


def test_every_check_has_its_section() -> None:
    assert [name for name in CHECKS if f"### {name}\n" not in PAGE] == []


def test_system() -> None:
    is_good(system.judge(TRIXIE, "x86_64"))
    is_bad(system.judge(TRIXIE, "aarch64"))
    is_bad(system.judge(TRIXIE.replace("13", "12"), "x86_64"))


def test_control_groups(tmp_path: Path) -> None:
    is_bad(control_groups.judge(tmp_path))
    (tmp_path / "cgroup.controllers").touch()
    is_good(control_groups.judge(tmp_path))


def test_memory() -> None:
    is_bad(memory.judge(2048))
    is_good(memory.judge(4096))


def test_disk_space() -> None:
    is_good(disk_space.judge(40, 0.2, "install"))
    is_bad(disk_space.judge(4, 0.2, "install"))
    is_bad(disk_space.judge(40, 0.95, "nightly"))


def test_disk_sync_is_measured(tmp_path: Path) -> None:
    measured = disk_sync.measure(tmp_path)
    assert measured > 0
    assert list(tmp_path.iterdir()) == []
    is_good(disk_sync.judge(3))
    is_bad(disk_sync.judge(80))


def test_clock() -> None:
    is_good(clock.judge({"node2": 0.3, "node3": -0.1}, []))
    is_bad(clock.judge({"node2": 0.3, "node3": -7.0}, []))
    is_bad(clock.judge({"node2": 0.3}, ["192.0.2.13"]))


def test_addresses() -> None:
    is_good(addresses.judge("", ""))
    is_bad(addresses.judge("02:00:00:00:00:01", ""))
    is_bad(addresses.judge("", "192.0.2.10"))


@pytest.mark.parametrize("where", ["127.0.0.1", "::"])
def test_a_port_in_use_is_seen_on_any_address(where: str) -> None:
    family = socket.AF_INET6 if ":" in where else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as other:
        other.bind((where, 0))
        other.listen()
        port = other.getsockname()[1]
        is_bad(ports.judge(ports.taken((port,))))
    is_good(ports.judge(ports.taken((port,))))


def test_watchdog() -> None:
    assert watchdog.judge("off", "a container", Path("/nowhere")).state == "not_configured"
    is_bad(watchdog.judge("required", "", Path("/nowhere")))
    is_good(watchdog.judge("required", "", Path(os.devnull)))


def test_a_changed_file_of_the_bundle_is_named(tmp_path: Path) -> None:
    is_bad(bundle.judge(tmp_path))
    (tmp_path / "a.deb").write_text("as it was")
    lines = subprocess.run(
        ["sha256sum", "a.deb"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    (tmp_path / "manifest.sha256").write_text(lines)
    is_good(bundle.judge(tmp_path))
    (tmp_path / "a.deb").write_text("changed")
    found = bundle.judge(tmp_path)
    is_bad(found)
    assert "a.deb" in found.cause


def test_certificate(tmp_path: Path) -> None:
    path = tmp_path / "node.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "90",
         "-subj", "/CN=node1", "-keyout", tmp_path / "key", "-out", path],
        check=True, capture_output=True,
    )  # fmt: skip
    assert certificate.days_left(path) in (89, 90)
    is_good(certificate.judge({"node": 89, "authority": 1800}))
    is_bad(certificate.judge({"node": 5, "authority": 1800}))
    is_bad(certificate.judge({"node": 89, "authority": 100}))


def test_permissions(tmp_path: Path) -> None:
    assert permissions.judge(tmp_path / "xdr").state == "not_configured"
    (tmp_path / "credentials").mkdir(mode=0o700)
    secret = tmp_path / "credentials/field-key"
    secret.touch(mode=0o600)
    (tmp_path / "credentials/id_ed25519.pub").touch(mode=0o644)
    is_good(permissions.judge(tmp_path))
    secret.chmod(0o640)
    found = permissions.judge(tmp_path)
    is_bad(found)
    assert "field-key" in found.cause


def test_one_that_cannot_be_made_is_a_finding_and_no_crash(tmp_path: Path) -> None:
    found = {finding.id: finding for finding in run(Context(paths=Paths(tmp_path)))}
    assert found.keys() == CHECKS.keys()
    is_bad(found["system"])
    assert "could not be looked at" in found["system"].cause


def test_names() -> None:
    others = ["node2", "node3"]
    is_good(names.judge("node1", "node1", others))
    is_good(names.judge("debian", "node1", others))
    is_bad(names.judge("node2", "node1", others))
    is_bad(names.judge("Node3.example.org", "node1", others))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a file away")
def test_a_secret_of_another_owner_is_open_however_narrow_its_mode(tmp_path: Path) -> None:
    (tmp_path / "credentials").mkdir(mode=0o700)
    secret = tmp_path / "credentials/field-key"
    secret.touch(mode=0o600)
    is_good(permissions.judge(tmp_path))
    os.chown(secret, 65534, 65534)
    is_bad(permissions.judge(tmp_path))


def test_a_program_that_fails_is_a_finding_and_no_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(context: Context) -> Finding:
        subprocess.run(["false"], check=True)
        raise AssertionError(context)

    monkeypatch.setitem(CHECKS, "addresses", fails)
    found = {finding.id: finding for finding in run(Context(paths=Paths(tmp_path)))}
    is_bad(found["addresses"])
