"""What the installer's checks found last night: clocks, disk, certificates, permissions, the bundle."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from appliance.foundation.settings import Settings
from appliance.support.checks.finding import Finding, Kind, wrong

# Its existence says that the installer came to its end here.
_SETTLED = Path("/etc/xdr/settled")
_TOO_OLD = timedelta(hours=48)
_COMMAND = "systemctl start xdr-checks; journalctl -u xdr-checks -n 50"


class _Checked(msgspec.Struct, frozen=True):
    id: str
    state: str
    cause: str
    impact: str = ""
    command: str = ""
    doc: str = ""


class Report(msgspec.Struct, frozen=True):
    """The file that `xdr-install check --to` writes."""

    checked_at: datetime
    findings: list[_Checked]


def nightly(settings: Settings) -> Iterator[Finding]:
    yield from judge(settings.state_dir / "checks.json", _settled_at(_SETTLED), datetime.now(UTC))


def judge(file: Path, settled_at: datetime | None, now: datetime) -> Iterator[Finding]:
    """
    The report's findings, or that there is none where one should be.

    Args:
        settled_at: When this node was installed; None on a machine that the installer never touched.
    """
    if not file.exists():
        if settled_at is not None and now - settled_at > _TOO_OLD:
            yield _stale(f"{file} was never written, and the node is there since {settled_at:%Y-%m-%d}")
        return
    try:
        report = msgspec.json.decode(file.read_bytes(), type=Report)
    except (OSError, msgspec.MsgspecError) as error:
        yield _stale(f"{file} cannot be read: {error}")
        return
    if now - report.checked_at > _TOO_OLD:
        yield _stale(f"the last look was at {report.checked_at:%Y-%m-%d %H:%M} UTC")
    for each in report.findings:
        yield _told(each)


def _told(each: _Checked) -> Finding:
    check = f"nightly {each.id}"
    if each.state == "finding":
        return Finding(check, "problem", each.cause, each.id, each.impact, each.command, each.doc)
    return Finding(check, "ok" if each.state == "ok" else "not_configured", each.cause)


def _stale(cause: str) -> Finding:
    return wrong(
        Kind.CHECKS_STALE,
        "nightly checks",
        cause,
        impact="expiring certificates, drifting clocks and slow disks go unseen",
        command=_COMMAND,
    )


def _settled_at(file: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except OSError:
        return None
