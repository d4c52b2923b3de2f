"""The checker: what clients were told against what is there afterwards."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import msgspec


class Verdict(msgspec.Struct, frozen=True):
    """What one fault did. Outage in seconds; lost and doubled as counts of unique ids."""

    outage: float
    acknowledged: int
    lost: int
    doubled: int
    unknown: int

    @property
    def sound(self) -> bool:
        return not self.lost and not self.doubled


def read(logs: list[Path]) -> list[tuple[str, str, float]]:
    """State, id and time of every request, in order of time; a line that a killed writer cut is left out."""
    rows = []
    for log in logs:
        for line in log.read_text().splitlines():
            parts = line.split()
            if len(parts) == 3:
                rows.append((parts[0], parts[1], float(parts[2])))
    return sorted(rows, key=lambda row: row[2])


def judge(
    rows: list[tuple[str, str, float]], found: list[str], told: tuple[str, ...] = ("acknowledged",)
) -> Verdict:
    """
    Compare requests with a final read.

    Args:
        rows: As `read` gives them.
        found: The ids of the final read, as often as they are there.
        told: The states that are a promise.

    Raises:
        ValueError: Nothing was acknowledged: such a run proves nothing.
    """
    promised = [(unique, at) for state, unique, at in rows if state in told]
    if not promised:
        raise ValueError("no write was acknowledged, so there is nothing to judge; look at the writers' logs")
    counts = Counter(found)
    times = [at for _, at in promised]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    # Writers that never got on again are an outage up to their last try.
    gaps.append(rows[-1][2] - times[-1])
    return Verdict(
        outage=max(gaps),
        acknowledged=len(promised),
        lost=sum(1 for unique, _ in promised if not counts[unique]),
        doubled=sum(1 for times_there in counts.values() if times_there > 1),
        unknown=sum(1 for state, _, _ in rows if state not in told),
    )
