"""All checks, in the order in which they are told."""

import subprocess
from collections.abc import Callable

from installer.checks import (
    addresses,
    bundle,
    certificate,
    clock,
    control_groups,
    disk_space,
    disk_sync,
    licence,
    memory,
    names,
    permissions,
    ports,
    system,
    watchdog,
)
from installer.checks.finding import Context, Finding, wrong

CHECKS: dict[str, Callable[[Context], Finding]] = {
    "system": system.check,
    "control-groups": control_groups.check,
    "memory": memory.check,
    "disk-space": disk_space.check,
    "disk-sync": disk_sync.check,
    "clock": clock.check,
    "names": names.check,
    "addresses": addresses.check,
    "ports": ports.check,
    "watchdog": watchdog.check,
    "bundle": bundle.check,
    "certificate": certificate.check,
    "licence": licence.check,
    "permissions": permissions.check,
}


def run(context: Context) -> list[Finding]:
    """Every check once; one that cannot be made is a finding, never an exception."""
    return [_one(name, check, context) for name, check in CHECKS.items()]


def _one(name: str, check: Callable[[Context], Finding], context: Context) -> Finding:
    try:
        return check(context)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return wrong(
            name,
            f"could not be looked at: {error}",
            impact="nobody knows whether it is as it should be",
            command="xdr-install check --json",
        )
