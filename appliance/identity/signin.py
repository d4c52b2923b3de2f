"""
Signing in: from a name and a password, a link or a token to an actor inside an organisation.

Works before anybody is inside: it asks the narrow definer functions whose secret was presented
(`migrations/doors.sql`), enters that organisation, and goes on within its walls. Every success and
failure is an audit entry; a failure commits in a transaction of its own.
"""

import hmac
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Actor, ActorKind, Permission, Scope
from appliance.foundation.clock import Clock
from appliance.foundation.database import Database, anonymous_transaction, transaction
from appliance.foundation.ids import new_id
from appliance.foundation.settings import Web
from appliance.foundation.tokens import hash_of, is_well_formed, new_token
from appliance.identity import passwords
from appliance.identity.errors import LinkRefused, SessionEnded, SignInDelayed, SignInRefused, TokenRefused
from appliance.identity.models import ApiToken, OneTimeLink, RoleAssignment, Session, User
from appliance.identity.roles import permissions_of
from appliance.identity.schemas import SignedIn

log = structlog.get_logger()

SESSION_PREFIX, TOKEN_PREFIX, LINK_PREFIX = "xdr_ses", "xdr_api", "xdr_otl"
_SEEN_EVERY = timedelta(minutes=1)  # how exact last_seen_at is; a write per request would be too dear


