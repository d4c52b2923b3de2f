"""
The last steps of every sign-in, whoever vouched for the person: the second factor, then the session.

A session's id is new each time and never one that a client chose. Until the second factor was right there
is only a pending sign-in, which opens nothing.
"""

import secrets
from collections.abc import Set as AbstractSet
from datetime import timedelta
from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Scope
from appliance.foundation.clock import Clock
from appliance.foundation.ids import new_id
from appliance.foundation.outbox import Outbox
from appliance.foundation.settings import Web
from appliance.foundation.tokens import hash_of, new_token
from appliance.identity.admission import SESSION_PREFIX, person
from appliance.identity.errors import SignInRefused
from appliance.identity.factor_models import Passkey, PendingSignIn, TotpFactor
from appliance.identity.models import Organisation, RefreshToken, Session, User
from appliance.identity.policies import needs_second_factor, profile
from appliance.identity.roles import held_permissions
from appliance.identity.schemas import FurtherStep, SignedIn

PENDING_PREFIX, REFRESH_PREFIX = "xdr_psi", "xdr_ref"
PENDING_LIFE = timedelta(minutes=10)
REFRESH_IDLE = timedelta(days=7)
Kind = Literal["browser", "api"]


class ProviderSession(msgspec.Struct, frozen=True):
    """Who vouched, and what it calls person and session; single logout finds the session by it."""

    provider_id: UUID
    subject: str
    session: str = ""


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody comes in: for a browser or a program, proved by which methods (RFC 8176), from where."""

    kind: Kind = "browser"
    methods: frozenset[str]
    address: str
    user_agent: str
    provider: ProviderSession | None = None


class Sessions:
    """Opens sessions within one transaction."""

    def __init__(self, session: AsyncSession, scope: Scope, clock: Clock, settings: Web) -> None:
        self._session, self._scope, self._clock, self._settings = session, scope, clock, settings

    async def go_on(self, user: User, opening: Opening) -> SignedIn | FurtherStep:
        """
        A session, or what is still to be proved or set up before there is one.

        Raises:
            SignInRefused: The organisation is suspended.
        """
        await self._ensure_active()
        factors = await factors_of(self._session, self._scope, user.id)
        if "mfa" in opening.methods:
            return await self.open(user, opening)
        organisation = await self._session.get_one(Organisation, self._scope.org_id)
        permissions = await held_permissions(self._session, self._scope, user.id, self._clock.now())
        is_needed = needs_second_factor(
            permissions, profile(organisation.profile), required=organisation.mfa_required
        )
        if not factors and not is_needed:
            return await self.open(user, opening)
        return self._ask_for_more(user, opening, factors)

    async def open(self, user: User, opening: Opening) -> SignedIn:
        """
        A fresh session, audited; for a program with its first refresh token instead of a cookie.

        Raises:
            SignInRefused: The organisation is suspended.
        """
        await self._ensure_active()
        now, provider = self._clock.now(), opening.provider
        is_browser = opening.kind == "browser"
        token = new_token(SESSION_PREFIX if is_browser else REFRESH_PREFIX)
        held = Session(
            org_id=self._scope.org_id, id=new_id(self._clock), user_id=user.id, kind=opening.kind,
            token_hash=hash_of(token) if is_browser else secrets.token_bytes(32),
            methods=sorted(opening.methods), created_at=now, last_seen_at=now, stepped_up_at=now,
            expires_at=now + await self._absolute(opening.kind), address=opening.address,
            user_agent=opening.user_agent[:400],
            provider_id=provider.provider_id if provider else None,
            provider_subject=provider.subject if provider else "",
            provider_session=provider.session if provider else "",
        )  # fmt: skip
        self._session.add(held)
        user.last_sign_in_at = now
        await self._session.flush()
        if not is_browser:
            self._session.add(refresh_token(held, token, self._clock))
        await self._tell(user, held, opening)
        return SignedIn(token=token, org_id=self._scope.org_id, session_id=held.id, user_id=user.id)

    async def _ensure_active(self) -> None:
        organisation = await self._session.get_one(Organisation, self._scope.org_id)
        if organisation.status != "active":
            raise SignInRefused("the organisation is suspended; ask the appliance's administrator")

    async def _tell(self, user: User, held: Session, opening: Opening) -> None:
        actor = await person(
            self._session, self._scope, user, held, address=opening.address, now=self._clock.now()
        )
        trail = AuditTrail(self._session, self._scope, self._clock)
        trail.record("session.started", by=actor, subject=held.id, methods=sorted(opening.methods))
        if user.is_break_glass:
            trail.record("break_glass.used", by=actor, subject=user.id)
            Outbox(self._session, self._scope, self._clock).publish(
                "break_glass_used", user_id=str(user.id), address=opening.address
            )

    async def _absolute(self, kind: Kind) -> timedelta:
        organisation = await self._session.get_one(Organisation, self._scope.org_id)
        chosen = profile(organisation.profile)
        if kind == "api":
            return timedelta(days=chosen.program_days)
        return min(chosen.absolute, timedelta(hours=self._settings.session_absolute_hours))

    def _ask_for_more(self, user: User, opening: Opening, factors: AbstractSet[str]) -> FurtherStep:
        token, expires_at = new_token(PENDING_PREFIX), self._clock.now() + PENDING_LIFE
        provider = opening.provider
        self._session.add(
            PendingSignIn(
                org_id=self._scope.org_id, id=new_id(self._clock), user_id=user.id, kind=opening.kind,
                token_hash=hash_of(token), methods=sorted(opening.methods), expires_at=expires_at,
                provider_id=provider.provider_id if provider else None,
                provider_subject=provider.subject if provider else "",
                provider_session=provider.session if provider else "",
            )
        )  # fmt: skip
        return FurtherStep(
            token=token,
            step="second_factor" if factors else "enrolment",
            factors=sorted(factors),
            expires_at=expires_at,
        )


def refresh_token(held: Session, token: str, clock: Clock) -> RefreshToken:
    """A row for a refresh token of this session; it lives a week, and never longer than the session."""
    now = clock.now()
    return RefreshToken(
        org_id=held.org_id, id=new_id(clock), session_id=held.id, token_hash=hash_of(token), issued_at=now,
        expires_at=min(now + REFRESH_IDLE, held.expires_at),
    )  # fmt: skip


async def factors_of(session: AsyncSession, scope: Scope, user_id: UUID) -> set[str]:
    """Which second factors a user has set up."""
    totp = await session.get(TotpFactor, (scope.org_id, user_id))
    keys = await session.execute(
        select(Passkey.id).where(Passkey.org_id == scope.org_id, Passkey.user_id == user_id).limit(1)
    )
    found = {"passkey"} if keys.first() else set()
    if totp is not None and totp.confirmed_at is not None:
        found |= {"totp", "recovery_code"}
    return found
