"""What the last run without a problem found, and what is different now."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from appliance.foundation import local_files
from appliance.support.checks.finding import Finding


class Good(msgspec.Struct, frozen=True):
    at: datetime
    findings: list[Finding]


class Change(Finding, frozen=True):
    """A finding, and what was found in its place when all was well: `was`, empty if it was not looked at."""

    was: str = ""


def keep(state_dir: Path, findings: list[Finding], now: datetime) -> None:
    """
    Raises:
        OSError: Who runs this may not write there.
    """
    local_files.write(_file(state_dir), Good(now, findings))


def last(state_dir: Path) -> Good | None:
    """
    None if there was none yet.

    Raises:
        msgspec.MsgspecError: The file is damaged.
        OSError: It cannot be read.
    """
    return local_files.read(_file(state_dir), Good)


def changes(good: Good, findings: list[Finding]) -> Iterator[Change]:
    """Whose state is another one, what is new, what is gone; figures that merely move are no change."""
    before, now = _by_check(good.findings), _by_check(findings)
    for check, found in now.items():
        was = before.get(check, [])
        if [each.state for each in found] != [each.state for each in was]:
            said = "; ".join(each.cause for each in was)
            yield from (Change(**msgspec.structs.asdict(each), was=said) for each in found)
    for check in before.keys() - now.keys():
        for each in before[check]:
            yield Change(check, "not_configured", "is not looked at any more", was=each.cause)


def _by_check(findings: list[Finding]) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for each in findings:
        found.setdefault(each.check, []).append(each)
    return found


def _file(state_dir: Path) -> Path:
    return state_dir / "doctor-good.json"
