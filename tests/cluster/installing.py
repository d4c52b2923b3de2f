"""
From three minimal nodes to a cluster: one `ansible-playbook`, run beside the bridge; prints its time.

    python -m tests.cluster.installing [--check]
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.cluster import say
from tests.cluster.laboratory import CACHE, KEY, NODES, PROJECT, VIP, inside

PLAYBOOK = CACHE / "venv/bin/ansible-playbook"
RECAP = re.compile(r"^(\w+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


def interrupted(after_seconds: float) -> str:
    """
    Begin to install, and be killed in the middle.

    Returns:
        The task that was under way.
    """
    log = CACHE / "interrupted.log"
    with log.open("w") as output:
        play = subprocess.Popen(
            inside(str(PLAYBOOK), "-i", str(_inventory()), "site.yml"), cwd=PROJECT / "ansible", stdout=output,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=_environment(), start_new_session=True,
        )  # fmt: skip
        with contextlib.suppress(subprocess.TimeoutExpired):
            play.wait(after_seconds)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(play.pid, signal.SIGKILL)
        play.wait()
    tasks = re.findall(r"^TASK \[(.*)\]", log.read_text(), re.MULTILINE)
    where = tasks[-1] if tasks else "before the first task"
    say(f"install killed after {after_seconds:.0f} s, at: {where}")
    return where


def _environment() -> dict[str, str]:
    return os.environ | {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_PRIVATE_KEY_FILE": str(KEY)}


def install(*options: str) -> int:
    """
    Run the whole of `site.yml`; as `play`.
    """
    return play("site.yml", *options)


def replace(name: str, controller: str) -> int:
    """
    Bring a new machine in a lost node's place; as `play`.

    Args:
        controller: A node that is there.
    """
    return play(
        "playbooks/bring_nodes.yml",
        "--extra-vars",
        json.dumps({"bring_nodes_new": [name], "xdr_controller": controller}),
    )


def play(playbook: str, *options: str) -> int:
    """
    Run a playbook.

    Returns:
        How many changes were made, summed over the nodes.

    Raises:
        RuntimeError: A node failed; the last lines of the play are in it.
    """
    started = time.monotonic()
    log = CACHE / "install.log"
    command = [str(PLAYBOOK), "-i", str(_inventory()), *options, playbook]
    with log.open("w") as output:
        status = subprocess.run(
            inside(*command),
            cwd=PROJECT / "ansible",
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=_environment(),
            check=False,
        ).returncode
    said = log.read_text()
    if status:
        raise RuntimeError(f"ansible-playbook: status {status}\n" + said[-6000:])
    nodes = RECAP.findall(said)
    changed = sum(int(node[2]) for node in nodes)
    say(
        f"{playbook}{' ' + ' '.join(options) if options else ''}: {len(nodes)} nodes, changed={changed}, {time.monotonic() - started:.0f} s"
    )
    if changed and "--check" in options:
        print("\n".join(line for line in said.splitlines() if line.startswith(("changed:", "TASK"))))
    return changed


def _site() -> Path:
    path = CACHE / "site.yml"
    nodes = "".join(f"  - {{name: {name}, address: {address}}}\n" for name, address in NODES.items())
    path.write_text(
        f"version: 1\ncluster: lab\nnetwork: 10.77.0.0/24\nvip: {VIP}\nnodes:\n{nodes}"
        "watchdog: {mode: off, reason: the laboratory's kernel has none}\n"
    )
    return path


def _inventory() -> Path:
    path = CACHE / "inventory.json"
    path.write_text(
        json.dumps(
            {
                "xdr": {
                    "hosts": {name: {"ansible_host": address} for name, address in NODES.items()},
                    "vars": {
                        "ansible_user": "root",
                        "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
                        "xdr_cluster_name": "lab",
                        "xdr_network": "10.77.0.0/24",
                        "xdr_vip": VIP,
                        "xdr_controller": "node1",
                        "xdr_bundle": str(CACHE / "bundle"),
                        "xdr_time_servers": [],
                        "xdr_admin_keys": [KEY.with_suffix(".pub").read_text().strip()],
                        "xdr_site_file": str(_site()),
                        "xdr_install_folder": str(CACHE),
                        "xdr_public_url": f"https://{VIP}",
                        # This kernel has no softdog; reports say so.
                        "xdr_watchdog_mode": "off",
                    },
                }
            }
        )
    )
    return path


if __name__ == "__main__":
    install(*sys.argv[1:])
