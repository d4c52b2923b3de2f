"""
Maintenance of one node: it says that it is not ready, with the reason, until the time that was named.

A file holds it, so that it can be begun and ended while API and database are down. Ingest does not look at
it: what arrives is taken.
"""

from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from appliance.foundation import local_files
from appliance.foundation.errors import Invalid

LONGEST = timedelta(days=7)
_MOST_CHARACTERS = 500


class Maintenance(msgspec.Struct, frozen=True):
    reason: str
    by: str
    since: datetime
    until: datetime

    def __str__(self) -> str:
        return f"in maintenance until {self.until:%Y-%m-%d %H:%M} UTC ({self.by}: {self.reason})"


def current(state_dir: Path, now: datetime) -> Maintenance | None:
    """
    The maintenance that goes on now; None without one, and once its time is over.

    Raises:
        Invalid: The file is damaged; says what to type.
    """
    try:
        found = local_files.read(_file(state_dir), Maintenance)
    except (msgspec.MsgspecError, OSError) as error:
        raise Invalid(f"{_file(state_dir)}: {error}; run `xdr maintenance off`") from error
    return found if found is not None and now < found.until else None


def begin(state_dir: Path, asked: Maintenance) -> None:
    """
    Begin, or name another end.

    Raises:
        Invalid: No reason, or an end that is past or more than seven days away.
    """
    if not asked.reason.strip() or len(asked.reason) > _MOST_CHARACTERS:
        raise Invalid(f"a reason of 1 to {_MOST_CHARACTERS} characters is needed; colleagues will read it")
    if not asked.since < asked.until <= asked.since + LONGEST:
        raise Invalid(f"maintenance ends later than now and within {LONGEST.days} days")
    local_files.write(_file(state_dir), asked)


def end(state_dir: Path) -> None:
    """End it, whatever the file holds."""
    local_files.remove(_file(state_dir))


def _file(state_dir: Path) -> Path:
    return state_dir / "maintenance.json"
