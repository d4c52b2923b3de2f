"""
The whole laboratory: bundle, three nodes, install killed, whole, again and dry, faults, negative control, clean up.

    python -m tests.cluster.all [--times N] [--keep]
"""

import argparse
import os
import random
import subprocess
import sys

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
    make_base()
    bundle.build(CACHE / "bundle", BASE)
    if chosen.only_bundle:
        return 0
    lab = Laboratory()
    try:
        lab.make()
        installing.prepare(lab)
        installing.interrupted(lab, random.uniform(20, 200))
        installing.install(lab)
        again, dry = installing.install(lab, "--again"), installing.planned(lab)
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


if __name__ == "__main__":
    sys.exit(main())
