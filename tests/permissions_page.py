"""
The table of docs/permissions.md, from the file that the product itself reads.

    python -m tests.permissions_page        writes the page
"""

from pathlib import Path

from appliance.foundation.actors import Permission
from appliance.identity.roles import four_eyes, roles

PAGE = Path(__file__).parent.parent / "docs" / "permissions.md"

_HEAD = """\
# Permissions

Which role may do what. Written by `python -m tests.permissions_page` from the file that the code reads,
`appliance/identity/permissions.toml`; change it there. A test fails while this page is behind.

● holds · ◐ takes a second person, who holds the permission that the file names and is not the one who asked,
whatever the door. Some permissions belong to work of a later release.

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
    Permission.INCIDENTS_DELETE: "delete an incident",
    Permission.EVENTS_VIEW: "search stored events, see originals",
    Permission.EVENTS_EXPORT: "take events out as a file",
    Permission.EVENTS_PIN: "keep events beyond retention",
    Permission.RULES_VIEW: "see rules and the load report",
    Permission.RULES_TEST: "try a rule on an event",
    Permission.RULES_EDIT: "import, enable and disable rules",
    Permission.FILTERS_PROPOSE: "propose that a rule be quieter",
    Permission.RESPONSE_VIEW: "see what was done in response",
    Permission.RESPONSE_EXECUTE: "run response actions of low impact",
    Permission.RESPONSE_EXECUTE_HIGH_IMPACT: "ask for response actions of high impact",
    Permission.RESPONSE_APPROVE: "approve what somebody else asked for",
    Permission.RESPONSE_ROLLBACK: "undo response actions",
    Permission.PLAYBOOKS_EDIT: "write playbooks",
    Permission.AGENTS_VIEW: "see agents",
    Permission.AGENTS_CONFIGURE: "set up agents",
    Permission.AGENTS_OVERRIDE: "overrule an agent",
    Permission.ANALYTICS_VIEW: "see figures and reports",
    Permission.ANALYTICS_EXPORT: "take them out as a file",
    Permission.INTEGRATIONS_VIEW: "see integrations and how they do",
    Permission.INTEGRATIONS_CONFIGURE: "set up integrations",
    Permission.INTEGRATIONS_DELETE: "delete an integration",
    Permission.MODELS_VIEW: "see models, their figures and their drift",
    Permission.MODELS_TRAIN: "train models on this site",
    Permission.MODELS_DEPLOY: "put a model into use",
    Permission.MODELS_DELETE: "delete a model",
    Permission.SOURCES_VIEW: "see sources and how they do",
    Permission.SOURCES_EDIT: "set up sources, issue and revoke their tokens",
    Permission.QUARANTINE_VIEW: "see what was no event, and why",
    Permission.QUARANTINE_REPLAY: "have it read again",
    Permission.USERS_VIEW: "see who has an account",
    Permission.USERS_EDIT: "invite, renew a link, suspend, give roles, reset factors",
    Permission.ROLES_EDIT: "make custom roles of what one holds",
    Permission.POLICIES_EDIT: "choose the organisation's profile: passwords, sessions, second factors",
    Permission.IDENTITY_PROVIDERS_EDIT: "connect directories and single sign-on",
    Permission.SESSIONS_END: "end other people's sessions",
    Permission.TOKENS_OWN: "issue API tokens for oneself",
    Permission.SERVICE_TOKENS_EDIT: "issue tokens that belong to a program",
    Permission.ACCESS_REVIEWS_SIGN: "review who has access, and sign the result",
    Permission.KEYS_ROTATE: "rotate keys",
    Permission.KEYS_DESTROY: "destroy a key, and with it what only it opens",
    Permission.PRIVACY_ERASE: "erase a person from the audit trail, by destroying that person's key",
    Permission.LEGAL_HOLDS_EDIT: "place and lift legal holds",
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
        mark = "◐" if permission in four_eyes() else "●"
        marks = [mark if permission in role.permissions else "" for role in known.values()]
        lines.append(f"| `{permission.value}` | {_WORDS[permission]} | " + " | ".join(marks) + " |")
    return _HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
