"""
What runbooks say to look at, typed on a node.

    python -m tests.cluster.runbooks [--node NODE]

Exit status 1 if a command of a block marked `run` failed.
"""

import argparse
import re
import sys
import textwrap

from tests.cluster import say
from tests.cluster.laboratory import PROJECT, Laboratory, Node

PAGES = ("runbooks.md", "alerts.md")
_LOOKING = re.compile(r"^( *)```sh run\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
# The faults of the laboratory, by what their runbooks are called.
ANCHORS = {
    "planned switchover": "planned-switchover",
    "kill -9 of postgres": "postgres-killed",
    "node power loss": "node-power-loss",
    "leader isolated, healed": "leader-isolated",
    "asymmetric partition": "asymmetric-partition",
    "patroni frozen, no watchdog": "patroni-frozen",
    "etcd member lost": "etcd-member-lost",
    "valkey lost on all nodes": "valkey-lost",
    "disk full under the leader": "disk-full-under-the-leader",
    "node destroyed, with its spool": "node-destroyed",
    "node replaced": "node-replaced",
    "node drained, resumed": "node-worked-on",
}


def looking(page: str) -> list[str]:
    """Each command of the blocks marked `run`, one a line."""
    found = []
    for _, block in _LOOKING.findall(page):
        found += [line for line in textwrap.dedent(block).splitlines() if line.strip()]
    return found


def commands() -> list[str]:
    """Of all pages, each once."""
    folder = PROJECT / "docs/operations"
    pages = [folder / name for name in PAGES if (folder / name).exists()]
    return list(dict.fromkeys(line for page in pages for line in looking(page.read_text())))


def typed(node: Node) -> list[str]:
    """The commands that failed, with what they said."""
    found = []
    for line in commands():
        # A status that is not 0 in front of a pipe counts too.
        done = node.ssh(f"set -o pipefail; {line}", check=False, seconds=120)
        if done.returncode:
            found.append(f"{line!r} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    say(f"runbooks: {len(commands())} commands typed on {node.name}, {len(found)} failed")
    return found


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--node", default="node2")
    chosen = options.parse_args()
    found = typed(Laboratory().nodes[chosen.node])
    for problem in found:
        say(problem)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
