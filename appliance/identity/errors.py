"""Why somebody is not let in, or may not."""

from appliance.foundation.errors import Conflict, Exhausted, Invalid, NotAuthenticated, NotFound


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
