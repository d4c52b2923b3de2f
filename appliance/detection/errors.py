"""Why a rule or a load is refused."""

from appliance.foundation.errors import Invalid, NotFound, TooLarge


class RuleNotFound(NotFound):
    code = "rule_not_found"


class NoRuleSet(NotFound):
    """Nothing was ever loaded; the starter pack is loaded by `xdr db migrate`."""

    code = "no_rule_set"


class ArchiveRefused(Invalid):
    """The upload is no ZIP, or holds paths that lead out of it."""

    code = "archive_refused"


class ArchiveTooLarge(TooLarge):
    code = "archive_too_large"
