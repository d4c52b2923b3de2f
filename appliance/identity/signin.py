"""
Signing in: from a name and a password, a link or an identity provider's word to a session.

Works before anybody is inside: it asks the narrow definer functions whose name or secret was presented
(`migrations/doors.sql`), enters that organisation, and goes on within its walls. Every success and
failure is an audit entry; a failure commits in a transaction of its own. What follows the first factor is
in `opening.py` and `second_step.py`.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Actor, ActorKind, Scope
from appliance.foundation.clock import Clock
from appliance.foundation.database import Database, transaction
from appliance.foundation.settings import Web
from appliance.foundation.tokens import hash_of
from appliance.identity import passwords
from appliance.identity.admission import person
from appliance.identity.changing import PasswordChange
from appliance.identity.delays import Delays
from appliance.identity.doors import ask
from appliance.identity.errors import LinkRefused, SignInRefused
from appliance.identity.models import OneTimeLink, Organisation, Session, User
from appliance.identity.opening import Kind, Opening, Sessions
from appliance.identity.password_lists import BreachedPasswords
from appliance.identity.policies import PROFILES, Profile, profile
from appliance.identity.ports import PasswordDirectory
from appliance.identity.schemas import FurtherStep, SignedIn

log = structlog.get_logger()

LINK_PREFIX = "xdr_otl"
LINK_LIFE_BY_MAIL = timedelta(hours=1)


class Gate:
    """
    Lets people in.

    Args:
        pepper: Keys the HMAC under which tried names are remembered.
        directory: Asked when no local password fits; None where no directory is configured.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: Web,
        *,
        pepper: bytes,
        breached: BreachedPasswords,
        directory: PasswordDirectory | None = None,
    ) -> None:
        self._database, self._clock, self._settings = database, clock, settings
        self._delays, self._breached, self._directory = Delays(database, pepper), breached, directory

    async def sign_in(
        self, email: str, password: str, *, address: str, user_agent: str, kind: Kind = "browser"
    ) -> SignedIn | FurtherStep:
        """
        A fresh session, or the step that is still missing.

        Raises:
            SignInDelayed: This name or address must wait.
            SignInRefused: Name or password is wrong; which of the two is never said.
        """
        email = email.strip().lower()
        # What cannot be anybody's name, such as one with a NUL, is nobody's; it takes as long to find out.
        known = email if email.isprintable() else ""
        owners = await ask(self._database, "app.user_owner", known)
        await self._delays.attempt(
            email,
            address,
            known_here=await self._known_here(owners, address),
            profile=await self._profile(owners),
        )
        opening = Opening(kind=kind, methods=frozenset({"pwd"}), address=address, user_agent=user_agent)
        for owner in owners:
            signed_in = await self._by_password(owner, password, opening)
            if signed_in is not None:
                await self._delays.succeeded(email, address)
                return signed_in
        if not owners:
            await passwords.verified("", password)
        if (admitted := await self._by_directory(known, password, opening)) is not None:
            await self._delays.succeeded(email, address)
            return admitted
        await self._remember_failure(owners, email, address)
        raise SignInRefused("name or password is wrong")

    async def redeem(
        self, token: str, password: str, *, address: str, user_agent: str, kind: Kind = "browser"
    ) -> SignedIn | FurtherStep:
        """
        Set a password by a one-time link, and sign in. A second factor that is set up is still asked for.

        Raises:
            LinkRefused: Unknown, used or expired.
            PasswordTooWeak: Says what to change; the link stays good.
        """
        owners = await ask(self._database, "app.one_time_link_owner", hash_of(token))
        if not owners:
            raise LinkRefused("this link is not valid; ask an administrator for a new one")
        scope = Scope(org_id=owners[0].org_id)
        opening = Opening(kind=kind, methods=frozenset({"pwd"}), address=address, user_agent=user_agent)
        async with transaction(self._database, scope) as session:
            link = await session.get(OneTimeLink, (scope.org_id, owners[0].id), with_for_update=True)
            now = self._clock.now()
            if link is None or link.used_at is not None or link.expires_at < now:
                raise LinkRefused("this link was used or has expired; ask an administrator for a new one")
            user = await session.get_one(User, (scope.org_id, link.user_id))
            link.used_at = now
            actor = await person(session, scope, user, None, address=address, now=now)
            change = PasswordChange(session, scope, self._clock, self._breached)
            await change.set(user, password, by=actor)
            user.status = "active"
            await end_all(session, scope, user.id, self._clock, "password_set")
            return await Sessions(session, scope, self._clock, self._settings).go_on(user, opening)

    async def open_session(self, scope: Scope, user_id: UUID, opening: Opening) -> SignedIn | FurtherStep:
        """
        Go on with somebody whom an identity provider vouches for.

        Raises:
            SignInRefused: The account is not active.
        """
        async with transaction(self._database, scope) as session:
            user = await session.get(User, (scope.org_id, user_id))
            if user is None or user.status != "active":
                raise SignInRefused("the account is not active; ask an administrator")
            return await Sessions(session, scope, self._clock, self._settings).go_on(user, opening)

    async def sign_out(self, actor: Actor, scope: Scope) -> None:
        async with transaction(self._database, scope) as session:
            held = await session.get_one(Session, (scope.org_id, actor.session_id))
            held.revoked_at, held.revoked_reason = self._clock.now(), "signed_out"
            AuditTrail(session, scope, self._clock).record("session.ended", by=actor, subject=held.id)

    async def _by_password(
        self, owner: Any, password: str, opening: Opening
    ) -> SignedIn | FurtherStep | None:
        scope = Scope(org_id=owner.org_id)
        async with transaction(self._database, scope) as session:
            user = await session.get(User, (scope.org_id, owner.id))
            organisation = await session.get(Organisation, scope.org_id)
        # Verified outside a transaction: it takes a tenth of a second, and connections are few.
        is_right = await passwords.verified(user.password_hash if user else "", password)
        if user is None or organisation is None or not is_right or user.status != "active":
            return None
        if organisation.status != "active" or (organisation.sso_enforced and not user.is_break_glass):
            return None
        async with transaction(self._database, scope) as session:
            user = await session.get_one(User, (scope.org_id, owner.id))
            if passwords.is_outdated(user.password_hash):
                user.password_hash = await passwords.hashed(password)
            return await Sessions(session, scope, self._clock, self._settings).go_on(user, opening)

    async def _by_directory(
        self, login: str, password: str, opening: Opening
    ) -> SignedIn | FurtherStep | None:
        if self._directory is None or not password:
            return None
        admitted = await self._directory.authenticate(login, password, address=opening.address)
        if admitted is None:
            return None
        vouched = Opening(
            kind=opening.kind,
            methods=opening.methods | admitted.methods,
            address=opening.address,
            user_agent=opening.user_agent,
            provider=admitted.provider,
        )
        return await self.open_session(Scope(org_id=admitted.org_id), admitted.user_id, vouched)

    async def _known_here(self, owners: list[Any], address: str) -> bool:
        for owner in owners:
            scope = Scope(org_id=owner.org_id)
            async with transaction(self._database, scope) as session:
                before = await session.execute(
                    select(Session.id)
                    .where(
                        Session.org_id == scope.org_id,
                        Session.user_id == owner.id,
                        Session.address == address,
                    )
                    .limit(1)
                )
                if before.first() is not None:
                    return True
        return False

    async def _profile(self, owners: list[Any]) -> Profile:
        if not owners:
            return PROFILES["nist"]
        scope = Scope(org_id=owners[0].org_id)
        async with transaction(self._database, scope) as session:
            organisation = await session.get_one(Organisation, scope.org_id)
            return profile(organisation.profile)

    async def _remember_failure(self, owners: list[Any], email: str, address: str) -> None:
        log.warning("sign_in_failed", address=address, known=bool(owners))
        for owner in owners:
            scope = Scope(org_id=owner.org_id)
            tried = Actor(ActorKind.USER, owner.id, email, frozenset(), address=address)
            async with transaction(self._database, scope) as session:
                AuditTrail(session, scope, self._clock).record(
                    "session.refused", by=tried, subject=owner.id, outcome="denied"
                )


async def end_all(session: AsyncSession, scope: Scope, user_id: UUID, clock: Clock, reason: str) -> None:
    """End every session of a user, refresh tokens with them."""
    await session.execute(
        update(Session)
        .where(Session.org_id == scope.org_id, Session.user_id == user_id, Session.revoked_at.is_(None))
        .values(revoked_at=clock.now(), revoked_reason=reason)
    )
