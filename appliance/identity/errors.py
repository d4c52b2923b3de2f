"""Why somebody is not let in, or may not."""

from appliance.foundation.errors import (
    Conflict,
    Exhausted,
    Invalid,
    NotAuthenticated,
    NotFound,
    NotPermitted,
)


class SignInRefused(NotAuthenticated):
    """The name is unknown or the password is wrong; which of the two is never said."""

    code = "sign_in_refused"


class SignInDelayed(Exhausted):
    """Too many failures for this name or address; carries how long to wait."""

    code = "sign_in_delayed"


class SessionEnded(NotAuthenticated):
    code = "session_ended"


class TokenRefused(NotAuthenticated):
    code = "token_refused"


class LinkRefused(NotAuthenticated):
    """The one-time link is unknown, used or expired."""

    code = "link_refused"


class PasswordTooWeak(Invalid):
    code = "password_too_weak"


class UserNotFound(NotFound):
    code = "user_not_found"


class EmailTaken(Conflict):
    code = "email_taken"


class LastSuperAdmin(Conflict):
    """Nobody would be left to administer the organisation."""

    code = "last_super_admin"


class FactorRefused(NotPermitted):
    """The second factor, or the password asked for again, was wrong, used before, or is not set up."""

    code = "factor_refused"


class FurtherStepEnded(NotAuthenticated):
    """The half-done sign-in is unknown, used, too old, or had too many wrong codes."""

    code = "further_step_ended"


class StepUpRequired(NotPermitted):
    """The session is too long ago for this; prove again who you are."""

    code = "step_up_required"


class RefreshReused(NotAuthenticated):
    """A refresh token came a second time: somebody has a copy. The whole session was ended."""

    code = "refresh_reused"


class RoleNotFound(NotFound):
    code = "role_not_found"


class RoleTaken(Conflict):
    code = "role_taken"


class SessionNotFound(NotFound):
    code = "session_not_found"


class TokenNotFound(NotFound):
    code = "token_not_found"


class PasskeyNotFound(NotFound):
    code = "passkey_not_found"


class ProposalNotFound(NotFound):
    code = "proposal_not_found"


class ProposalClosed(Conflict):
    """Decided, expired or withdrawn; nothing can be done to it any more."""

    code = "proposal_closed"


class OwnProposal(NotPermitted):
    """Nobody approves what they proposed."""

    code = "own_proposal"


class ReviewNotFound(NotFound):
    code = "review_not_found"


class ReviewIncomplete(Conflict):
    code = "review_incomplete"
