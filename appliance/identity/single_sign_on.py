"""
Sign-in by way of a SAML or OpenID Connect provider: a question, and the one answer to it.

Invariants: an answer counts only in the browser that asked (a cookie whose hash is kept), only for the
request it names, and once; an assertion that let somebody in never does again, in whatever session; where
to go next was fixed when the question was asked and is a path of ours.
"""

from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

import msgspec
from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Scope, appliance
from appliance.foundation.clock import Clock
from appliance.foundation.database import Database, anonymous_transaction, transaction
from appliance.foundation.errors import ApplianceError
from appliance.foundation.ids import new_id
from appliance.foundation.sealing import Sealer
from appliance.foundation.tokens import hash_of, is_well_formed, new_token
from appliance.identity.doors import ask
from appliance.identity.federation import Federation, Outcome
from appliance.identity.federation_errors import AssertionRefused, ProviderNotFound
from appliance.identity.federation_models import SignOnRequest, SpentAssertion
from appliance.identity.federation_schemas import OfferedProvider, OidcConfig, SamlConfig
from appliance.identity.opening import Opening, ProviderSession
from appliance.identity.ports import Assertion, OidcVerifier, SamlVerifier
from appliance.identity.provider_rows import Known, known
from appliance.identity.schemas import FurtherStep, SignedIn
from appliance.identity.signin import Gate

BROWSER_PREFIX = "xdr_sso"
REQUEST_LIFE = timedelta(minutes=10)
_TABLE, _COLUMN = "sign_on_requests", "secrets"


class Begun(msgspec.Struct, frozen=True):
    """Where to send the browser, and the cookie that binds the answer to it."""

    url: str
    browser_token: str

    def __repr__(self) -> str:
        return "Begun()"


class Finished(msgspec.Struct, frozen=True):
    """A session, or the step that is still missing, and where to go then."""

    done: SignedIn | FurtherStep
    next_path: str


class Browser(msgspec.Struct, frozen=True):
    """Who brings an answer: the binding cookie and where it comes from."""

    token: str
    address: str
    user_agent: str

    def __repr__(self) -> str:
        return f"Browser(address={self.address!r})"


