"""
`xdr logs` on real nodes: one timeline, web process stopped, hostile bytes, a node that is not reached.

    python -m tests.cluster.timeline [--node NODE]

Exit status 1 if something of it did not hold.
"""

import argparse
import json
import secrets
import sys
import time

from tests.cluster import say
from tests.cluster.laboratory import Laboratory, Node

_HOSTILE = r"\033]0;title\007"


def read(lab: Laboratory, asked: str = "node2") -> list[str]:
    """What did not hold; empty if all did. The asked node stays reachable, another one is cut off for a moment."""
    mark = f"mark-{secrets.token_hex(4)}"
    nodes = list(lab.nodes.values())
    for node in nodes:
        node.ssh(f"printf '{mark} {node.name} {_HOSTILE}\\n' | systemd-cat -t xdr-lab -p warning")
        time.sleep(1.1)  # so that the order between nodes is known
    time.sleep(1)
    asking = lab.nodes[asked]
    found = _with_web_stopped(asking, mark, [node.name for node in nodes])
    other = next(node for node in nodes if node.name != asked)
    found += _with_one_cut_off(asking, other, mark)
    say(f"logs: read on {asked}, {len(found)} of what should hold did not")
    return found


def _with_web_stopped(node: Node, mark: str, wanted: list[str]) -> list[str]:
    node.ssh("systemctl stop xdr-web xdr-administration")
    try:
        told = node.ssh("xdr logs --since 5m --level warning -o jsonl", check=False, seconds=120)
        shown = node.ssh("xdr logs --since 5m --level warning", check=False, seconds=120)
        last = node.ssh("xdr logs --around last-failover -o jsonl", check=False, seconds=120)
    finally:
        node.ssh("systemctl start xdr-web xdr-administration")
    rows = [json.loads(line) for line in told.stdout.splitlines()]
    found = []
    if told.returncode or last.returncode not in (0, 3):
        found.append(
            f"status {told.returncode}, {last.returncode}: {told.stderr[-300:]} {last.stderr[-300:]}"
        )
    # Others may write in between, so only the marks' own order is looked at.
    marked = [row["node"] for row in rows if row["message"].startswith(mark)]
    if marked != wanted:
        found.append(f"marks were written on {wanted} and told of {marked}")
    if mark not in shown.stdout or not shown.stdout.replace("\n", "").isprintable():
        found.append("the terminal did not get the marks, or got more than printable characters")
    return found


def _with_one_cut_off(node: Node, other: Node, mark: str) -> list[str]:
    other.link("down")
    try:
        done = node.ssh("xdr logs --since 5m --level warning -o jsonl", check=False, seconds=120)
    finally:
        other.link("up")
    found = []
    if done.returncode != 7 or f"{other.name}: " not in done.stderr:
        found.append(f"{other.name} was cut off, and it ended with {done.returncode}: {done.stderr[-300:]}")
    if mark not in done.stdout:
        found.append(f"without {other.name} the others were not told either")
    return found


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--node", default="node2")
    found = read(Laboratory(), options.parse_args().node)
    for problem in found:
        say(problem)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
