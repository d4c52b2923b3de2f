"""
From three minimal nodes to a cluster as a customer does it: the bundle's medium, tokens, one `xdr-install apply`.

    python -m tests.cluster.installing
"""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.cluster import say
from tests.cluster.laboratory import CACHE, MEDIUM, NODES, VIP, Laboratory, Node

FIRST = "node1"
_CHANGED = re.compile(r"^(\w+)\s+: ok=\d+\s+changed=(\d+)", re.MULTILINE)
_APPLIED = re.compile(r"^done, (\d+) changes$", re.MULTILINE)
_SECONDS = 1800
_SHARE = 94


def prepare(lab: Laboratory) -> None:
    """The installer on every machine, the site's file on the first, and tokens that let the first one in."""
    started = time.monotonic()
    everywhere(lab, begin)
    first = lab.nodes[FIRST]
    first.ssh(f"mkdir -p /etc/xdr && cat > /etc/xdr/site.yml <<'END'\n{site()}END")
    for node in lab.nodes.values():
        if node is not first:
            let_in(first, node)
    say(f"three machines ready: {time.monotonic() - started:.0f} s")


def begin(node: Node) -> None:
    node.ssh(f"sh {MEDIUM}/begin", seconds=_SECONDS)
    # Its disk is the host's, which others fill: how full it is says nothing here.
    node.ssh(
        f"mkdir -p /etc/xdr && printf '[retention]\\ndisk_share_percent = {_SHARE}\\n' > /etc/xdr/site.toml"
    )


def let_in(controller: Node, new: Node) -> None:
    """A token made on a member is typed on the new machine."""
    token = controller.ssh(f"xdr-install token {new.name} {new.address}").stdout.strip()
    new.ssh("xdr-install join", typed=token + "\n")


def interrupted(lab: Laboratory, after_seconds: float) -> str:
    """
    Begin to install, and lose power to the whole run in the middle.

    Returns:
        The last line it said.
    """
    first = lab.nodes[FIRST]
    first.ssh(
        f"timeout -s KILL {after_seconds:.0f} setsid -w xdr-install apply > /root/interrupted 2>&1",
        check=False,
    )
    first.ssh("pkill -9 -f ansible-playbook; pkill -9 -f xdr-install", check=False)
    said = first.ssh("tail -1 /root/interrupted").stdout.strip()
    say(f"install killed after {after_seconds:.0f} s, at: {said}")
    return said


def install(lab: Laboratory, *options: str) -> int:
    """
    Run `xdr-install apply` on the first node.

    Returns:
        How many changes it made, over all nodes.

    Raises:
        RuntimeError: It failed; what it said is in it.
    """
    started = time.monotonic()
    said = lab.nodes[FIRST].ssh(f"xdr-install apply {' '.join(options)}", seconds=_SECONDS).stdout
    (CACHE / "install.log").write_text(said)
    found = _APPLIED.search(said)
    if found is None:
        raise RuntimeError(f"xdr-install did not say what it changed:\n{said[-3000:]}")
    say(f"xdr-install apply {' '.join(options)}: {found[1]} changes, {time.monotonic() - started:.0f} s")
    return int(found[1])


def planned(lab: Laboratory, nodes: int = len(NODES)) -> int:
    """How many changes `xdr-install plan` would make, by Ansible's `--check --diff`; those are printed."""
    started = time.monotonic()
    said = lab.nodes[FIRST].ssh("xdr-install plan", seconds=_SECONDS).stdout
    found = _CHANGED.findall(said)
    if len(found) != nodes:
        raise RuntimeError(f"xdr-install plan spoke of {len(found)} nodes:\n{said[-3000:]}")
    changed = sum(int(count) for _, count in found)
    say(f"xdr-install plan: {changed} changes, {time.monotonic() - started:.0f} s")
    if changed:
        print("\n".join(line for line in said.splitlines() if line.startswith(("changed:", "TASK"))))
    return changed


def replace(lab: Laboratory, name: str, controller: Node) -> None:
    """A blank machine takes a lost node's place, by what an administrator types."""
    started = time.monotonic()
    new = lab.nodes[name]
    begin(new)
    let_in(controller, new)
    controller.ssh(f"xdr node replace {name} --yes", seconds=_SECONDS)
    say(f"{name} replaced by `xdr node replace` on {controller.name}: {time.monotonic() - started:.0f} s")


def single(lab: Laboratory) -> list[str]:
    """
    A blank machine becomes an appliance of its own; the doctor is asked, and everything is looked at once more.

    Returns:
        What was not as it has to be; empty if all is well.
    """
    first = lab.nodes[FIRST]
    begin(first)
    first.ssh(f"mkdir -p /etc/xdr && cat > /etc/xdr/site.yml <<'END'\n{site(FIRST)}END")
    install(lab)
    again, dry = install(lab, "--again"), planned(lab, 1)
    doctor = first.ssh("xdr doctor", check=False)
    say(f"single node: {doctor.stdout.strip().splitlines()[-1:]}")
    found = [f"second run changed={again}"] if again else []
    found += [f"check run changed={dry}"] if dry else []
    return found + ([f"doctor:\n{doctor.stdout}{doctor.stderr}"] if doctor.returncode else [])


def site(*names: str) -> str:
    """The site's file for some nodes, or all; the virtual address comes with more than one."""
    chosen = names or tuple(NODES)
    nodes = "".join(f"  - {{name: {name}, address: {NODES[name]}}}\n" for name in chosen)
    vip = f"vip: {VIP}\n" if len(chosen) > 1 else ""
    return (
        f"version: 1\ncluster: lab\nnetwork: 10.77.0.0/24\n{vip}nodes:\n{nodes}"
        "watchdog: {mode: off, reason: the kernel of the laboratory has none}\n"
    )


def everywhere(lab: Laboratory, act: Callable[[Node], None]) -> None:
    with ThreadPoolExecutor(len(lab.nodes)) as pool:
        list(pool.map(act, lab.nodes.values()))


if __name__ == "__main__":
    laboratory = Laboratory()
    prepare(laboratory)
    install(laboratory)
