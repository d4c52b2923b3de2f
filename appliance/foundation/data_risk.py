"""
What the tripwire found, as files of the node: they outlive processes, and administrators can act on them.

The wire itself is `tripwire.py`.
"""

from datetime import datetime
from pathlib import Path

import msgspec

from appliance.foundation import local_files
from appliance.foundation.errors import Unavailable


class DataAtRisk(Unavailable):
    """The leader lacks commits that were acknowledged; nothing is written until that was looked at."""

    code = "data_at_risk"


class Trip(msgspec.Struct, frozen=True):
    """
    What was found.

    Attributes:
        acknowledged: The position that was acknowledged, in bytes of log.
        found: Where the leader's log ended when it was seen.
    """

    system_id: str
    acknowledged: int
    found: int
    at: datetime

    def __str__(self) -> str:
        lost = self.acknowledged - self.found
        return (
            f"the leader's log ends at {_lsn(self.found)}, and commits up to {_lsn(self.acknowledged)} "
            f"had been acknowledged ({lost:,} bytes, seen {self.at:%Y-%m-%d %H:%M:%S} UTC)"
        )


class _Acceptance(msgspec.Struct, frozen=True):
    """That somebody accepted the loss of whatever was acknowledged before `at`."""

    at: datetime
    trip: Trip


class DataRisk:
    """
    The two files in the node's state folder.

    Attributes:
        file: Is there while nothing is written.
    """

    def __init__(self, state_dir: Path) -> None:
        self.file, self._acceptance = state_dir / "tripwire.json", state_dir / "tripwire-accepted.json"

    def trip(self) -> Trip | None:
        """What was found; None while all is well. Errors as in `local_files.read`."""
        return local_files.read(self.file, Trip)

    def cause(self) -> str:
        """What was found, in words, whatever the file holds."""
        try:
            return str(self.trip())
        except (msgspec.MsgspecError, OSError) as error:
            return f"{self.file} says so and cannot be read: {error}"

    def found(self, trip: Trip) -> None:
        """Have every process of the node stop writing."""
        local_files.write(self.file, trip)

    def accepted_at(self) -> datetime | None:
        """Before when whatever was acknowledged may be missing."""
        found = local_files.read(self._acceptance, _Acceptance)
        return found.at if found else None

    def accept(self, now: datetime) -> Trip | None:
        """Go on in spite of the loss; what was accepted, None if there is nothing to accept."""
        found = self.trip()
        if found is not None:
            # In this order: between the two a process reads the acceptance and still writes nothing.
            local_files.write(self._acceptance, _Acceptance(now, found))
            local_files.remove(self.file)
        return found


def _lsn(position: int) -> str:
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"
