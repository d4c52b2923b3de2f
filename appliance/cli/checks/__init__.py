"""
Checks of a node that need neither API nor database. Each finding names cause, impact, command and runbook.

One file per thing looked at; `_CHECKS` lists them in the order they are shown.
"""

from collections.abc import Callable, Iterator

from appliance.cli.checks.cluster import cluster, tripwire
from appliance.cli.checks.credentials import credentials
from appliance.cli.checks.finding import Finding, Kind, good, unset, wrong
from appliance.cli.checks.listening import listening
from appliance.cli.checks.nightly import nightly
from appliance.cli.checks.storage import disk, spool
from appliance.cli.checks.units import units
from appliance.cli.failures import CommandFailure
from appliance.cli.session import Session
from appliance.foundation.settings import Settings

__all__ = ["Finding", "Kind", "run_checks"]


def run_checks(session: Session) -> list[Finding]:
    """All checks; without readable settings there is nothing else to look at."""
    try:
        settings = session.settings
    except CommandFailure as failure:
        command = failure.next_step or "correct the file it names"
        impact = "no process of the appliance can start"
        return [wrong(Kind.SETTINGS, "settings", str(failure), impact=impact, command=command)]
    found = [good("settings", f"state in {settings.state_dir}")]
    for check in _CHECKS:
        found += check(settings)
    return found


def backups(_: Settings) -> Iterator[Finding]:
    yield unset("backups", "this release makes none yet")


_CHECKS: list[Callable[[Settings], Iterator[Finding]]] = [
    credentials, spool, disk, units, listening, tripwire, cluster, nightly, backups,
]  # fmt: skip
