"""
The table of docs/permissions.md, from the file that the product itself reads.

    python -m tests.permissions_page        writes the page
"""

from pathlib import Path

from appliance.foundation.actors import Permission
from appliance.identity.roles import roles

PAGE = Path(__file__).parent.parent / "docs" / "permissions.md"

_HEAD = """\
# Permissions

Which role may do what. Written by `python -m tests.permissions_page` from the file that the code reads,
`appliance/identity/permissions.toml`; change it there. A test fails while this page is behind.

A user may have several roles and then holds what they allow together. An API token holds a part of its
owner's permissions, never more than the owner has at that moment. The local administrator, who uses `xdr` on
the node itself, holds all of them, and audit entries name the Unix user. Services check, whichever door.

"""
_WORDS = {
    Permission.INCIDENTS_VIEW: "see incidents, their findings, timeline and evidence",
    Permission.INCIDENTS_UPDATE: "acknowledge, work, tag, note, merge, split, reopen",
    Permission.INCIDENTS_CREATE: "open an incident by hand",
    Permission.INCIDENTS_ASSIGN: "give an incident to somebody",
    Permission.INCIDENTS_CLOSE: "close as a real attack",
    Permission.INCIDENTS_DISMISS: "close as false positive, benign, duplicate or test",
    Permission.EVENTS_VIEW: "search stored events, see originals",
    Permission.EVENTS_EXPORT: "take events out as a file",
    Permission.EVENTS_PIN: "keep events beyond retention",
    Permission.RULES_VIEW: "see rules and the load report",
    Permission.RULES_TEST: "try a rule on an event",
    Permission.RULES_EDIT: "import, enable and disable rules",
    Permission.SOURCES_VIEW: "see sources and how they do",
    Permission.SOURCES_EDIT: "set up sources, issue and revoke their tokens",
    Permission.QUARANTINE_VIEW: "see what was no event, and why",
    Permission.QUARANTINE_REPLAY: "have it read again",
    Permission.USERS_VIEW: "see who has an account",
    Permission.USERS_EDIT: "invite, renew a link, suspend",
    Permission.TOKENS_OWN: "issue API tokens for oneself",
    Permission.AUDIT_VIEW: "read the audit trail",
    Permission.AUDIT_EXPORT: "take the audit trail out",
    Permission.SETTINGS_VIEW: "see the appliance's settings",
    Permission.SETTINGS_UPDATE: "change them",
    Permission.STATUS_VIEW: "see status and metrics",
}


def page() -> str:
    """The whole page; raises KeyError for a permission without words."""
    known = roles()
    titles = [role.title for role in known.values()]
    lines = [
        "| Permission | Allows to | " + " | ".join(titles) + " |",
        "|---|---|" + ":-:|" * len(titles),
    ]
    for permission in Permission:
        marks = ["●" if permission in role.permissions else "" for role in known.values()]
        lines.append(f"| `{permission.value}` | {_WORDS[permission]} | " + " | ".join(marks) + " |")
    return _HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
