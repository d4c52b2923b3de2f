"""
Every TLS listener of every node, as sslscan finds it from outside; and what else listens.

    python -m tests.cluster.scanning

Exit status 1 if a listener speaks below TLS 1.2, or with a cipher that has no forward secrecy or no authenticated
encryption, or if a port is open to the network that the documentation does not list.
"""

import re
import sys
import xml.etree.ElementTree as ET

from tests.cluster import say
from tests.cluster.laboratory import BRIDGE, PROJECT, Laboratory, Node, inside, run

# What they are for stands in docs/operations/cluster.md. Between nodes: asked from another node.
OUTSIDE = {443: "nginx, console and API", 8088: "nginx, ingest by HTTP", 6514: "syslog over TLS"}
NODES_ONLY = {
    2379: "etcd, clients", 2380: "etcd, peers", 5432: "PostgreSQL", 8008: "Patroni", 8090: "copies of the spool"
}  # fmt: skip
_GOOD = re.compile(r"^(TLS_(AES|CHACHA20)|(ECDHE|DHE)-.*(GCM|CHACHA20|CCM))")
_OLD = {"SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1"}


def scan(node: Node, port: int, place: list[str]) -> list[str]:
    """What is wrong with one listener; empty if nothing is."""
    option = ["--starttls-psql"] if port == 5432 else []
    said = run(
        *place, "sslscan", "--no-colour", "--xml=-", *option, f"{node.address}:{port}", check=False
    ).stdout
    tree = ET.fromstring(said[said.index("<?xml") :])
    ciphers = [(each.get("sslversion", ""), each.get("cipher", "")) for each in tree.iter("cipher")]
    if not ciphers:
        return [f"{node.name}:{port} accepted no cipher at all: nothing was looked at"]
    found = [f"{node.name}:{port} speaks {version}" for version in sorted({v for v, _ in ciphers} & _OLD)]
    found += [f"{node.name}:{port} accepts {name}" for _, name in ciphers if not _GOOD.match(name)]
    found += [
        f"{node.name}:{port} is vulnerable to Heartbleed ({each.get('sslversion')})"
        for each in tree.iter("heartbleed")
        if each.get("vulnerable") != "0"
    ]
    compressing = [each for each in tree.iter("compression") if each.get("supported") == "1"]
    found += [f"{node.name}:{port} compresses" for _ in compressing]
    print(
        f"| {node.name} | {port} | {' '.join(sorted({v for v, _ in ciphers}))} | {len(ciphers)} | {'; '.join(found) or 'clean'} |"
    )
    return found


def undocumented(node: Node) -> list[str]:
    """Ports that a machine outside reaches although the documentation does not list them."""
    listed = {
        int(port)
        for port in re.findall(r"\b(\d{2,5})\b", (PROJECT / "docs/operations/cluster.md").read_text())
    }
    said = node.ssh("ss -Hlntu").stdout
    listening = {
        int(line.split()[4].rpartition(":")[2])
        for line in said.splitlines()
        if "127.0.0" not in line.split()[4]
    }
    reached = [port for port in sorted(listening) if _is_reached(node.address, port)]
    print(f"| {node.name} | reached from outside | {' '.join(map(str, reached))} | | |")
    return [f"{node.name}:{port} is open and not documented" for port in reached if port not in listed]


def _is_reached(address: str, port: int) -> bool:
    trying = inside("timeout", "1", "bash", "-c", f"</dev/tcp/{address}/{port}")
    return not run(*trying, check=False).returncode


def scan_all() -> list[str]:
    """What is wrong with any listener of any node."""
    nodes = list(Laboratory().nodes.values())
    found = []
    print("| node | port | versions | ciphers | |\n|---|---|---|---|---|")
    for node, other in zip(nodes, nodes[1:] + nodes[:1], strict=True):
        for port in OUTSIDE:
            found += scan(node, port, ["ip", "netns", "exec", BRIDGE])
        for port in NODES_ONLY:
            found += scan(node, port, ["ip", "netns", "exec", other.netns])
        found += undocumented(node)
    return found


def main() -> int:
    found = scan_all()
    for problem in found:
        say(problem)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
