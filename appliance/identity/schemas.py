"""What goes into and comes out of the identity services."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from appliance.foundation.schema import Frozen, Inbound

Line = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Names = Annotated[list[Annotated[str, msgspec.Meta(max_length=100)]], msgspec.Meta(max_length=100)]


class HeldRole(Frozen, frozen=True):
    """A role somebody holds; `origin` says whether it was given here ("local") or by a directory's group."""

    role: str
    expires_at: datetime | None
    origin: str


class UserSummary(Frozen, frozen=True):
    """
    `factors` are the second factors that are set up; `origin` says who vouches for the person.

    `grants` are the roles with until when and from where each is held; a list of people names them.
    """

    id: UUID
    name: str
    email: str
    roles: list[str]
    status: str
    origin: str = "local"
    factors: list[str] = msgspec.field(default_factory=list)
    break_glass: bool = False
    last_sign_in_at: datetime | None = None
    grants: list[HeldRole] = msgspec.field(default_factory=list)


class NewUser(Inbound, frozen=True):
    email: Annotated[str, msgspec.Meta(min_length=3, max_length=254)]
    name: Line
    roles: Names
    break_glass: bool = False


class RoleGrant(Inbound, frozen=True):
    """A role, for ever or until a moment."""

    role: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    expires_at: datetime | None = None


class Invitation(Frozen, frozen=True):
    """
    The link is shown this once; it lets its holder set a password.

    `mailed` says whether it was also sent by mail; without a mail relay it is handed over by other means.
    """

    user: UserSummary
    link_token: str
    expires_at: datetime
    mailed: bool = False


class NewToken(Inbound, frozen=True):
    """`networks` are CIDR blocks the token may be used from; none means anywhere."""

    name: Line
    permissions: Names
    days: int = 30
    networks: Names = msgspec.field(default_factory=list)


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
    networks: list[str] = msgspec.field(default_factory=list)
    created_by: str = ""


class SignedIn(Frozen, frozen=True):
    """A fresh session. The token is the cookie of a browser, or the first refresh token of a program."""

    token: str
    org_id: UUID
    session_id: UUID
    user_id: UUID
    # Shown once, when a second factor was set up on the way in.
    recovery_codes: list[str] = msgspec.field(default_factory=list)

    def __repr__(self) -> str:
        return f"SignedIn(session_id={self.session_id})"


class FurtherStep(Frozen, frozen=True):
    """
    The first factor was right; nothing is open yet.

    `step` is "second_factor" (one of `factors` is asked for) or "enrolment" (one must be set up first).
    """

    token: str
    step: str
    factors: list[str]
    expires_at: datetime

    def __repr__(self) -> str:
        return f"FurtherStep(step={self.step!r})"


class CurrentSession(Frozen, frozen=True):
    user: dict[str, str]
    organisation: dict[str, str]
    roles: list[str]
    permissions: list[str]
    csrf_token: str
    expires_at: datetime | None


class PasskeySummary(Frozen, frozen=True):
    id: UUID
    name: str
    created_at: datetime
    last_used_at: datetime | None


class FactorState(Frozen, frozen=True):
    """
    What is set up; `required` says that the account may not be without a second factor.

    `has_password` is false where a directory or provider keeps the password.
    """

    totp: bool
    recovery_codes_left: int
    passkeys: list[PasskeySummary]
    required: bool
    has_password: bool = True


class SessionSummary(Frozen, frozen=True):
    """`methods` are RFC 8176 names of how the person proved who they are."""

    id: UUID
    user_id: UUID
    email: str
    kind: str
    methods: list[str]
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    address: str
    user_agent: str
    current: bool


class NewRole(Inbound, frozen=True):
    name: Annotated[str, msgspec.Meta(max_length=50)]
    title: Line
    permissions: Names


class RoleSummary(Frozen, frozen=True):
    name: str
    title: str
    permissions: list[str]
    built_in: bool


class RoleMatrix(Frozen, frozen=True):
    permissions: list[str]
    four_eyes: list[str]
    roles: list[RoleSummary]


class OrganisationPolicy(Frozen, frozen=True):
    """`profiles` are those that can be chosen: their names and titles."""

    name: str
    profile: str
    profile_title: str
    mfa_required: bool
    sso_enforced: bool
    shortest_password: int
    shortest_password_with_mfa: int
    idle_minutes: int
    absolute_hours: int
    profiles: dict[str, str]


class PolicyChange(Inbound, frozen=True):
    profile: str | None = None
    mfa_required: bool | None = None
    sso_enforced: bool | None = None


class ProposalSummary(Frozen, frozen=True):
    """`payload_hash` is the SHA-256, in hex, of the payload's RFC 8785 text."""

    id: UUID
    action: str
    permission: str
    reason: str
    state: str
    payload: dict[str, Any]
    payload_hash: str
    proposed_by: str
    proposed_at: datetime
    expires_at: datetime
    decided_by: str
    decided_at: datetime | None
    comment: str


class ReviewDecision(Inbound, frozen=True):
    user_id: UUID
    decision: str
    comment: Annotated[str, msgspec.Meta(max_length=2000)] = ""


class ReviewDetail(Frozen, frozen=True):
    """`document` is what was signed, to the byte; `signature` is Ed25519 in hex."""

    id: UUID
    opened_at: datetime
    opened_by: str
    due_at: datetime
    closed_at: datetime | None
    closed_by: str
    items: list[dict[str, Any]]
    document: str
    signature: str
    key_id: str


class OrganisationSummary(Frozen, frozen=True):
    id: UUID
    name: str
    status: str
    created_at: datetime
