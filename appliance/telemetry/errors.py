"""Why telemetry is refused."""

from appliance.foundation.errors import (
    Conflict,
    Exhausted,
    Invalid,
    NotAuthenticated,
    NotFound,
    TooLarge,
    Unavailable,
)


class SourceUnknown(NotAuthenticated):
    """The token or listener belongs to no enabled source."""

    code = "source_unknown"


class SignatureMismatch(NotAuthenticated):
    """The source demands an HMAC over the body and it is missing or differs."""

    code = "signature_mismatch"


class BodyTooLarge(TooLarge):
    code = "body_too_large"


class IntakeFull(Exhausted):
    """Queue or spool is at its limit; nothing of the batch was taken."""

    code = "intake_full"


class IntakeUnavailable(Unavailable):
    """Neither the database nor the spool can take the batch; nothing of it was taken."""

    code = "intake_unavailable"


class UnknownFormat(Invalid):
    code = "unknown_format"


class EventNotFound(NotFound):
    code = "event_not_found"


class SourceNotFound(NotFound):
    code = "source_not_found"


class QuarantineEntryNotFound(NotFound):
    code = "quarantine_entry_not_found"


class SourceNameTaken(Conflict):
    code = "source_name_taken"
