"""Clocks of nodes against each other: certificates, sign-ins and the order of events depend on them."""

import subprocess
import time

from installer.checks.finding import Context, Finding, ok, unset, wrong

_NAME = "clock"
_MOST_SECONDS = 2.0
_TIMEOUT = 10


def judge(skews: dict[str, float], silent: list[str]) -> Finding:
    """
    Args:
        skews: Seconds by which each peer's clock is ahead of this one's.
        silent: Peers that were not reached.
    """
    far = {name: skew for name, skew in skews.items() if abs(skew) > _MOST_SECONDS}
    if far:
        return wrong(
            _NAME,
            ", ".join(f"{name} is {skew:+.1f} s from this node" for name, skew in far.items()),
            impact="sign-ins, tokens and certificates are refused, and events of two nodes are ordered wrongly",
            command="chronyc -N sources; systemctl restart chrony; or name servers under time.servers in site.yml",
        )
    if silent:
        return wrong(
            _NAME,
            f"{', '.join(silent)} could not be asked over ssh",
            impact="nobody knows whether its clock is right, and nothing can be installed there",
            command=f"ssh -i /etc/xdr/install/id_ed25519 root@{silent[0]} true; on a new machine: xdr-install join",
        )
    return ok(_NAME, ", ".join(f"{name} {skew:+.2f} s" for name, skew in skews.items()))


def check(context: Context) -> Finding:
    if context.site is None or context.node is None or len(context.site.nodes) == 1:
        return unset(_NAME, "a single node has no other clock to compare with")
    skews: dict[str, float] = {}
    silent = []
    for node in context.site.nodes:
        if node.name == context.node.name:
            continue
        skew = _skew(node.address, context)
        if skew is None:
            silent.append(node.address)
        else:
            skews[node.name] = skew
    return judge(skews, silent)


def _skew(address: str, context: Context) -> float | None:
    """Against the middle of the time that asking took; None where nobody answers."""
    paths = context.paths
    command = [
        "ssh", "-q", "-i", str(paths.cluster_key), "-o", f"UserKnownHostsFile={paths.known_hosts}",
        "-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5",
        f"root@{address}", "date +%s.%N",
    ]  # fmt: skip
    try:
        before = time.time()
        said = subprocess.run(  # noqa: S603 — an address that was parsed
            command, capture_output=True, text=True, check=False, timeout=_TIMEOUT, stdin=subprocess.DEVNULL
        )
        after = time.time()
    except subprocess.TimeoutExpired:
        return None
    if said.returncode:
        return None
    ahead = float(said.stdout) - (before + after) / 2
    # What lies within the time of asking may be the way there, not the clock.
    return 0.0 if abs(ahead) <= (after - before) / 2 else ahead