class Gate:
    """
    Lets people and tokens in.

    Args:
        pepper: Keys the HMAC under which tried names are remembered.
    """

    def __init__(self, database: Database, clock: Clock, settings: Web, pepper: bytes) -> None:
        self._database, self._clock, self._settings, self._pepper = database, clock, settings, pepper

    async def sign_in(self, email: str, password: str, *, address: str, user_agent: str) -> SignedIn:
        """
        A fresh session; the id is new on every sign-in, so a planted one is worth nothing.

        Raises:
            SignInDelayed: This name or address must wait.
            SignInRefused: Name or password is wrong.
        """
        email = email.strip().lower()
        subjects = [self._subject("name", email), self._subject("address", address)]
        await self._check_delay(subjects)
        owners = await self._ask("app.user_owner", email)
        for owner in owners:
            async with transaction(self._database, Scope(org_id=owner.org_id)) as session:
                user = await session.get(User, (owner.org_id, owner.id))
            if (
                user is not None
                and await passwords.verified(user.password_hash, password)
                and user.status == "active"
            ):
                await self._forgive(subjects[:1])
                return await self._open_session(user, address, user_agent)
        if not owners:
            await passwords.verified("", password)
        await self._remember_failure(subjects, owners, email, address)
        raise SignInRefused("name or password is wrong")

    async def redeem(self, token: str, password: str, *, address: str, user_agent: str) -> SignedIn:
        """
        Set a password by a one-time link, and sign in.

        Raises:
            LinkRefused: Unknown, used or expired.
            PasswordTooWeak: Says what to change; the link stays good.
        """
        owners = await self._ask("app.one_time_link_owner", hash_of(token))
        if not owners:
            raise LinkRefused("this link is not valid; ask an administrator for a new one")
        scope = Scope(org_id=owners[0].org_id)
        async with transaction(self._database, scope) as session:
            link = await session.get(OneTimeLink, (scope.org_id, owners[0].id), with_for_update=True)
            now = self._clock.now()
            if link is None or link.used_at is not None or link.expires_at < now:
                raise LinkRefused("this link was used or has expired; ask an administrator for a new one")
            user = await session.get_one(User, (scope.org_id, link.user_id))
            passwords.check_policy(password, email=user.email)
            user.password_hash, user.status = await passwords.hashed(password), "active"
            link.used_at = now
            await session.execute(
                update(Session)
                .where(Session.user_id == user.id, Session.revoked_at.is_(None))
                .values(revoked_at=now)
            )
            actor = await _person(session, scope, user, None, address)
            AuditTrail(session, scope, self._clock).record("user.password_set", by=actor, subject=user.id)
        return await self._open_session(user, address, user_agent)

    async def actor_of_session(self, token: str, *, address: str) -> tuple[Actor, Scope, datetime]:
        """
        Who holds this cookie, and until when.

        Raises:
            SessionEnded: Unknown, ended, idle too long or too old.
        """
        owners = (
            await self._ask("app.session_owner", hash_of(token))
            if is_well_formed(token, SESSION_PREFIX)
            else []
        )
        if not owners:
            raise SessionEnded("sign in again")
        scope = Scope(org_id=owners[0].org_id)
        async with transaction(self._database, scope) as session:
            held = await session.get_one(Session, (scope.org_id, owners[0].id))
            now, idle = self._clock.now(), timedelta(minutes=self._settings.session_idle_minutes)
            if held.revoked_at is not None or held.expires_at < now or held.last_seen_at + idle < now:
                raise SessionEnded("the session has ended; sign in again")
            if now - held.last_seen_at > _SEEN_EVERY:
                held.last_seen_at = now
            user = await session.get_one(User, (scope.org_id, held.user_id))
            if user.status != "active":
                raise SessionEnded("the account is not active; ask an administrator")
            return await _person(session, scope, user, held.id, address), scope, held.expires_at

    async def actor_of_token(self, token: str, *, address: str) -> tuple[Actor, Scope]:
        """
        What an API token may do: what its user may, narrowed to what the token was given.

        Raises:
            TokenRefused: Unknown, revoked or expired.
        """
        owners = (
            await self._ask("app.api_token_owner", hash_of(token))
            if is_well_formed(token, TOKEN_PREFIX)
            else []
        )
        if not owners:
            raise TokenRefused("the token is not valid; create one with `xdr token create`")
        scope = Scope(org_id=owners[0].org_id)
        async with transaction(self._database, scope) as session:
            held = await session.get_one(ApiToken, (scope.org_id, owners[0].id))
            now = self._clock.now()
            if held.revoked_at is not None or held.expires_at < now:
                raise TokenRefused("the token was revoked or has expired; create a new one")
            if held.last_used_at is None or now - held.last_used_at > _SEEN_EVERY:
                held.last_used_at = now
            user = await session.get_one(User, (scope.org_id, held.user_id))
            if user.status != "active":
                raise TokenRefused("the account of this token is not active; ask an administrator")
            person = await _person(session, scope, user, None, address)
            allowed = person.permissions & {Permission(name) for name in held.permissions}
            named = f"{user.email} (token {held.name})"
            return Actor(ActorKind.TOKEN, user.id, named, frozenset(allowed), address=address), scope

    async def sign_out(self, actor: Actor, scope: Scope) -> None:
        async with transaction(self._database, scope) as session:
            held = await session.get_one(Session, (scope.org_id, actor.session_id))
            held.revoked_at = self._clock.now()
            AuditTrail(session, scope, self._clock).record("session.ended", by=actor, subject=held.id)

    async def _open_session(self, user: User, address: str, user_agent: str) -> SignedIn:
        scope, token, now = Scope(org_id=user.org_id), new_token(SESSION_PREFIX), self._clock.now()
        async with transaction(self._database, scope) as session:
            held = Session(
                org_id=user.org_id, id=new_id(self._clock), user_id=user.id, token_hash=hash_of(token),
                created_at=now, last_seen_at=now, address=address, user_agent=user_agent[:400],
                expires_at=now + timedelta(hours=self._settings.session_absolute_hours),
            )  # fmt: skip
            session.add(held)
            actor = await _person(session, scope, user, held.id, address)
            AuditTrail(session, scope, self._clock).record("session.started", by=actor, subject=held.id)
        return SignedIn(token=token, org_id=user.org_id, session_id=held.id)

    async def _ask(self, function: str, key: object) -> list[Any]:
        async with anonymous_transaction(self._database) as session:
            # S608: the function is a constant of this module.
            return list((await session.execute(text(f"SELECT * FROM {function}(:key)"), {"key": key})).all())  # noqa: S608 — see above

    def _subject(self, kind: str, value: str) -> bytes:
        return hmac.new(self._pepper, f"{kind}|{value}".encode(errors="replace"), sha256).digest()

    async def _check_delay(self, subjects: list[bytes]) -> None:
        async with anonymous_transaction(self._database) as session:
            waits = [
                (await session.execute(text("SELECT app.signin_wait(:who)"), {"who": who})).scalar_one()
                for who in subjects
            ]
        if (wait := max(waits)) > 0:
            seconds = int(wait) + 1
            raise SignInDelayed(f"too many failures; try again in {seconds} s", retry_after_seconds=seconds)

    async def _forgive(self, subjects: list[bytes]) -> None:
        async with anonymous_transaction(self._database) as session:
            for who in subjects:
                await session.execute(text("SELECT app.signin_succeeded(:who)"), {"who": who})

    async def _remember_failure(
        self, subjects: list[bytes], owners: list[Any], email: str, address: str
    ) -> None:
        async with anonymous_transaction(self._database) as session:
            for who in subjects:
                await session.execute(text("SELECT app.signin_failed(:who)"), {"who": who})
        log.warning("sign_in_failed", address=address, known=bool(owners))
        for owner in owners:
            scope = Scope(org_id=owner.org_id)
            tried = Actor(ActorKind.USER, owner.id, email, frozenset(), address=address)
            async with transaction(self._database, scope) as session:
                AuditTrail(session, scope, self._clock).record(
                    "session.refused", by=tried, subject=owner.id, outcome="denied"
                )


async def _person(
    session: AsyncSession, scope: Scope, user: User, session_id: UUID | None, address: str
) -> Actor:
    names = (
        await session.execute(
            select(RoleAssignment.role).where(
                RoleAssignment.org_id == scope.org_id,
                RoleAssignment.user_id == user.id,
                (RoleAssignment.expires_at.is_(None)) | (RoleAssignment.expires_at > text("now()")),
            )
        )
    ).scalars()
    return Actor(
        kind=ActorKind.USER, id=user.id, name=user.email, permissions=permissions_of(list(names)),
        session_id=session_id, address=address,
    )  # fmt: skip
