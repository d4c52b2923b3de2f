"""The unified hierarchy of control groups, by which units are limited."""

from pathlib import Path

from installer.checks.finding import Context, Finding, ok, wrong

_NAME = "control-groups"


def judge(folder: Path) -> Finding:
    if (folder / "cgroup.controllers").exists():
        return ok(_NAME, "control groups are version 2")
    return wrong(
        _NAME,
        f"{folder}/cgroup.controllers is not there: control groups of version 1",
        impact="limits of memory and tasks of the product's units are not enforced",
        command="remove systemd.unified_cgroup_hierarchy=0 from the kernel's command line and boot again",
    )


def check(context: Context) -> Finding:
    return judge(context.paths.root / "sys/fs/cgroup")
