"""Debian 13 on x86-64, which packages and wheels of the bundle are made for."""

import platform

from installer.checks.finding import Context, Finding, ok, wrong

_NAME = "system"


def judge(os_release: str, machine: str) -> Finding:
    """
    Args:
        os_release: The text of `/etc/os-release`.
        machine: As `uname -m` says.
    """
    fields = dict(line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    name = fields.get("ID", "").strip('"')
    version = fields.get("VERSION_ID", "").strip('"')
    if (name, version, machine) == ("debian", "13", "x86_64"):
        return ok(_NAME, "Debian 13 on x86_64")
    return wrong(
        _NAME,
        f"this is {name or 'unknown'} {version} on {machine}",
        impact="packages of the bundle cannot be installed here",
        command="install Debian 13 (amd64), or boot the appliance's own medium",
    )


def check(context: Context) -> Finding:
    return judge((context.paths.root / "etc/os-release").read_text(), platform.machine())
