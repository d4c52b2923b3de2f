"""
The whole laboratory: bundle, three nodes, install killed, whole, again and dry, faults, negative control, TLS and ports,
runbooks, auditors' programs; then one node that grows to three.

    python -m tests.cluster.all [--times N] [--only PART ...] [--keep]
"""

import argparse
import os
import random
import subprocess
import sys
from collections.abc import Callable

from packer import bundle
from tests.cluster import growing, hardening, installing, runbooks, say, scanning
from tests.cluster.laboratory import BASE, CACHE, PROJECT, Laboratory, make_base

PARTS = ("install", "killed", "again", "faults", "scan", "runbooks", "hardening", "grow")


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
    wrong = []
    if "again" in parts:
        if again := installing.install(lab, "--again"):
            wrong.append(f"second run changed={again}")
        if dry := installing.planned(lab):
            wrong.append(f"check run changed={dry}")
    if "runbooks" in parts:
        wrong += _tried("runbooks", lambda: runbooks.typed(lab.nodes["node2"]))
    if "scan" in parts and scanning.main():
        wrong.append("a listener is not as it has to be")
    if "faults" in parts and _faults(times):
        wrong.append("faults: something acknowledged was lost or doubled, or a fault could not be judged")
    if "hardening" in parts and hardening.main([]):
        wrong.append("an auditor's program found what docs/security/hardening.md does not explain")
    return wrong


def _faults(times: int) -> int:
    command = [sys.executable, "-m", "tests.cluster.faults", "--times", str(times), "--control"]
    return subprocess.run(command, cwd=PROJECT, check=False).returncode


def _tried(name: str, act: Callable[[], list[str]]) -> list[str]:
    """What it found; that it failed counts as found, so that the parts after it are run all the same."""
    try:
        return act()
    except (RuntimeError, subprocess.SubprocessError) as error:
        return [f"{name}: {error}"]


if __name__ == "__main__":
    sys.exit(main())
