"""Nobody else has the node's address, and nobody has the virtual one before the cluster does."""

import subprocess

import msgspec

from installer.checks.finding import Context, Finding, ok, unset, wrong
from installer.checks.neighbours import holder

_NAME = "addresses"


def judge(own_elsewhere: str, vip_answers: str) -> Finding:
    """
    Args:
        own_elsewhere: The hardware address of another machine that has this node's address, or "".
        vip_answers: The virtual address if somebody has it already, or "".
    """
    if own_elsewhere:
        return wrong(
            _NAME,
            f"the machine {own_elsewhere} has this node's address too",
            impact="connections reach one machine or the other by chance",
            command="ip neigh; take the address from that machine, or give this node another",
        )
    if vip_answers:
        return wrong(
            _NAME,
            f"{vip_answers} (`vip`) is in use already",
            impact="the console's address would belong to two machines",
            command="ip neigh; choose a free address as `vip` in site.yml",
        )
    return ok(_NAME, "nobody else has this node's address, and the virtual one is free or the cluster's")


def check(context: Context) -> Finding:
    if context.site is None or context.node is None:
        return unset(_NAME, "no site file yet")
    address, vip = context.node.address, context.site.vip
    interface = _interface(address)
    if not interface:
        return wrong(
            _NAME,
            f"no interface of this machine has {address}",
            impact="the other nodes cannot reach it, and it cannot reach them from its own address",
            command="ip -4 address; configure the address, or correct `nodes` in site.yml",
        )
    if context.occasion == "nightly":
        return unset(
            _NAME, "asked before installing, joining and upgrading: the nightly unit has no raw sockets"
        )
    # Once services of ours were started, the virtual address is where the cluster put it.
    looked_for = vip and not context.is_begun
    return judge(holder(address, interface), vip if looked_for and holder(vip, interface) else "")


def _interface(address: str) -> str:
    """The one that has the address, or ""."""
    said = subprocess.run(
        ["ip", "-json", "-4", "address", "show"],  # noqa: S607
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    return next(
        (
            link["ifname"]
            for link in msgspec.json.decode(said)
            for each in link.get("addr_info", [])
            if each["local"] == address
        ),
        "",
    )
