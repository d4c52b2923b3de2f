"""
Who acts, what that allows, and inside which walls.

Plain types that every layer shares; which role holds which permission is in `identity/permissions.toml`.
"""

from collections.abc import Set as AbstractSet
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from appliance.foundation.errors import NotPermitted


class Permission(StrEnum):
    """Spelled `resource:action`. The matrix of roles lies in `identity/permissions.toml`."""

    INCIDENTS_VIEW = "incidents:view"
    INCIDENTS_UPDATE = "incidents:update"
    INCIDENTS_CREATE = "incidents:create"
    INCIDENTS_ASSIGN = "incidents:assign"
    INCIDENTS_CLOSE = "incidents:close"
    INCIDENTS_DISMISS = "incidents:dismiss"  # close as false positive, benign, duplicate or test
    INCIDENTS_DELETE = "incidents:delete"
    EVENTS_VIEW = "events:view"
    EVENTS_EXPORT = "events:export"
    EVENTS_PIN = "events:pin"
    RULES_VIEW = "rules:view"
    RULES_TEST = "rules:test"
    RULES_EDIT = "rules:edit"
    FILTERS_PROPOSE = "filters:propose"
    RESPONSE_VIEW = "response:view"
    RESPONSE_EXECUTE = "response:execute"
    RESPONSE_EXECUTE_HIGH_IMPACT = "response:execute_high_impact"
    RESPONSE_APPROVE = "response:approve"
    RESPONSE_ROLLBACK = "response:rollback"
    PLAYBOOKS_EDIT = "playbooks:edit"
    AGENTS_VIEW = "agents:view"
    AGENTS_CONFIGURE = "agents:configure"
    AGENTS_OVERRIDE = "agents:override"
    ANALYTICS_VIEW = "analytics:view"
    ANALYTICS_EXPORT = "analytics:export"
    INTEGRATIONS_VIEW = "integrations:view"
    INTEGRATIONS_CONFIGURE = "integrations:configure"
    INTEGRATIONS_DELETE = "integrations:delete"
    MODELS_VIEW = "models:view"
    MODELS_TRAIN = "models:train"
    MODELS_DEPLOY = "models:deploy"
    MODELS_DELETE = "models:delete"
    SOURCES_VIEW = "sources:view"
    SOURCES_EDIT = "sources:edit"
    QUARANTINE_VIEW = "quarantine:view"
    QUARANTINE_REPLAY = "quarantine:replay"
    USERS_VIEW = "users:view"
    USERS_EDIT = "users:edit"
    ROLES_EDIT = "roles:edit"
    POLICIES_EDIT = "policies:edit"
    IDENTITY_PROVIDERS_EDIT = "identity_providers:edit"
    SESSIONS_END = "sessions:end"  # other people's; one's own need no permission
    TOKENS_OWN = "tokens:own"
    SERVICE_TOKENS_EDIT = "service_tokens:edit"
    ACCESS_REVIEWS_SIGN = "access_reviews:sign"
    KEYS_ROTATE = "keys:rotate"
    KEYS_DESTROY = "keys:destroy"
    PRIVACY_ERASE = "privacy:erase"
    LEGAL_HOLDS_EDIT = "legal_holds:edit"
    AUDIT_VIEW = "audit:view"
    AUDIT_EXPORT = "audit:export"
    SETTINGS_VIEW = "settings:view"
    SETTINGS_UPDATE = "settings:update"
    STATUS_VIEW = "status:view"


class ActorKind(StrEnum):
    USER = "user"
    TOKEN = "token"  # noqa: S105 — a kind of actor, not a secret
    LOCAL = "local"  # an administrator on the node, through the Unix socket
    SYSTEM = "system"  # the appliance itself


class Actor(msgspec.Struct, frozen=True):
    """Somebody, or something, who leaves audit entries and is held to permissions."""

    kind: ActorKind
    id: UUID | None
    name: str
    permissions: frozenset[Permission]
    session_id: UUID | None = None
    address: str = ""
    # When a person last proved who they are in this session; dangerous actions want that to be recent.
    proved_at: datetime | None = None

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    def require(self, permission: Permission) -> None:
        """
        Stop whoever lacks the permission.

        Raises:
            NotPermitted: The actor does not hold it.
        """
        if permission not in self.permissions:
            raise NotPermitted(
                f"{self.name} lacks the permission {permission.value}; a super administrator can grant it"
            )


class Scope(msgspec.Struct, frozen=True):
    """
    The walls a transaction stands within: one organisation.

    Work across organisations (finding due jobs, listing organisations) runs on the platform's own
    database role and never through a Scope.
    """

    org_id: UUID


def appliance(name: str, permissions: AbstractSet[Permission] = frozenset(Permission)) -> Actor:
    """The appliance itself, named after the process that acts."""
    return Actor(kind=ActorKind.SYSTEM, id=None, name=name, permissions=frozenset(permissions))
