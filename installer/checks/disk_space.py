"""Room for the database, the spool and two bundles."""

import shutil

from installer.checks.finding import Context, Finding, ok, wrong

_NAME = "disk-space"
_LEAST_GB = {"install": 10.0, "join": 10.0, "upgrade": 3.0, "nightly": 2.0}
_MOST_USED = 0.9


def judge(free_gb: float, used_share: float, occasion: str) -> Finding:
    """
    Args:
        free_gb: In 10^9 bytes.
        used_share: From 0 to 1.
    """
    said = f"{free_gb:.1f} GB free below /var/lib, {used_share:.0%} used"
    least = _LEAST_GB[occasion]
    if free_gb >= least and (used_share < _MOST_USED or occasion in ("install", "join")):
        return ok(_NAME, said)
    return wrong(
        _NAME,
        f"{said}; {least:.0f} GB and less than {_MOST_USED:.0%} used are needed",
        impact="ingest refuses what it can neither store nor spool, and the database stops when the disk is full",
        command="xdr status, then enlarge the volume of /var/lib or shorten retention",
    )


def check(context: Context) -> Finding:
    usage = shutil.disk_usage(context.paths.root / "var/lib")
    return judge(usage.free / 1e9, usage.used / usage.total, context.occasion)
