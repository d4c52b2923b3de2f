"""Nobody else has the node's address, and nobody has the virtual one before the cluster does."""

import subprocess

from installer.checks.finding import Context, Finding, ok, unset, wrong

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
    vip = context.site.vip
    is_ours = context.is_installed or not vip
    return judge(_duplicate(context.node.address), "" if is_ours or not _answers(vip) else vip)


def _duplicate(address: str) -> str:
    """By ARP probe (RFC 5227), where `arping` is there; the answer's hardware address."""
    try:
        said = subprocess.run(  # noqa: S603 — an address that was parsed
            ["arping", "-D", "-c", "2", "-w", "3", "-I", _interface(address), address],  # noqa: S607
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        return ""
    found = [word for word in said.stdout.split() if word.startswith("[") and word.count(":") == 5]  # noqa: PLR2004
    return found[0].strip("[]") if said.returncode and found else ""


def _interface(address: str) -> str:
    said = subprocess.run(
        ["ip", "-o", "-4", "address"],  # noqa: S607
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return next((line.split()[1] for line in said.splitlines() if f" {address}/" in line), "lo")


def _answers(address: str) -> bool:
    return not subprocess.run(  # noqa: S603 — an address that was parsed
        ["ping", "-n", "-q", "-c", "2", "-W", "1", address],  # noqa: S607
        capture_output=True, check=False,
    ).returncode  # fmt: skip
