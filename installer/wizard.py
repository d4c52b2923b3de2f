"""Asks on a terminal what `site.yml` would have said; what comes out is a `site.yml` and nothing else."""

import ipaddress
import subprocess
from collections.abc import Callable

import msgspec

from installer import answers
from installer.answers import Node, Site, Time, Watchdog
from installer.failures import InstallFailure

Ask = Callable[[str, str], str]
Say = Callable[[str], None]
SINGLE, FIRST, JOIN = "1", "2", "3"
_MENU = """
What is this machine to be?
  1  the only node of a site
  2  the first of three nodes
  3  a node that joins a cluster (with a token from `xdr node token`)
"""


def choose(ask: Ask, say: Say) -> str:
    """One of SINGLE, FIRST and JOIN."""
    say(_MENU)
    while (chosen := ask("Choice", SINGLE)) not in (SINGLE, FIRST, JOIN):
        say("Type 1, 2 or 3.")
    return chosen


def site(kind: str, ask: Ask, say: Say) -> Site:
    """Ask until the answers make a site; each refusal says why and asks again."""
    while True:
        try:
            return answers.parse(answers.write(_asked(kind, ask)), source="your answers")
        except InstallFailure as failure:
            say(f"\n{failure}\nOnce more, please.\n")


def _asked(kind: str, ask: Ask) -> Site:
    address, network = own_network()
    cluster = ask("Name of the cluster", "main")
    nodes = [Node(name=ask("Name of this node", "node1"), address=ask("Its address", address))]
    network = ask("Network of the nodes", network)
    vip, watchdog = "", Watchdog(mode="off", reason="a single node has nobody to take over")
    if kind == FIRST:
        for number in (2, 3):
            name = ask(f"Name of node {number}", f"node{number}")
            nodes.append(Node(name=name, address=ask(f"Address of {name}", "")))
        vip = ask("Virtual address, free in that network", "")
        watchdog = _watchdog(ask)
    servers = ask("Time servers of the site, separated by blanks (empty: none)", "").split()
    return Site(
        version=1,
        cluster=cluster,
        network=network,
        nodes=nodes,
        vip=vip,
        watchdog=watchdog,
        time=Time(servers),
    )


def _watchdog(ask: Ask) -> Watchdog:
    if ask("Do all three have a watchdog device (y/n)", "y").lower().startswith("y"):
        return Watchdog()
    return Watchdog(mode="off", reason=ask("Why not", ""))


def own_network() -> tuple[str, str]:
    """This machine's first address beyond itself, and its network; "" where there is none."""
    said = subprocess.run(
        ["ip", "-json", "-4", "address", "show", "scope", "global"],  # noqa: S607
        capture_output=True, check=False,
    ).stdout  # fmt: skip
    for link in msgspec.json.decode(said or b"[]"):
        for each in link.get("addr_info", []):
            network = ipaddress.IPv4Interface(f"{each['local']}/{each['prefixlen']}").network
            return each["local"], str(network)
    return "", ""
