"""The words of a finding."""

from enum import StrEnum
from typing import Literal

import msgspec

State = Literal["ok", "problem", "not_configured"]
RUNBOOKS = "docs/operations/runbooks.md"


class Kind(StrEnum):
    """What can be wrong. Each is the anchor of its runbook, and never changes its name."""

    SETTINGS = "settings"
    CREDENTIAL_MISSING = "credential-missing"
    CREDENTIAL_EMPTY = "credential-empty"
    CREDENTIAL_READABLE = "credential-readable"
    SPOOL_DAMAGED = "spool-damaged"
    SPOOL_FULL = "spool-full"
    STATE_MISSING = "state-missing"
    DISK_FULL = "disk-full"
    HISTORY_SHORT = "history-short"
    WEB_SILENT = "web-silent"
    PORT_TAKEN = "port-taken"
    PORT_SILENT = "port-silent"
    UNIT_FAILED = "unit-failed"
    CHECKS_STALE = "checks-stale"
    TRIPWIRE = "tripwire"
    CLUSTER_UNKNOWN = "cluster-unknown"
    CLUSTER_LEADERLESS = "cluster-leaderless"
    CLUSTER_REPLICA = "cluster-replica"
    ETCD_MEMBER = "etcd-member"
    ETCD_MAJORITY = "etcd-majority"
    CLUSTER_PAUSED = "cluster-paused"
    ALERTS_SILENT = "alerts-silent"
    RECEIVER_FAILING = "receiver-failing"


class Finding(msgspec.Struct, frozen=True):
    """
    One thing looked at.

    Attributes:
        id: What is wrong, as the anchor of its runbook; empty unless something is.
        check: What was looked at.
        state: `not_configured` where there is nothing to look at; it is no problem and no success.
        cause: What was found.
        impact: What comes of it if it stays.
        command: What mends it, or shows more.
        doc: Where its runbook stands.
    """

    check: str
    state: State
    cause: str
    id: str = ""
    impact: str = ""
    command: str = ""
    doc: str = ""

    @property
    def ok(self) -> bool:
        return self.state != "problem"


def good(check: str, cause: str) -> Finding:
    return Finding(check, "ok", cause)


def unset(check: str, cause: str) -> Finding:
    return Finding(check, "not_configured", cause)


def wrong(kind: Kind, check: str, cause: str, *, impact: str, command: str) -> Finding:
    return Finding(check, "problem", cause, kind, impact, command, f"{RUNBOOKS}#{kind}")
