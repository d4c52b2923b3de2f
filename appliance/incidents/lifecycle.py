"""
The states of an incident and the steps between them. Pure rules, no I/O.

Invariants:
- No step is skipped: work is acknowledged before it begins, and begun before it is contained
  (OWASP ASVS 5.0, 2.3.1).
- Closing says why; so does reopening.
- Saying that an attack was real needs another permission than saying that it was none.
"""

from enum import StrEnum

from appliance.foundation.actors import Permission
from appliance.incidents.errors import ReasonMissing, TransitionNotAllowed


class Status(StrEnum):
    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    IN_PROGRESS = "in_progress"
    CONTAINED = "contained"
    CLOSED = "closed"


class CloseReason(StrEnum):
    TRUE_POSITIVE = "true_positive"
    FALSE_POSITIVE = "false_positive"
    BENIGN = "benign"
    DUPLICATE = "duplicate"
    TEST = "test"


_NEXT: dict[Status, tuple[Status, ...]] = {
    Status.NEW: (Status.ACKNOWLEDGED, Status.CLOSED),
    Status.ACKNOWLEDGED: (Status.IN_PROGRESS, Status.CLOSED),
    Status.IN_PROGRESS: (Status.CONTAINED, Status.CLOSED),
    Status.CONTAINED: (Status.IN_PROGRESS, Status.CLOSED),
    Status.CLOSED: (Status.IN_PROGRESS,),
}


def steps_from(current: Status) -> tuple[Status, ...]:
    """What an incident may become next."""
    return _NEXT[current]


def ensure_may_become(current: Status, wanted: Status) -> None:
    """
    Stop a step that the state machine does not have.

    Raises:
        TransitionNotAllowed: Names the steps there are.
    """
    if wanted not in _NEXT[current]:
        raise TransitionNotAllowed(current, wanted, " or ".join(_NEXT[current]))


def needs_reason(current: Status, wanted: Status) -> bool:
    """Closing and reopening do."""
    return Status.CLOSED in (current, wanted)


def permission_for(wanted: Status, reason: str | None) -> Permission:
    """What it takes to bring an incident there."""
    if wanted is not Status.CLOSED:
        return Permission.INCIDENTS_UPDATE
    is_real = reason == CloseReason.TRUE_POSITIVE
    return Permission.INCIDENTS_CLOSE if is_real else Permission.INCIDENTS_DISMISS


def close_reason(text: str | None) -> CloseReason:
    """
    The reason of that name.

    Raises:
        ReasonMissing: None was given, or none that exists; names those that do.
    """
    try:
        return CloseReason(text or "")
    except ValueError as error:
        raise ReasonMissing(f"closing needs one of the reasons {', '.join(CloseReason)}") from error


def reopening_reason(text: str | None) -> str:
    """
    The sentence that says why.

    Raises:
        ReasonMissing: It is empty.
    """
    if not text or not text.strip():
        raise ReasonMissing("reopening needs a reason; say in a sentence what has changed")
    return text.strip()
