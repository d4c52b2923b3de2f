"""ARP probes between two real network stacks, joined by a cable of their own (root)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from installer.checks import neighbours

ROOT = Path(__file__).parents[3]
OWN, OTHERS = bytes.fromhex("020000000001"), "02:00:00:00:00:02"
# `far` is another machine. It ends with this script, and with it both stacks.
LINK = """
set -eu
unshare -n sleep 100 & far=$!
trap 'kill $far' EXIT
while [ "$(readlink /proc/$far/ns/net)" = "$(readlink /proc/$$/ns/net)" ]; do sleep 0.05; done
ip link add near type veth peer name far netns $far
nsenter -t $far -n ip link set far address 02:00:00:00:00:02 up
for address in $FAR; do nsenter -t $far -n ip address add $address/24 dev far; done
ip link set near address 02:00:00:00:00:01 up
ip address add 192.0.2.11/24 dev near
"$PYTHON" -c "$CODE"
"""
CHECK = """
from pathlib import Path
from installer import answers
from installer.checks import Context, addresses
from installer.paths import Paths
site = answers.read(Path("installer/examples/three.yml"))
found = addresses.check(Context(paths=Paths(Path("/nowhere")), site=site, node=site.nodes[0]))
print(found.state, found.cause)
"""


@pytest.fixture(scope="module")
def namespaces() -> None:
    if os.geteuid() or subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True).returncode:
        pytest.skip("needs root that may make network namespaces")


def linked(code: str, *, far: str) -> str:
    environment = os.environ | {"FAR": far, "PYTHON": sys.executable, "CODE": code, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", LINK],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.usefixtures("namespaces")
def test_the_machine_that_has_an_address_is_found_and_nobody_else() -> None:
    code = "from installer.checks.neighbours import holder as h; print([h('192.0.2.12', 'near'), h('192.0.2.13', 'near')])"
    assert linked(code, far="192.0.2.12") == f"['{OTHERS}', '']"


@pytest.mark.usefixtures("namespaces")
def test_links_without_arp_hold_nobody() -> None:
    code = "from installer.checks.neighbours import holder as h; print([h('127.0.0.1', 'lo')])"
    assert linked(code, far="") == "['']"


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize(
    ("far", "says"),
    [
        ("", "ok"),
        ("192.0.2.11", f"finding the machine {OTHERS} has this node's address too"),
        ("192.0.2.10", "finding 192.0.2.10 (`vip`) is in use already"),
    ],
)
def test_the_check_names_who_has_the_nodes_or_the_virtual_address(far: str, says: str) -> None:
    assert linked(CHECK, far=far).startswith(says)


def test_what_is_no_claim_is_none() -> None:
    ours = neighbours.probe(OWN, "192.0.2.12")
    assert neighbours.claimed(ours, "192.0.2.12", OWN) == ""
    assert neighbours.claimed(ours, "192.0.2.12", bytes(6)) == ""
    for cut in range(len(ours)):
        assert neighbours.claimed(ours[:cut], "192.0.2.12", bytes(6)) == ""
