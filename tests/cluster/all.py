"""
The whole laboratory: bundle, three nodes, install killed, whole, again and dry, faults, negative control, TLS and ports,
runbooks, logs, auditors' programs; then one node that grows to three.

    python -m tests.cluster.all [--times N] [--only PART ...] [--keep]
"""

import argparse
import os
import random
import subprocess
import sys
from collections.abc import Callable

from packer import bundle
from tests.cluster import growing, hardening, installing, runbooks, say, scanning, timeline
from tests.cluster.laboratory import BASE, CACHE, PROJECT, Laboratory, make_base

PARTS = ("install", "killed", "again", "faults", "scan", "runbooks", "logs", "hardening", "grow")


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--times", type=int, default=1, help="how often each fault")
    options.add_argument("--only", nargs="*", choices=PARTS, default=PARTS)
    options.add_argument("--keep", action="store_true", help="leave the nodes running")
    options.add_argument("--only-bundle", action="store_true", help="build what nodes install from, and end")
    chosen = options.parse_args()
    if os.geteuid() != 0:
        print("the laboratory makes namespaces and mounts, so it needs root; nothing was run")
        return 3
    make_base()
    bundle.build(CACHE / "bundle", BASE)
    if chosen.only_bundle:
        return 0
    lab = Laboratory()
    wrong: list[str] = []
    try:
        if set(chosen.only) - {"grow"}:
            wrong += _three(lab, chosen.only, chosen.times)
        if "grow" in chosen.only:
            lab.make()
            wrong += _tried("grow", lambda: installing.single(lab) + growing.grow(lab) + growing.shrink(lab))
    finally:
        if not chosen.keep:
            lab.clean()
    for problem in wrong:
        say(f"WRONG: {problem}")
    say(f"laboratory: {len(chosen.only)} parts, {'sound' if not wrong else f'{len(wrong)} things wrong'}")
    return 1 if wrong else 0


def _three(lab: Laboratory, parts: list[str], times: int) -> list[str]:
    """What is done to three nodes; what was not as it has to be."""
    if "install" in parts:
        lab.make()
        installing.prepare(lab)
        if "killed" in parts:
            installing.interrupted(lab, random.uniform(20, 200))
        installing.install(lab)
    acts: dict[str, Callable[[], list[str]]] = {
        "again": lambda: _again(lab),
        "runbooks": lambda: runbooks.typed(lab.nodes["node2"]),
        "logs": lambda: timeline.read(lab),
        "scan": scanning.scan_all,
        "faults": lambda: _faults(times),
        "hardening": lambda: hardening.audit(lab.nodes["node2"]),
    }
    return [problem for name, act in acts.items() if name in parts for problem in _tried(name, act)]


def _again(lab: Laboratory) -> list[str]:
    again, dry = installing.install(lab, "--again"), installing.planned(lab)
    return [f"second run changed={again}"] * bool(again) + [f"check run changed={dry}"] * bool(dry)


def _faults(times: int) -> list[str]:
    command = [sys.executable, "-m", "tests.cluster.faults", "--times", str(times), "--control"]
    failed = subprocess.run(command, cwd=PROJECT, check=False).returncode
    return ["faults: something acknowledged was lost or doubled, or a fault could not be judged"] * bool(
        failed
    )


def _tried(name: str, act: Callable[[], list[str]]) -> list[str]:
    """What it found; that it failed counts as found, so that the parts after it are run all the same."""
    try:
        return act()
    except (RuntimeError, subprocess.SubprocessError) as error:
        return [f"{name}: {error}"]


if __name__ == "__main__":
    sys.exit(main())
