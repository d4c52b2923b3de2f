"""
What identity asks of the outside world. Who implements it lives in `integrations`.

Who retries: a directory is asked at its next server by the implementation, within one call; a provider that
does not answer is not asked again by itself, the person is. What failure means: `DirectoryUnavailable` or
`Unavailable` says that nobody knows, and changes nothing; an answer that does not convince is
`AssertionRefused`, one that is no answer at all `AssertionMalformed`.
"""

from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from appliance.identity.federation_schemas import (
    Facts,
    LdapConfig,
    OidcConfig,
    Person,
    ProviderConfig,
    SamlConfig,
    Step,
)
from appliance.identity.opening import ProviderSession


class Admitted(msgspec.Struct, frozen=True):
    """Somebody whom a directory knows and a role was found for."""

    org_id: UUID
    user_id: UUID
    provider: ProviderSession
    methods: frozenset[str] = frozenset()


class PasswordDirectory(Protocol):
    """A directory that checks passwords (LDAP)."""

    async def authenticate(self, login: str, password: str, *, address: str) -> Admitted | None:
        """
        The user, made or updated from the directory; None if it does not know them or gives them no role.

        It retries other servers itself. If none answers, that is None and a log line: local accounts, the
        break-glass one above all, must still get in.
        """


class Checked(msgspec.Struct, frozen=True):
    """What came of a name and a password: a person, or why not, for the audit trail only."""

    person: Person | None = None
    refused: str = ""


class Directory(Protocol):
    """LDAP, spoken in a process apart. Every method raises `DirectoryUnavailable` if no server answers."""

    async def authenticate(self, config: LdapConfig, secret: str, login: str, password: str) -> Checked:
        """Search as the service account, then bind as the person found."""

    async def look_up(self, config: LdapConfig, secret: str, subjects: list[str]) -> dict[str, Person]:
        """Those of the subjects that are still there, by subject."""

    async def probe(self, config: LdapConfig, secret: str) -> list[Step]:
        """Try everything in order; explains failures instead of raising."""

    async def close(self) -> None:
        """End the process."""


class Question(msgspec.Struct, frozen=True):
    """
    What is sent to a provider by way of the browser, and what must be remembered of it.

    Args:
        id: The answer must repeat it.
        secrets: Kept sealed until the answer comes.
    """

    id: str
    url: str
    secrets: dict[str, str] = msgspec.field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Question(id={self.id!r})"


class Assertion(msgspec.Struct, frozen=True):
    """A verified word about a person, and the id under which it may be used once, until it expires anyway."""

    id: str
    expires_at: datetime
    person: Person


class LogoutAsked(msgspec.Struct, frozen=True):
    """A verified wish of the provider to end sessions; no session named means all of the subject."""

    id: str
    subject: str
    sessions: list[str]


class ServiceKey(msgspec.Struct, frozen=True):
    """What we sign with towards one SAML provider: both halves in PEM."""

    private: str
    certificate: str

    def __repr__(self) -> str:
        return "ServiceKey()"


class SamlVerifier(Protocol):
    """
    SAML 2.0, our side. Does no I/O.

    Every method that reads a message raises `AssertionMalformed` or `AssertionRefused`.
    """

    def new_key(self, provider_id: UUID, now: datetime) -> ServiceKey:
        """A key and a self-signed certificate for a new provider."""

    def metadata(self, provider_id: UUID, config: SamlConfig, key: ServiceKey) -> bytes:
        """Our metadata document for this provider."""

    def question(self, provider_id: UUID, config: SamlConfig, key: ServiceKey) -> Question:
        """A signed AuthnRequest."""

    def answered_question(self, message: str) -> str:
        """The id of the request that a response claims to answer; not verified."""

    def verify(
        self, provider_id: UUID, config: SamlConfig, key: ServiceKey, *, message: str, request_id: str
    ) -> Assertion:
        """Whom the response is about; everything about it was checked."""

    def logout_asked(self, provider_id: UUID, config: SamlConfig, key: ServiceKey, query: str) -> LogoutAsked:
        """A signed LogoutRequest by redirect."""

    def logout_answer(
        self, provider_id: UUID, config: SamlConfig, key: ServiceKey, asked: LogoutAsked, relay_state: str
    ) -> str:
        """Where to send the browser with our signed LogoutResponse; "" if the provider takes none."""

    def logout_question(
        self, provider_id: UUID, config: SamlConfig, key: ServiceKey, subject: str, session: str
    ) -> str:
        """Where to send the browser with our signed LogoutRequest; "" if the provider takes none."""

    def logout_answered(self, provider_id: UUID, config: SamlConfig, key: ServiceKey, query: str) -> None:
        """Check a signed LogoutResponse."""


class OidcVerifier(Protocol):
    """OpenID Connect, our side: authorization code with PKCE."""

    def question(self, provider_id: UUID, config: OidcConfig) -> Question:
        """Where to send the browser; `secrets` hold nonce and code verifier."""

    async def verify(
        self,
        provider_id: UUID,
        config: OidcConfig,
        *,
        client_secret: str,
        query: dict[str, str],
        secrets: dict[str, str],
    ) -> Assertion:
        """
        Exchange the code and check the identity token.

        Raises:
            AssertionRefused: The token does not convince.
            Unavailable: The provider does not answer.
        """


class Protocols(Protocol):
    """What is known of each kind of provider, beyond signing in."""

    def check(self, config: ProviderConfig) -> None:
        """
        Refuse a configuration that cannot work.

        Raises:
            Invalid: Says what is wrong.
        """

    def facts(self, config: ProviderConfig, now: datetime) -> Facts:
        """Until when the configuration holds, and what will be a problem."""

    def addresses(self, provider_id: UUID, config: ProviderConfig) -> dict[str, str]:
        """What the other side must be told."""

    async def probe(self, config: ProviderConfig, secret: str) -> list[Step]:
        """The test button's steps."""
