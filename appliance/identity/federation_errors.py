"""Why a directory or an identity provider does not get somebody in."""

from appliance.foundation.errors import Conflict, Invalid, NotAuthenticated, NotFound, Unavailable


class ProviderNotFound(NotFound):
    code = "provider_not_found"


class ProviderTaken(Conflict):
    """Another provider of the organisation has this name."""

    code = "provider_taken"


class AssertionRefused(NotAuthenticated):
    """What the identity provider sent is well-formed and does not convince; the message says why."""

    code = "assertion_refused"


class AssertionMalformed(Invalid):
    """What was sent is no message of this protocol; HTTP 400 on the pages that receive it."""

    code = "assertion_malformed"


class NoRole(NotAuthenticated):
    """Known to the provider, but in no group that carries a role: no match is no access."""

    code = "no_role"


class SubjectUnlinked(NotAuthenticated):
    """The e-mail belongs to somebody else here; who somebody is is never decided by an address."""

    code = "subject_unlinked"


class AccountEnded(NotAuthenticated):
    """The account was suspended here, or ended by the provider."""

    code = "account_ended"


class DirectoryUnavailable(Unavailable):
    """No server of the directory answers as it must; says which, and why."""

    code = "directory_unavailable"
