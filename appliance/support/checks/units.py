"""No service of the machine has failed, and none is started again and again."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec

from appliance.foundation.settings import Settings
from appliance.support.checks.finding import Finding, Kind, good, unset, wrong

_SYSTEMD = Path("/run/systemd/system")
_SECONDS = 20


class Unit(msgspec.Struct, frozen=True):
    """As `systemctl list-units --output=json` gives it."""

    unit: str
    active: str
    sub: str


def units(_: Settings) -> Iterator[Finding]:
    if not _SYSTEMD.is_dir():
        yield unset("services", "systemd does not run this machine")
        return
    try:
        done = subprocess.run(
            ["/usr/bin/systemctl", "list-units", "--all", "--output=json"],
            capture_output=True,
            check=True,
            timeout=_SECONDS,
        )
        found = list(ailing(msgspec.json.decode(done.stdout, type=list[Unit])))
    except (OSError, subprocess.SubprocessError, msgspec.MsgspecError) as error:
        found = [
            wrong(
                Kind.UNIT_FAILED,
                "services",
                f"systemctl cannot say: {error}",
                impact="nobody knows which services run",
                command="systemctl --failed",
            )
        ]
    yield from found or [good("services", "none has failed")]


def ailing(listed: list[Unit]) -> Iterator[Finding]:
    """A finding for each unit that failed or waits to be started again."""
    for each in listed:
        if each.active == "failed" or each.sub == "auto-restart":
            yield wrong(
                Kind.UNIT_FAILED,
                f"service {each.unit}",
                f"{each.unit} is {each.active} ({each.sub})",
                impact="what it does is not done",
                command=f"systemctl status {each.unit}; journalctl -u {each.unit} -n 50",
            )
