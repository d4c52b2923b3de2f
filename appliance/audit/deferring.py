"""
Audit entries of what an administrator does on a node while the database may be away.

They are files, written before the deed and completed after it; the scheduler's process of the node brings
them into the trail (`admitting.py`). One that was never completed enters with the outcome "unknown".
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID

import msgspec

from appliance.foundation import local_files
from appliance.foundation.clock import Clock
from appliance.foundation.errors import Exhausted
from appliance.foundation.ids import new_id

_MOST = 1_000
UNKNOWN = "unknown"


class Deferred(msgspec.Struct, frozen=True):
    """
    An entry that waits.

    Attributes:
        by: The name of who did it on the node; `address` their account.
        detail: As in `AuditTrail.record`.
    """

    id: UUID
    at: datetime
    action: str
    by: str
    address: str
    node: str
    detail: dict[str, str]
    outcome: str = UNKNOWN


@contextmanager
def deferred(
    state_dir: Path, action: str, *, by: str, address: str, node: str, clock: Clock, detail: dict[str, str]
) -> Iterator[None]:
    """
    Do something that is in the trail, whether it succeeds, fails or is cut short.

    Args:
        by, address: Who does it, and from where.
        detail: What else is to be known, under any names.

    Raises:
        Exhausted: So many entries wait that another would be one too many.
    """
    entry = Deferred(new_id(clock), clock.now(), action, by, address, node, detail)
    if len(waiting(state_dir)) >= _MOST:
        raise Exhausted(f"{_MOST} audit entries wait in {_folder(state_dir)}; bring the database up first")
    _write(state_dir, entry)
    try:
        yield
    except Exception as error:
        failed = detail | {"reason": str(error)[:500]}
        _write(state_dir, msgspec.structs.replace(entry, outcome="failed", detail=failed))
        raise
    _write(state_dir, msgspec.structs.replace(entry, outcome="success"))


def waiting(state_dir: Path) -> list[Path]:
    """The files of the entries that wait, oldest first."""
    return sorted(_folder(state_dir).glob("*.json"))


def _write(state_dir: Path, entry: Deferred) -> None:
    local_files.write(_folder(state_dir) / f"{entry.id}.json", entry)


def _folder(state_dir: Path) -> Path:
    return state_dir / "audit-queue"
