"""Asks on a terminal what `site.yml` would have said; what comes out is a `site.yml` and nothing else."""

import ipaddress
import subprocess
from collections.abc import Callable

import msgspec

from installer import answers
from installer.answers import Node, Site, Time, Watchdog
from installer.failures import InstallFailure

# Question and default; what was typed, or the default.
Ask = Callable[[str, str], str]
Say = Callable[[str], None]
SINGLE, FIRST, JOIN = "1", "2", "3"
# Enter keeps an earlier answer, so that nothing has to be typed as something.
_NOTHING = "-"
_MENU = """
What is this machine to be?
  1  the only node of a site
  2  the first of three nodes
  3  a node that joins a cluster (with a token from `xdr node token`)
"""


class Wizard:
    """Asks; what was answered once is the default of the next time, so that one slip costs one answer."""

    def __init__(self, ask: Ask, say: Say) -> None:
        self._ask_person, self._say = ask, say
        self._answered: dict[str, str] = {}

    def choose(self) -> str:
        """One of SINGLE, FIRST and JOIN."""
        self._say(_MENU)
        while (chosen := self._ask("Choice", SINGLE)) not in (SINGLE, FIRST, JOIN):
            self._answered.pop("Choice")
            self._say("Type 1, 2 or 3.")
        return chosen

    def token(self) -> str:
        return self._ask_person("Token", "")

    def site(self, kind: str) -> Site:
        """Ask until the answers make a site and are confirmed; each refusal says why and asks again."""
        while True:
            try:
                site = answers.parse(answers.write(self._answers(kind)), source="your answers")
            except InstallFailure as failure:
                self._say(f"\n{failure}\nOnce more, please; Enter keeps what you answered, - empties it.\n")
                continue
            self._say(f"\nThis is what will be installed:\n\n{answers.write(site)}")
            if self._ask_person("Install it (y/n)", "y").lower().startswith("y"):
                return site

    def _ask(self, question: str, default: str) -> str:
        answer = self._ask_person(question, self._answered.get(question, default))
        answer = "" if answer == _NOTHING else answer
        self._answered[question] = answer
        return answer

    def _answers(self, kind: str) -> Site:
        address, network = own_network()
        cluster = self._ask("Name of the cluster", "main")
        nodes = [
            Node(name=self._ask("Name of this node", "node1"), address=self._ask("Its address", address))
        ]
        network = self._ask("Network of the nodes", network)
        vip, watchdog = "", Watchdog(mode="off", reason="a single node has nobody to take over")
        if kind == FIRST:
            for number in (2, 3):
                name = self._ask(f"Name of node {number}", f"node{number}")
                nodes.append(Node(name=name, address=self._ask(f"Address of node {number}", "")))
            vip = self._ask("Virtual address, free in that network", "")
            watchdog = self._watchdog()
        return Site(
            version=1,
            cluster=cluster,
            network=network,
            nodes=nodes,
            vip=vip,
            watchdog=watchdog,
            time=Time(self._ask("Time servers, separated by blanks (empty: none)", "").split()),
            admin_keys=self._keys(),
        )

    def _watchdog(self) -> Watchdog:
        if self._ask("Do all three have a watchdog device (y/n)", "y").lower().startswith("y"):
            return Watchdog()
        return Watchdog(mode="off", reason=self._ask("Why not", ""))

    def _keys(self) -> list[str]:
        key = self._ask("ssh public key of an administrator (empty: none, console only)", "")
        return [key] if key else []


def own_network() -> tuple[str, str]:
    """This machine's first address beyond itself, and its network; "" where there is none."""
    said = subprocess.run(
        ["ip", "-json", "-4", "address", "show", "scope", "global"],  # noqa: S607
        capture_output=True, check=False,
    ).stdout  # fmt: skip
    for link in msgspec.json.decode(said or b"[]"):
        # Those of other scopes stand there as empty objects.
        for each in filter(None, link.get("addr_info", [])):
            network = ipaddress.IPv4Interface(f"{each['local']}/{each['prefixlen']}").network
            return each["local"], str(network)
    return "", ""
