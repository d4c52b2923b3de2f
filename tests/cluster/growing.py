"""
One node by itself, then three, then one less: what `xdr node` does to machines.

    python -m tests.cluster.growing

Makes its own machines. Exit status 1 if something was not as it has to be.
"""

import sys
import time

from tests.cluster import installing, say
from tests.cluster.faults import Cluster
from tests.cluster.laboratory import NODES, VIP, Laboratory

_CONFLICT, _PROBLEMS = 5, 8
_EVENTS = 1000
_INGEST = (
    'seq {begin} {end} | sed \'s/.*/{{"message": "grown &"}}/\' > /root/grown-{begin}.ndjson && '
    "xdr ingest /root/grown-{begin}.ndjson --source grown --format json"
)


def grow(lab: Laboratory) -> list[str]:
    """Two machines join the only node there is; its events are there afterwards, on every one."""
    first = lab.nodes[installing.FIRST]
    first.ssh(_INGEST.format(begin=1, end=_EVENTS))
    started = time.monotonic()
    new = [node for node in lab.nodes.values() if node is not first]
    for node in new:
        installing.begin(node)
        installing.let_in(first, node)
    addresses = " ".join(f"--address {node.name}={node.address}" for node in new)
    names = " ".join(node.name for node in new)
    first.ssh(f"xdr node join {names} {addresses} --vip {VIP} --yes", seconds=1800)
    cluster = Cluster(lab)
    cluster.wait_whole()
    say(f"one node became three: {time.monotonic() - started:.0f} s")
    counts = {
        node.name: cluster.sql("SELECT count(*) FROM events", node, "xdr")[0] for node in lab.nodes.values()
    }
    status = first.ssh("xdr cluster status", check=False)
    found = [] if status.returncode == 0 else [f"cluster status:\n{status.stdout}{status.stderr}"]
    return found + [
        f"{name} has {count} events, and {_EVENTS} were acknowledged"
        for name, count in counts.items()
        if int(count) < _EVENTS
    ]


def shrink(lab: Laboratory) -> list[str]:
    """One node leaves by plan; the next is refused, because one of three would be left."""
    first, second, third = (lab.nodes[name] for name in NODES)
    found = []
    first.ssh(f"xdr node remove {third.name} --yes")
    refused = first.ssh(f"xdr node remove {second.name} --yes", check=False)
    if refused.returncode != _CONFLICT:
        found.append(f"removing a second node ended with {refused.returncode}: {refused.stderr}")
    written = first.ssh(_INGEST.format(begin=_EVENTS + 1, end=2 * _EVENTS), check=False)
    if written.returncode:
        found.append(f"two nodes do not take events: {written.stderr}")
    if first.ssh("xdr cluster status", check=False).returncode != _PROBLEMS:
        found.append("nobody says that a node is missing")
    say(f"a node left: {refused.stderr.strip()}")
    return found


def main() -> int:
    lab = Laboratory()
    try:
        lab.make()
        found = installing.single(lab) + grow(lab) + shrink(lab)
    finally:
        lab.clean()
    for problem in found:
        say(problem)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
