"""Signing out by way of a SAML provider, in both directions; every message signed."""

from uuid import UUID

from sqlalchemy import select, update

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Actor, Scope, appliance
from appliance.foundation.clock import Clock
from appliance.foundation.database import Database, transaction
from appliance.identity.federation_errors import ProviderNotFound
from appliance.identity.federation_schemas import SamlConfig
from appliance.identity.models import Session
from appliance.identity.ports import LogoutAsked, SamlVerifier
from appliance.identity.provider_rows import Known
from appliance.identity.single_sign_on import SingleSignOn


class SingleLogout:
    def __init__(self, database: Database, clock: Clock, sign_on: SingleSignOn, saml: SamlVerifier) -> None:
        self._database, self._clock, self._sign_on, self._saml = database, clock, sign_on, saml

    async def asked(self, provider_id: UUID, query: str, relay_state: str) -> str:
        """
        End what a provider asks us to end.

        Returns:
            Where the browser takes our answer; "" if nowhere.

        Raises:
            AssertionMalformed, AssertionRefused: The message is none, or not the provider's.
        """
        provider = await self._sign_on.load(provider_id)
        config = _config(provider)
        asked = self._saml.logout_asked(provider.id, config, provider.key, query)
        await self._end(provider, asked)
        return self._saml.logout_answer(provider.id, config, provider.key, asked, relay_state)

    async def answered(self, provider_id: UUID, query: str) -> None:
        """Check a provider's answer to our own wish; the session here has ended before."""
        provider = await self._sign_on.load(provider_id)
        self._saml.logout_answered(provider.id, _config(provider), provider.key, query)

    async def question(self, actor: Actor, scope: Scope) -> str:
        """
        Where the browser goes so that the provider signs the person out too.

        Returns:
            "" if the session came from no such provider, or it takes no such wish.
        """
        async with transaction(self._database, scope) as session:
            held = await session.get(Session, (scope.org_id, actor.session_id)) if actor.session_id else None
        if held is None or held.provider_id is None or "saml" not in held.methods:
            return ""
        try:
            provider = await self._sign_on.load(held.provider_id)
        except ProviderNotFound:
            return ""
        return self._saml.logout_question(
            provider.id, _config(provider), provider.key, held.provider_subject, held.provider_session
        )

    async def _end(self, provider: Known, asked: LogoutAsked) -> None:
        now = self._clock.now()
        meant = [
            Session.org_id == provider.org_id,
            Session.provider_id == provider.id,
            Session.provider_subject == asked.subject,
            Session.revoked_at.is_(None),
        ]
        if asked.sessions:
            meant.append(Session.provider_session.in_(asked.sessions))
        async with transaction(self._database, provider.scope) as session:
            ended = list((await session.execute(select(Session.id).where(*meant))).scalars())
            await session.execute(
                update(Session).where(*meant).values(revoked_at=now, revoked_reason="provider_logout")
            )
            AuditTrail(session, provider.scope, self._clock).record(
                "session.ended_by_provider",
                by=appliance(f"identity provider {provider.name}"),
                subject=provider.id,
                sessions=[str(one) for one in ended],
            )


def _config(provider: Known) -> SamlConfig:
    if not isinstance(provider.config, SamlConfig):
        raise ProviderNotFound(f"{provider.name} speaks no SAML")
    return provider.config
