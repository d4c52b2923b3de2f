"""
The whole laboratory: bundle, three nodes, install killed, whole, again and dry, faults, negative control, clean up.

    python -m tests.cluster.all [--times N] [--keep]
"""

import argparse
import os
import random
import subprocess
import sys
import venv

from packer import bundle
from tests.cluster import installing, say
from tests.cluster.laboratory import BASE, CACHE, PROJECT, Laboratory, make_base


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--times", type=int, default=1)
    options.add_argument("--keep", action="store_true", help="leave the nodes running")
    options.add_argument("--only-bundle", action="store_true", help="build what nodes install from, and end")
    chosen = options.parse_args()
    if os.geteuid() != 0:
        print("the laboratory makes namespaces and mounts, so it needs root; nothing was run")
        return 3
    _tools()
    make_base()
    bundle.build(CACHE / "bundle", BASE)
    if chosen.only_bundle:
        return 0
    lab = Laboratory()
    try:
        lab.make()
        installing.interrupted(random.uniform(20, 200))
        installing.install()
        again, dry = installing.install(), installing.install("--check", "--diff")
        faults = subprocess.run(
            [sys.executable, "-m", "tests.cluster.faults", "--times", str(chosen.times), "--control"],
            cwd=PROJECT,
            check=False,
        ).returncode
    finally:
        if not chosen.keep:
            lab.clean()
    say(
        f"second run changed={again}, check run changed={dry}, faults {'sound' if not faults else 'NOT SOUND'}"
    )
    return 1 if again or dry or faults else 0


def _tools() -> None:
    """Ansible in an environment of its own, from its lock."""
    place = CACHE / "venv"
    if not installing.PLAYBOOK.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        venv.create(place, with_pip=True)
        lock = PROJECT / "requirements/lab.txt"
        subprocess.run([place / "bin/pip", "install", "--quiet", "--require-hashes", "-r", lock], check=True)


if __name__ == "__main__":
    sys.exit(main())
