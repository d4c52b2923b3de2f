"""
Refresh tokens: each renews the access token once and is replaced (RFC 9700 section 4.14).

A token that comes a second time means that somebody has a copy: the session, and with it the whole family,
ends. One exception: a program whose answer was lost on the way may send the same token again within a few
seconds and gets the *same* new one. It is derived from the old by a keyed hash, so that it need not be
stored, and it is given only while that successor itself was never used. Fifty requests at once therefore
make one successor, not fifty.
"""

import hmac
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Scope
from appliance.foundation.clock import Clock
from appliance.foundation.database import Database, transaction
from appliance.foundation.outbox import Outbox
from appliance.foundation.tokens import hash_of, is_well_formed, token_of
from appliance.identity.admission import person
from appliance.identity.doors import ask
from appliance.identity.errors import RefreshReused, SessionEnded
from appliance.identity.models import RefreshToken, Session, User
from appliance.identity.opening import REFRESH_PREFIX, refresh_token
from appliance.identity.schemas import SignedIn

log = structlog.get_logger()

_GRACE = timedelta(seconds=10)


class Refreshing:
    """
    Args:
        pepper: Keys the derivation of successors.
    """

    def __init__(self, database: Database, clock: Clock, pepper: bytes) -> None:
        self._database, self._clock, self._pepper = database, clock, pepper

    async def renew(self, token: str, *, address: str) -> SignedIn:
        """
        The successor of a refresh token, and whose session it renews.

        Raises:
            RefreshReused: It was used before; the session is over now.
            SessionEnded: Unknown, expired, or its session was ended.
        """
        owners = []
        if is_well_formed(token, REFRESH_PREFIX):
            owners = await ask(self._database, "app.refresh_owner", hash_of(token))
        if not owners:
            raise SessionEnded("the refresh token is not valid; sign in again")
        renewed = await self._renew(Scope(org_id=owners[0].org_id), owners[0].id, token, address)
        if renewed is None:  # what ends the family has committed
            log.warning("refresh_reused", address=address)
            raise RefreshReused("this refresh token was used before; the session was ended, sign in again")
        return renewed

    async def _renew(self, scope: Scope, row_id: UUID, token: str, address: str) -> SignedIn | None:
        now, successor = self._clock.now(), self._successor(token)
        async with transaction(self._database, scope) as session:
            row = await session.get_one(RefreshToken, (scope.org_id, row_id), with_for_update=True)
            held = await session.get_one(Session, (scope.org_id, row.session_id))
            user = await session.get_one(User, (scope.org_id, held.user_id))
            if _is_over(row, held, user, now):
                raise SessionEnded("the session has ended; sign in again")
            if row.used_at is None:
                row.used_at = held.last_seen_at = now
                session.add(refresh_token(held, successor, self._clock))
            elif not await self._is_retry(session, row, successor, now):
                await self._end_family(session, scope, user, held, address)
                return None
            return SignedIn(token=successor, org_id=scope.org_id, session_id=held.id, user_id=user.id)

    async def _is_retry(
        self, session: AsyncSession, row: RefreshToken, successor: str, now: datetime
    ) -> bool:
        if row.used_at is None or now - row.used_at > _GRACE:
            return False
        found = await session.execute(
            select(RefreshToken.used_at).where(
                RefreshToken.org_id == row.org_id, RefreshToken.token_hash == hash_of(successor)
            )
        )
        made = found.first()
        return made is not None and made.used_at is None

    async def _end_family(
        self, session: AsyncSession, scope: Scope, user: User, held: Session, address: str
    ) -> None:
        held.revoked_at, held.revoked_reason = self._clock.now(), "refresh_reused"
        actor = await person(session, scope, user, held, address=address, now=self._clock.now())
        AuditTrail(session, scope, self._clock).record(
            "session.refresh_reused", by=actor, subject=held.id, outcome="denied"
        )
        Outbox(session, scope, self._clock).publish("refresh_reused", user_id=str(user.id))

    def _successor(self, token: str) -> str:
        derived = hmac.new(self._pepper, b"refresh|" + token.encode(), sha256).digest()
        return token_of(REFRESH_PREFIX, urlsafe_b64encode(derived).rstrip(b"=").decode())


def _is_over(row: RefreshToken, held: Session, user: User, now: datetime) -> bool:
    return (
        row.expires_at < now
        or held.revoked_at is not None
        or held.expires_at < now
        or user.status != "active"
    )
