"""Spool and disk have room, and no record of the spool is damaged."""

import shutil
from collections.abc import Iterator

from appliance.foundation.settings import Settings
from appliance.support.checks.finding import Finding, Kind, good, wrong

_ALMOST_FULL_PERCENT = 95


def spool(settings: Settings) -> Iterator[Finding]:
    folder = settings.state_dir / "spool"
    damaged = len(list(folder.glob("*.damaged")))
    if damaged:
        yield wrong(
            Kind.SPOOL_DAMAGED,
            "spool",
            f"{damaged} damaged records in {folder}",
            impact="events that were acknowledged could not be stored",
            command=f"ls -l {folder}/*.damaged   # then have their senders send again",
        )
    waiting = sum(path.stat().st_size for path in folder.glob("*.spool"))
    percent = 100 * waiting // max(settings.ingest.spool_bytes, 1)
    said = f"{waiting:,} bytes wait, {percent} % of what it may hold"
    if percent >= _ALMOST_FULL_PERCENT:
        impact = "the database does not take them; when it is full, senders are refused"
        yield wrong(Kind.SPOOL_FULL, "spool", said, impact=impact, command="xdr status")
    elif waiting:
        yield good("spool", said)
    elif not damaged:
        yield good("spool", "empty")


def disk(settings: Settings) -> Iterator[Finding]:
    """The share that retention aims at is kept, and the disk is not full."""
    try:
        usage = shutil.disk_usage(settings.state_dir)
    except OSError as error:
        yield wrong(
            Kind.STATE_MISSING,
            "disk",
            f"{settings.state_dir}: {error.strerror}",
            impact="nothing can be stored",
            command=f"mkdir -p {settings.state_dir}",
        )
        return
    percent = round(100 * (usage.total - usage.free) / usage.total)
    share = settings.retention.disk_share_percent
    cause = f"{percent} % used, {usage.free / 1024**3:.1f} GiB free; retention aims at {share} %"
    look = f"du -xh -d2 {settings.state_dir} | sort -h"
    if percent >= _ALMOST_FULL_PERCENT:
        impact = "ingest is about to refuse events"
        yield wrong(Kind.DISK_FULL, "disk", cause, impact=impact, command=look)
    elif percent > share:
        impact = "history is shorter than its days say: the oldest day goes first"
        yield wrong(Kind.HISTORY_SHORT, "disk", cause, impact=impact, command=look)
    else:
        yield good("disk", cause)
