"""Why a change to an incident is refused."""

from uuid import UUID

from appliance.foundation.errors import Conflict, Invalid, NotFound


class IncidentNotFound(NotFound):
    """There is none, or it is another organisation's."""

    code = "incident_not_found"

    def __init__(self, incident_id: UUID) -> None:
        super().__init__(f"no incident {incident_id}")


class TransitionNotAllowed(Conflict):
    """The state machine has no such step from here."""

    code = "transition_not_allowed"

    def __init__(self, current: str, wanted: str, allowed: str) -> None:
        super().__init__(f"an incident that is {current} cannot become {wanted}; it may become {allowed}")


class VersionMismatch(Conflict):
    """Somebody changed the incident after it was read."""

    code = "version_mismatch"

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(f"the incident is at version {found}, not {expected}; read it again and decide anew")


class ReasonMissing(Invalid):
    """Closing needs one of the close reasons, reopening a sentence."""

    code = "reason_missing"


class OwnerUnknown(Invalid):
    """An incident is owned by a user of its own organisation who is not suspended, or by nobody."""

    code = "owner_unknown"

    def __init__(self, user_id: UUID) -> None:
        super().__init__(f"no user {user_id} in this organisation, or suspended; see `xdr users list`")


class UnfitForMerge(Invalid):
    """An incident cannot be merged with itself, nor taken out of one it is not in."""

    code = "unfit_for_merge"
