"""Secrets below /etc/xdr are read by nobody but those they are for."""

import os
import stat
from pathlib import Path

from installer.checks.finding import Context, Finding, ok, unset, wrong

_NAME = "permissions"
_SECRET = ("authority", "credentials", "install")
_SHOWN = 3


def judge(folder: Path) -> Finding:
    if not folder.exists():
        return unset(_NAME, f"{folder} is not there yet")
    open_ones = [
        path
        for name in _SECRET
        for path in [folder / name, *(folder / name).rglob("*")]
        if path.exists() and path.suffix != ".pub" and _is_open(path.lstat())
    ]
    if not open_ones:
        return ok(_NAME, "only root reads secrets")
    names = ", ".join(map(str, open_ones[:_SHOWN]))
    return wrong(
        _NAME,
        f"others than root may open {names}",
        impact="whoever reads them can pose as a node or read the database",
        command=f"chown -R root:root {open_ones[0]}; chmod -R go= {open_ones[0]}; then find out who changed it: ausearch -f {open_ones[0]}",
    )


def _is_open(status: os.stat_result) -> bool:
    """An owner other than root opens a file however narrow its mode is."""
    return bool(status.st_mode & (stat.S_IRWXG | stat.S_IRWXO)) or status.st_uid != os.geteuid()


def check(context: Context) -> Finding:
    return judge(context.paths.root / "etc/xdr")