class SingleSignOn:
    """Works before anybody is inside, as the gate does."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        gate: Gate,
        *,
        sealer: Sealer,
        saml: SamlVerifier,
        oidc: OidcVerifier,
    ) -> None:
        self._database, self._clock, self._gate, self._sealer = database, clock, gate, sealer
        self._saml, self._oidc = saml, oidc

    async def offered(self) -> list[OfferedProvider]:
        """What the sign-in page may show to everybody."""
        async with anonymous_transaction(self._database) as session:
            rows = await session.execute(text("SELECT id, name, kind FROM app.offered_providers()"))
            return [OfferedProvider(id=row.id, name=row.name, kind=row.kind) for row in rows]

    async def begin(self, provider_id: UUID, next_path: str) -> Begun:
        """
        A question to the provider.

        Raises:
            ProviderNotFound: There is none, or it is switched off.
        """
        provider = await self.load(provider_id)
        if isinstance(provider.config, SamlConfig):
            question = self._saml.question(provider.id, provider.config, provider.key)
        else:
            question = self._oidc.question(provider.id, _oidc(provider))
        token, request_id, now = new_token(BROWSER_PREFIX), new_id(self._clock), self._clock.now()
        async with transaction(self._database, provider.scope) as session:
            await self._forget_old(session, provider, now)
            session.add(
                SignOnRequest(
                    org_id=provider.org_id, id=request_id, provider_id=provider.id, request_id=question.id,
                    browser_hash=hash_of(token), next_path=next_path, expires_at=now + REQUEST_LIFE,
                    secrets=self._sealer.seal(
                        msgspec.json.encode(question.secrets), table=_TABLE, column=_COLUMN,
                        org_id=provider.org_id, row_id=request_id,
                    ),
                )
            )  # fmt: skip
        return Begun(question.url, token)

    async def finish_saml(self, provider_id: UUID, message: str, browser: Browser) -> Finished:
        """
        What a SAML response is worth.

        Raises:
            AssertionMalformed, AssertionRefused: It is nothing, or not for this browser and this request.
            NoRole, AccountEnded, SubjectUnlinked: The person is known, and not let in.
        """
        provider = await self.load(provider_id)
        try:
            return await self._finish_saml(provider, message, browser)
        except AssertionRefused as error:
            await self._tell(provider, error, browser)
            raise

    async def _finish_saml(self, provider: Known, message: str, browser: Browser) -> Finished:
        if not isinstance(provider.config, SamlConfig):
            raise ProviderNotFound(f"{provider.name} speaks no SAML")
        claimed = self._saml.answered_question(message)
        request = await self._request(provider, claimed, browser)
        assertion = self._saml.verify(
            provider.id, provider.config, provider.key, message=message, request_id=request.request_id
        )
        async with transaction(self._database, provider.scope) as session:
            await self._use_up(session, request)
            outcome = await self._admit(session, provider, assertion)
        return await self._open(provider, assertion, outcome, request, browser)

    async def finish_oidc(self, provider_id: UUID, query: dict[str, str], browser: Browser) -> Finished:
        """
        What the provider's redirect back is worth.

        Raises:
            Unavailable: The provider does not answer.
            AssertionRefused and others: As for SAML.
        """
        provider = await self.load(provider_id)
        try:
            return await self._finish_oidc(provider, query, browser)
        except AssertionRefused as error:
            await self._tell(provider, error, browser)
            raise

    async def _finish_oidc(self, provider: Known, query: dict[str, str], browser: Browser) -> Finished:
        request = await self._request(provider, query.get("state", ""), browser)
        # A code is good once, so the request is used up before it is exchanged.
        async with transaction(self._database, provider.scope) as session:
            await self._use_up(session, request)
        secrets = self._sealer.open(
            request.secrets, table=_TABLE, column=_COLUMN, org_id=provider.org_id, row_id=request.id
        )
        assertion = await self._oidc.verify(
            provider.id,
            _oidc(provider),
            client_secret=provider.secret,
            query=query,
            secrets=msgspec.json.decode(secrets, type=dict[str, str]),
        )
        async with transaction(self._database, provider.scope) as session:
            outcome = await self._admit(session, provider, assertion)
        return await self._open(provider, assertion, outcome, request, browser)

    async def metadata(self, provider_id: UUID) -> bytes:
        """Our SAML metadata for a provider; public, like every such document."""
        provider = await self.load(provider_id)
        if not isinstance(provider.config, SamlConfig):
            raise ProviderNotFound(f"{provider.name} speaks no SAML")
        return self._saml.metadata(provider.id, provider.config, provider.key)

    async def load(self, provider_id: UUID) -> Known:
        """
        An enabled provider, whoever asks.

        Raises:
            ProviderNotFound: There is none.
        """
        owners = await ask(self._database, "app.provider_owner", provider_id)
        if not owners:
            raise ProviderNotFound("this identity provider is not there, or switched off")
        scope = Scope(org_id=owners[0].org_id)
        async with transaction(self._database, scope) as session:
            return await known(session, scope, self._sealer, provider_id)

    async def _request(self, provider: Known, claimed: str, browser: Browser) -> SignOnRequest:
        # What cannot be an id is not looked up: the database takes no NUL.
        is_bound = is_well_formed(browser.token, BROWSER_PREFIX) and claimed.isprintable()
        async with transaction(self._database, provider.scope) as session:
            found = await session.execute(
                select(SignOnRequest).where(
                    SignOnRequest.org_id == provider.org_id,
                    SignOnRequest.provider_id == provider.id,
                    SignOnRequest.request_id == (claimed if is_bound else ""),
                    SignOnRequest.browser_hash == hash_of(browser.token),
                    SignOnRequest.used_at.is_(None),
                    SignOnRequest.expires_at > self._clock.now(),
                )
            )
            request = found.scalar_one_or_none()
        if request is None or not is_bound:
            raise AssertionRefused("this browser did not ask for this; begin again at the sign-in page")
        return request

    async def _use_up(self, session: AsyncSession, request: SignOnRequest) -> None:
        done = await session.execute(
            update(SignOnRequest)
            .where(
                SignOnRequest.org_id == request.org_id,
                SignOnRequest.id == request.id,
                SignOnRequest.used_at.is_(None),
            )
            .values(used_at=self._clock.now())
            .returning(SignOnRequest.id)
        )
        if done.first() is None:
            raise AssertionRefused("this answer was used before; begin again at the sign-in page")

    async def _admit(self, session: AsyncSession, provider: Known, assertion: Assertion) -> Outcome:
        spent = await session.execute(
            insert(SpentAssertion)
            .values(
                org_id=provider.org_id,
                provider_id=provider.id,
                assertion_hash=sha256(assertion.id.encode()).digest(),
                expires_at=assertion.expires_at,
            )
            .on_conflict_do_nothing()
            .returning(SpentAssertion.provider_id)
        )
        if spent.first() is None:
            raise AssertionRefused("this assertion was used before; begin again at the sign-in page")
        return await Federation(session, provider.scope, self._clock, provider).admit(assertion.person)

    async def _open(
        self,
        provider: Known,
        assertion: Assertion,
        outcome: Outcome,
        request: SignOnRequest,
        browser: Browser,
    ) -> Finished:
        if outcome.refusal is not None or outcome.user_id is None:
            raise outcome.refusal or AssertionRefused("nobody was let in")
        person = assertion.person
        opening = Opening(
            methods=frozenset({provider.kind}) | _second_factor(provider, person.contexts),
            address=browser.address,
            user_agent=browser.user_agent,
            provider=ProviderSession(provider.id, person.subject, person.session),
        )
        done = await self._gate.open_session(provider.scope, outcome.user_id, opening)
        return Finished(done, request.next_path)

    async def _tell(self, provider: Known, error: ApplianceError, browser: Browser) -> None:
        by = appliance(f"identity provider {provider.name}")
        async with transaction(self._database, provider.scope) as session:
            AuditTrail(session, provider.scope, self._clock).record(
                "session.refused", by=by, subject=provider.id, outcome="denied", code=error.code,
                reason=str(error)[:300], address=browser.address,
            )  # fmt: skip

    async def _forget_old(self, session: AsyncSession, provider: Known, now: datetime) -> None:
        for table in (SignOnRequest, SpentAssertion):
            await session.execute(
                delete(table).where(
                    table.org_id == provider.org_id, table.expires_at < now - timedelta(hours=1)
                )
            )


def _second_factor(provider: Known, contexts: list[str]) -> frozenset[str]:
    """Two factors only if the provider says a word that was agreed on; else the weakest is assumed."""
    agreed = getattr(provider.config, "mfa_contexts", [])
    return frozenset({"mfa"}) if set(contexts) & set(agreed) else frozenset()


def _oidc(provider: Known) -> OidcConfig:
    if not isinstance(provider.config, OidcConfig):
        raise ProviderNotFound(f"{provider.name} is no provider for sign-in by browser")
    return provider.config
