"""What goes into and comes out of the identity services."""

from datetime import datetime
from uuid import UUID

from appliance.foundation.schema import Frozen, Inbound


class UserSummary(Frozen, frozen=True):
    id: UUID
    name: str
    email: str
    roles: list[str]
    status: str


class NewUser(Inbound, frozen=True):
    email: str
    name: str
    roles: list[str]


class Invitation(Frozen, frozen=True):
    """The link is shown this once; it lets its holder set a password."""

    user: UserSummary
    link_token: str
    expires_at: datetime


class NewToken(Inbound, frozen=True):
    name: str
    permissions: list[str]
    days: int = 30


class IssuedApiToken(Frozen, frozen=True):
    id: UUID
    token: str
    prefix: str
    expires_at: datetime


class TokenSummary(Frozen, frozen=True):
    id: UUID
    name: str
    prefix: str
    permissions: list[str]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class SignedIn(Frozen, frozen=True):
    """A fresh session. The token goes into the cookie and nowhere else."""

    token: str
    org_id: UUID
    session_id: UUID

    def __repr__(self) -> str:
        return f"SignedIn(session_id={self.session_id})"


class CurrentSession(Frozen, frozen=True):
    user: dict[str, str]
    organisation: dict[str, str]
    roles: list[str]
    permissions: list[str]
    csrf_token: str
    expires_at: datetime | None
