"""
What goes into a rule set and what comes out: sources, rules and the load report.

Invariants:
- Every document of every source is in the report: active, or inactive with a reason. Nothing is dropped.
- A rule's version changes whenever its text does.
"""

from enum import StrEnum

import msgspec

from appliance.telemetry.events import LogSource


class RuleSource(msgspec.Struct, frozen=True):
    """
    One Sigma file.

    Attributes:
        path: Where it came from, for people to find it; it has no other meaning.
        text: The YAML, one document or several.
        owner: The organisation the rules belong to, or "" for the appliance's own set.
    """

    path: str
    text: str
    owner: str = ""


class Rule(msgspec.Struct, frozen=True, gc=False):
    """
    What everybody but the matcher needs to know about a rule.

    Attributes:
        id: The rule's own UUID in lower case; made from its content if it has none.
        level: informational, low, medium, high or critical; "medium" if the rule does not say.
        techniques: ATT&CK v19 ids, revoked ones replaced. `unknown_tags` names none of v19.
        tactics: In kill-chain order; those of the tags, or those of its techniques if no tag names one.
        definition: What the log source must be configured to record, in the author's words.
        mapped: False if no decoder of the appliance names this log source, so that only events
            of a kind with the same name, sent through a mapping, can reach the rule.
        version: 16 hexadecimal digits of the hash of the document's text.
    """

    id: str
    title: str
    level: str
    status: str
    author: str
    description: str
    references: tuple[str, ...]
    falsepositives: tuple[str, ...]
    tags: tuple[str, ...]
    techniques: tuple[str, ...]
    tactics: tuple[str, ...]
    unverified_tags: tuple[str, ...]
    unknown_tags: tuple[str, ...]
    logsource: LogSource
    definition: str
    mapped: bool
    version: str
    owner: str
    path: str
    license: str


class Reason(StrEnum):
    """Why a document is not active. The values are stable: console and CLI translate them."""

    NOT_YAML = "not_yaml"
    INVALID = "invalid"
    UNSUPPORTED = "unsupported"
    DUPLICATE = "duplicate_id"
    STATUS = "status"
    PLACEHOLDERS = "unresolved_placeholders"
    REGEX = "regular_expression"
    LOG_SOURCE = "no_log_source"
    NEVER_TRUE = "never_true"


class Inactive(msgspec.Struct, frozen=True):
    """A document that is not active, and why, in a sentence that says what to do."""

    path: str
    title: str
    id: str
    owner: str
    reason: Reason
    explanation: str


class LoadReport(msgspec.Struct, frozen=True):
    """
    What became of every document.

    Attributes:
        active: How many rules match events.
        unmapped: How many of those wait for a log source that no decoder names by itself.
        inactive: The rest, in the order read.
        from_cache: How many of the active ones were not parsed again.
    """

    active: int
    unmapped: int
    inactive: tuple[Inactive, ...]
    from_cache: int = 0

    @property
    def documents(self) -> int:
        return self.active + len(self.inactive)
