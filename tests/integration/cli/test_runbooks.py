"""What the runbooks have somebody type that needs no cluster and no systemd, typed on a running appliance."""

import os
import subprocess
import sys

import pytest

from tests.cluster.runbooks import commands

# Only a cluster has an answer to these, and only systemd has units; tests/cluster types all of them.
ELSEWHERE = ("xdr cluster", "systemctl", "journalctl", "last-failover", "/var/lib/xdr", "/var/lib/postgresql",
             "/etc/xdr", "ss -", "ip -")  # fmt: skip
HERE = [line for line in commands() if not any(word in line for word in ELSEWHERE)]


@pytest.fixture
def shell(xdr, tmp_path):
    """A shell that finds `xdr` as a node does."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "xdr"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m appliance.cli.running "$@"\n')
    program.chmod(0o755)
    # How full this machine's own disk is, is no matter of the runbooks.
    config = tmp_path / "xdr.toml"
    written = xdr.stack.config.read_text()
    assert "[retention]" not in written
    config.write_text(f"{written}\n[retention]\ndisk_share_percent = 94\n")
    return xdr.environment | {"PATH": f"{folder}:{os.environ['PATH']}", "XDR_CONFIG": str(config)}


@pytest.mark.parametrize("line", HERE)
def test_what_a_runbook_says_to_look_at_can_be_looked_at(shell, line):
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"], env=shell, capture_output=True, text=True, timeout=120, check=False
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_the_doctor_the_logs_and_the_status_are_among_them():
    assert {line.split()[1] for line in HERE if line.startswith("xdr ")} >= {"doctor", "logs", "status"}
