"""
Checks of a node that need neither API nor database. Each finding names cause, impact, command and runbook.

One file per thing looked at; `_CHECKS` lists them in the order they are shown.
"""

from collections.abc import Callable, Iterator

from appliance.cluster.members import ClusterState
from appliance.foundation.settings import Settings
from appliance.support.checks.alerts import alerts
from appliance.support.checks.cluster import cluster, tripwire
from appliance.support.checks.credentials import credentials
from appliance.support.checks.finding import Finding, Kind, good, unset, wrong
from appliance.support.checks.listening import listening
from appliance.support.checks.nightly import nightly
from appliance.support.checks.storage import disk, spool
from appliance.support.checks.units import units

__all__ = ["Finding", "Kind", "run_checks", "unreadable", "watched"]

_NO_LICENCE = "this release reads none yet"
AskCluster = Callable[[], ClusterState]


def run_checks(settings: Settings, ask_cluster: AskCluster) -> list[Finding]:
    """
    All checks, for an administrator on the node.

    Args:
        ask_cluster: Asked only where there is a cluster; may raise Invalid or Unavailable.
    """
    found = [good("settings", f"state in {settings.state_dir}")]
    for check in _CHECKS:
        found += check(settings)
    found += cluster(settings, ask_cluster)
    return [*found, unset("backups", "this release makes none yet"), unset("licence", _NO_LICENCE)]


def watched(settings: Settings, ask_cluster: AskCluster) -> Iterator[Finding]:
    """What a process without root's rights can see: the part that alerts are made of."""
    for check in (spool, disk, tripwire, nightly):
        yield from check(settings)
    yield from cluster(settings, ask_cluster)


def unreadable(cause: str, command: str) -> Finding:
    """The one finding where settings cannot be read: there is nothing else to look at."""
    impact = "no process of the appliance can start"
    return wrong(
        Kind.SETTINGS, "settings", cause, impact=impact, command=command or "correct the file it names"
    )


_CHECKS: list[Callable[[Settings], Iterator[Finding]]] = [
    credentials, spool, disk, units, listening, tripwire, nightly, alerts,
]  # fmt: skip
