"""
Between the first factor and the session: a code, a recovery code, a passkey, or setting one of them up.

The pending sign-in is locked while a step is tried, counts what was wrong (also when the request fails),
and is used up by the first success. Guessing codes is slowed down per person, over all pending sign-ins.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Actor, ActorKind, Scope
from appliance.foundation.clock import Clock
from appliance.foundation.database import Database, transaction
from appliance.foundation.sealing import Sealer
from appliance.foundation.settings import Web
from appliance.foundation.tokens import hash_of, is_well_formed
from appliance.identity.delays import Delays
from appliance.identity.doors import ask
from appliance.identity.errors import FactorRefused, FurtherStepEnded
from appliance.identity.factor_models import PendingSignIn
from appliance.identity.models import User
from appliance.identity.opening import (
    PENDING_PREFIX,
    Kind,
    Opening,
    ProviderSession,
    Sessions,
    factors_of,
)
from appliance.identity.passkeys import SIGN_IN, Passkeys, RelyingParty
from appliance.identity.policies import PROFILES
from appliance.identity.schemas import FurtherStep, SignedIn
from appliance.identity.totp import Enrolment, Totp

_MOST_FAILURES = 5


class _Held(msgspec.Struct, frozen=True):
    session: AsyncSession
    scope: Scope
    pending: PendingSignIn
    user: User


class SecondStep:
    """What a browser or program that holds a pending sign-in may do."""

    def __init__(
        self, database: Database, clock: Clock, settings: Web, *, pepper: bytes, sealer: Sealer
    ) -> None:
        self._database, self._clock, self._settings, self._sealer = database, clock, settings, sealer
        self._delays = Delays(database, pepper)
        self._party = RelyingParty(id=settings.host_name, origin=settings.public_url.rstrip("/"))

    async def look(self, token: str) -> FurtherStep:
        """
        What is asked for now.

        Raises:
            FurtherStepEnded: Unknown, used, too old, or had too many wrong codes.
        """
        async with self._hold(token) as held:
            factors = await factors_of(held.session, held.scope, held.user.id)
            return FurtherStep(
                token=token,
                step="second_factor" if factors else "enrolment",
                factors=sorted(factors),
                expires_at=held.pending.expires_at,
            )

    async def by_code(self, token: str, code: str, *, address: str, user_agent: str) -> SignedIn:
        """
        The session, for a right code of the authenticator app.

        Raises:
            FactorRefused: Wrong, or used before.
            FurtherStepEnded: The pending sign-in is over.
            SignInDelayed: Too many wrong codes for this person.
        """
        return await self._try(token, lambda held: self._totp(held).verify(code), "otp", address, user_agent)

    async def by_recovery_code(self, token: str, code: str, *, address: str, user_agent: str) -> SignedIn:
        """The session, for a recovery code, which is then burned; errors as in `by_code`."""
        return await self._try(
            token, lambda held: self._totp(held).verify_recovery(code), "recovery_code", address, user_agent
        )

    async def passkey_options(self, token: str) -> dict[str, Any]:
        """What `navigator.credentials.get` is given."""
        async with self._hold(token) as held:
            return await self._passkeys(held).assertion_options(SIGN_IN)

    async def by_passkey(
        self, token: str, credential: dict[str, Any], *, address: str, user_agent: str
    ) -> SignedIn:
        """The session, for a passkey's answer; errors as in `by_code`."""

        async def verify(held: _Held) -> None:
            await self._passkeys(held).verify(credential, SIGN_IN)

        return await self._try(token, verify, "pop", address, user_agent)

    async def begin_enrolment(self, token: str) -> Enrolment:
        """
        The secret for the authenticator app of somebody who has no second factor and needs one.

        The same one each time the page is loaded, until it is confirmed.

        Raises:
            FactorRefused: There is a factor already; it is asked for instead.
        """
        async with self._hold(token) as held:
            await self._ensure_none(held)
            totp = self._totp(held)
            return await totp.waiting(held.user.email) or await totp.begin(held.user.email)

    async def confirm_enrolment(self, token: str, code: str, *, address: str, user_agent: str) -> SignedIn:
        """The session, with fresh recovery codes, for the first code of the new app."""
        codes: list[str] = []

        async def confirm(held: _Held) -> None:
            await self._ensure_none(held)
            codes.extend(await self._totp(held).confirm(code))
            self._record(held, "totp.set_up", address)

        signed_in = await self._try(token, confirm, "otp", address, user_agent)
        return msgspec.structs.replace(signed_in, recovery_codes=codes)

    async def _try(
        self,
        token: str,
        verify: Callable[[_Held], Awaitable[None]],
        method: str,
        address: str,
        user_agent: str,
    ) -> SignedIn:
        refused: FactorRefused | None = None
        async with self._hold(token) as held:
            who = f"second factor|{held.user.id}"
            await self._delays.attempt(who, address, known_here=False, profile=PROFILES["nist"])
            try:
                async with held.session.begin_nested():
                    await verify(held)
            except FactorRefused as error:
                refused = error
                held.pending.failures += 1
                self._record(held, "session.refused", address, outcome="denied", factor=method)
            else:
                held.pending.used_at = self._clock.now()
                opened = await self._open(held, method, address, user_agent)
        if refused is not None:
            raise refused
        await self._delays.succeeded(who, address)
        return opened

    async def _open(self, held: _Held, method: str, address: str, user_agent: str) -> SignedIn:
        pending = held.pending
        kind: Kind = "api" if pending.kind == "api" else "browser"
        opening = Opening(
            kind=kind,
            methods=frozenset(pending.methods) | {method, "mfa"},
            address=address,
            user_agent=user_agent,
            provider=None
            if pending.provider_id is None
            else ProviderSession(pending.provider_id, pending.provider_subject, pending.provider_session),
        )
        return await Sessions(held.session, held.scope, self._clock, self._settings).open(held.user, opening)

    @asynccontextmanager
    async def _hold(self, token: str) -> AsyncGenerator[_Held]:
        owners = []
        if is_well_formed(token, PENDING_PREFIX):
            owners = await ask(self._database, "app.pending_owner", hash_of(token))
        if not owners:
            raise FurtherStepEnded("this sign-in is over; begin again")
        scope = Scope(org_id=owners[0].org_id)
        async with transaction(self._database, scope) as session:
            pending = await session.get(PendingSignIn, (scope.org_id, owners[0].id), with_for_update=True)
            is_over = (
                pending is None
                or pending.used_at is not None
                or pending.expires_at < self._clock.now()
                or pending.failures >= _MOST_FAILURES
            )
            if pending is None or is_over:
                raise FurtherStepEnded("this sign-in is over; begin again")
            user = await session.get_one(User, (scope.org_id, pending.user_id))
            if user.status != "active":
                raise FurtherStepEnded("the account is not active; ask an administrator")
            yield _Held(session, scope, pending, user)

    async def _ensure_none(self, held: _Held) -> None:
        if await factors_of(held.session, held.scope, held.user.id):
            raise FactorRefused("a second factor is set up already; use it")

    def _totp(self, held: _Held) -> Totp:
        return Totp(held.session, held.scope, held.user.id, clock=self._clock, sealer=self._sealer)

    def _passkeys(self, held: _Held) -> Passkeys:
        return Passkeys(held.session, held.scope, held.user.id, clock=self._clock, party=self._party)

    def _record(
        self, held: _Held, action: str, address: str, *, outcome: str = "success", **detail: str
    ) -> None:
        by = Actor(ActorKind.USER, held.user.id, held.user.email, frozenset(), address=address)
        AuditTrail(held.session, held.scope, self._clock).record(
            action, by=by, subject=held.user.id, outcome=outcome, **detail
        )
