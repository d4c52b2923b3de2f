"""
From a cookie, an access token or an API token to an actor inside an organisation, at every request.

Postgres is asked each time: an ended session, a suspended account or a role taken away counts with the
next request, whatever a cache would remember, and whether or not there is one.
"""

from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.foundation.actors import Actor, ActorKind, Permission, Scope
from appliance.foundation.clock import Clock
from appliance.foundation.database import Database, transaction
from appliance.foundation.settings import Web
from appliance.foundation.tokens import hash_of, is_well_formed
from appliance.identity.access_tokens import AccessTokens
from appliance.identity.doors import ask
from appliance.identity.errors import SessionEnded, TokenRefused
from appliance.identity.models import ApiToken, Organisation, Session, User
from appliance.identity.policies import needs_second_factor, profile
from appliance.identity.roles import held_permissions

SESSION_PREFIX, TOKEN_PREFIX = "xdr_ses", "xdr_api"
_SEEN_EVERY = timedelta(minutes=1)  # how exact last_seen_at is; a write per request would be too dear


class Admitted(NamedTuple):
    """Who may go on, within which walls, and until when."""

    actor: Actor
    scope: Scope
    expires_at: datetime


class Admission:
    """Asks who a credential belongs to and whether it still counts."""

    def __init__(self, database: Database, clock: Clock, settings: Web, tokens: AccessTokens) -> None:
        self._database, self._clock, self._settings, self._tokens = database, clock, settings, tokens

    async def of_cookie(self, token: str, *, address: str) -> Admitted:
        """
        Who holds this cookie.

        Raises:
            SessionEnded: Unknown, ended, idle too long or too old.
        """
        owners = []
        if is_well_formed(token, SESSION_PREFIX):
            owners = await ask(self._database, "app.session_owner", hash_of(token))
        if not owners:
            raise SessionEnded("sign in again")
        return await self._of_session(Scope(org_id=owners[0].org_id), owners[0].id, "browser", address)

    async def of_access_token(self, token: str, *, address: str) -> Admitted:
        """
        Who an access token speaks for.

        Raises:
            TokenRefused: Not ours, altered or expired.
            SessionEnded: Its session was ended.
        """
        claim = await self._tokens.verify(token)
        return await self._of_session(Scope(org_id=claim.org_id), claim.session_id, "api", address)

    async def of_api_token(self, token: str, *, address: str) -> Admitted:
        """
        What an API token may do: what its user may, narrowed to what the token was given.

        Raises:
            TokenRefused: Unknown, revoked, expired, or sent from where it may not be used.
        """
        owners = []
        if is_well_formed(token, TOKEN_PREFIX):
            owners = await ask(self._database, "app.api_token_owner", hash_of(token))
        if not owners:
            raise TokenRefused("the token is not valid; create one with `xdr token create`")
        scope = Scope(org_id=owners[0].org_id)
        async with transaction(self._database, scope) as session:
            held = await session.get_one(ApiToken, (scope.org_id, owners[0].id))
            now = self._clock.now()
            _check_token(held, now, address)
            await _check_organisation(session, scope)
            if held.last_used_at is None or now - held.last_used_at > _SEEN_EVERY:
                held.last_used_at = now
            return Admitted(await _bearer(session, scope, held, now, address), scope, held.expires_at)

    async def _of_session(self, scope: Scope, session_id: UUID, kind: str, address: str) -> Admitted:
        async with transaction(self._database, scope) as session:
            row = (
                await session.execute(
                    select(Session, User, Organisation)
                    .join(User, (User.org_id == Session.org_id) & (User.id == Session.user_id))
                    .join(Organisation, Organisation.id == Session.org_id)
                    .where(Session.org_id == scope.org_id, Session.id == session_id)
                )
            ).first()
            if row is None or row.Session.kind != kind:
                raise SessionEnded("sign in again")
            held, user, organisation = row.Session, row.User, row.Organisation
            now = self._clock.now()
            self._check_session(held, user, organisation, now)
            if now - held.last_seen_at > _SEEN_EVERY:
                held.last_seen_at = now
            actor = await person(session, scope, user, held, address=address, now=now)
            _check_factors(held, organisation, actor)
            return Admitted(actor, scope, held.expires_at)

    def _check_session(self, held: Session, user: User, organisation: Organisation, now: datetime) -> None:
        idle = min(profile(organisation.profile).idle, timedelta(minutes=self._settings.session_idle_minutes))
        # A program is idle between its refreshes; those have a life of their own.
        is_idle = held.kind == "browser" and held.last_seen_at + idle < now
        if held.revoked_at is not None or held.expires_at < now or is_idle:
            raise SessionEnded("the session has ended; sign in again")
        if user.status != "active" or organisation.status != "active":
            raise SessionEnded("the account is not active; ask an administrator")


def _check_factors(held: Session, organisation: Organisation, actor: Actor) -> None:
    needed = needs_second_factor(
        actor.permissions, profile(organisation.profile), required=organisation.mfa_required
    )
    if needed and "mfa" not in held.methods:
        # A role or a policy came after the sign-in.
        raise SessionEnded("what you may do now takes a second factor; sign in again")


def _check_token(held: ApiToken, now: datetime, address: str) -> None:
    if held.revoked_at is not None or held.expires_at < now:
        raise TokenRefused("the token was revoked or has expired; create a new one")
    if held.networks and not _is_within(address, held.networks):
        raise TokenRefused("the token may not be used from this address; see its networks")


def _is_within(address: str, networks: list[str]) -> bool:
    try:
        sender = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(sender, "ipv4_mapped", None)
    return any((mapped or sender) in ip_network(network) for network in networks)


async def _check_organisation(session: AsyncSession, scope: Scope) -> None:
    organisation = await session.get_one(Organisation, scope.org_id)
    if organisation.status != "active":
        raise TokenRefused("the organisation is suspended; ask the appliance's administrator")


async def _bearer(session: AsyncSession, scope: Scope, held: ApiToken, now: datetime, address: str) -> Actor:
    granted = frozenset(Permission(name) for name in held.permissions if name in _KNOWN)
    if held.user_id is None:
        return Actor(ActorKind.TOKEN, held.id, f"service token {held.name}", granted, address=address)
    user = await session.get_one(User, (scope.org_id, held.user_id))
    if user.status != "active":
        raise TokenRefused("the account of this token is not active; ask an administrator")
    allowed = granted & await held_permissions(session, scope, user.id, now)
    named = f"{user.email} (token {held.name})"
    return Actor(ActorKind.TOKEN, user.id, named, allowed, address=address)


async def person(
    session: AsyncSession, scope: Scope, user: User, held: Session | None, *, address: str, now: datetime
) -> Actor:
    """A user as an actor, with what the roles allow now."""
    return Actor(
        kind=ActorKind.USER, id=user.id, name=user.email,
        permissions=await held_permissions(session, scope, user.id, now),
        session_id=None if held is None else held.id, address=address,
        proved_at=None if held is None else held.stepped_up_at,
    )  # fmt: skip


_KNOWN = {permission.value for permission in Permission}
