"""What goes into and comes out of the services for directories and single sign-on."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from appliance.foundation.schema import Frozen, Inbound

Kind = Literal["ldap", "saml", "oidc"]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Line = Annotated[str, msgspec.Meta(max_length=1024)]
Pem = Annotated[str, msgspec.Meta(max_length=262_144)]
Lines = Annotated[list[Line], msgspec.Meta(max_length=100)]
State = Literal["ok", "warning", "failed", "not_run"]


class GroupRole(Inbound, frozen=True):
    """Who is in this group holds this role. The first that fits decides; none is no access."""

    group: Line
    role: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


Groups = Annotated[list[GroupRole], msgspec.Meta(max_length=500)]


class LdapConfig(Inbound, frozen=True, tag_field="kind", tag="ldap"):
    """
    A directory that checks passwords.

    Args:
        servers: `ldaps://name:port`, or `ldap://name:port` with StartTLS; tried in order.
        ca_certificates: PEM of the authorities that may vouch for the servers. There is no other trust.
        bind_dn: The service account that searches; its password is the provider's secret.
        login_attributes: What a person may type; by default those usual for the flavour.
    """

    servers: Annotated[list[Line], msgspec.Meta(min_length=1, max_length=8)]
    ca_certificates: Annotated[str, msgspec.Meta(min_length=1, max_length=262_144)]
    bind_dn: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
    base_dn: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
    group_base_dn: Line = ""
    flavour: Literal["active_directory", "openldap"] = "active_directory"
    login_attributes: Annotated[
        list[Annotated[str, msgspec.Meta(pattern="^[A-Za-z][A-Za-z0-9-]{0,63}$")]],
        msgspec.Meta(max_length=5),
    ] = msgspec.field(default_factory=list)
    group_roles: Groups = msgspec.field(default_factory=list)
    timeout_seconds: Annotated[int, msgspec.Meta(ge=1, le=15)] = 5


class SamlConfig(Inbound, frozen=True, tag_field="kind", tag="saml"):
    """
    A SAML 2.0 identity provider.

    Args:
        metadata: The provider's metadata document, as uploaded.
        entity_id: Which provider of the document; needed where it names several.
        mfa_contexts: AuthnContext classes that count as two factors; without them it is one.
    """

    metadata: Annotated[str, msgspec.Meta(min_length=1, max_length=786_432)]
    entity_id: Line = ""
    email_attribute: Line = "mail"
    name_attribute: Line = "displayName"
    groups_attribute: Line = "groups"
    group_roles: Groups = msgspec.field(default_factory=list)
    required_contexts: Lines = msgspec.field(default_factory=list)
    mfa_contexts: Lines = msgspec.field(default_factory=list)


class OidcConfig(Inbound, frozen=True, tag_field="kind", tag="oidc"):
    """
    An OpenID Connect provider.

    Args:
        issuer: Compared exactly with what the token says.
        jwks: The provider's keys, as uploaded; without them they are fetched from `jwks_uri`.
        algorithms: The only ones a token may be signed with.
        mfa_contexts: `acr` or `amr` values that count as two factors; without them it is one.
    """

    issuer: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
    client_id: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
    authorization_endpoint: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
    token_endpoint: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
    jwks_uri: Line = ""
    jwks: Pem = ""
    ca_certificates: Pem = ""
    algorithms: Annotated[
        list[Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]],
        msgspec.Meta(min_length=1, max_length=9),
    ] = msgspec.field(default_factory=lambda: ["RS256"])
    scopes: Lines = msgspec.field(default_factory=lambda: ["openid", "email", "profile"])
    email_claim: Line = "email"
    name_claim: Line = "name"
    groups_claim: Line = "groups"
    group_roles: Groups = msgspec.field(default_factory=list)
    required_contexts: Lines = msgspec.field(default_factory=list)
    mfa_contexts: Lines = msgspec.field(default_factory=list)


ProviderConfig = LdapConfig | SamlConfig | OidcConfig


class NewProvider(Inbound, frozen=True):
    """
    Args:
        shown: Whether the sign-in page offers it to everybody.
        secret: The service account's password or the client secret; SAML needs none.
    """

    name: Name
    config: ProviderConfig
    secret: Annotated[str, msgspec.Meta(max_length=4096)] = ""
    enabled: bool = False
    shown: bool = True

    def __repr__(self) -> str:
        return f"NewProvider(name={self.name!r})"


class ProviderChange(Inbound, frozen=True):
    """What is given is changed; a secret that is not given stays."""

    name: Name | None = None
    config: ProviderConfig | None = None
    secret: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)] | None = None
    enabled: bool | None = None
    shown: bool | None = None

    def __repr__(self) -> str:
        return f"ProviderChange(name={self.name!r})"


class Facts(Frozen, frozen=True):
    """What a provider's configuration says by itself: until when it holds, and what will be a problem."""

    valid_until: datetime | None = None
    warnings: list[str] = msgspec.field(default_factory=list)


class ProviderSummary(Frozen, frozen=True):
    """Everything but secrets. `addresses` are what the other side must be told."""

    id: UUID
    kind: Kind
    name: str
    enabled: bool
    shown: bool
    has_secret: bool
    has_scim_token: bool
    config: ProviderConfig
    addresses: dict[str, str]
    facts: Facts
    people: int
    created_at: datetime
    changed_at: datetime


class OfferedProvider(Frozen, frozen=True):
    """What the sign-in page shows."""

    id: UUID
    name: str
    kind: Kind


class Step(Frozen, frozen=True):
    """One step of a test: what was tried, how it went, and what to do about it."""

    name: str
    state: State
    said: str = ""
    next: str = ""


class Report(Frozen, frozen=True):
    """The steps in order; those after a failure that need it are `not_run`."""

    ok: bool
    steps: list[Step]


class ScimToken(Frozen, frozen=True):
    """Shown this once."""

    token: str
    prefix: str

    def __repr__(self) -> str:
        return f"ScimToken(prefix={self.prefix!r})"


class Person(Frozen, frozen=True):
    """
    Somebody as a provider describes them, after its word was verified.

    Args:
        subject: What the provider will always call this person; never an e-mail.
        session: What the provider calls this session (single logout).
        contexts: How the person was authenticated, in the provider's words (acr, amr, AuthnContext).
        disabled: Why the account may not be used; "" if it may.
    """

    subject: str
    email: str
    name: str
    groups: list[str]
    session: str = ""
    contexts: list[str] = msgspec.field(default_factory=list)
    disabled: str = ""
