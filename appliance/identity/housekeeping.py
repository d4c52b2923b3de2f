"""
What time does to accounts: rows that are over go, keys are rotated, unused accounts are suspended.

Runs as the appliance itself every ten minutes, for each organisation; running it twice changes nothing.
"""

from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Scope, appliance
from appliance.foundation.clock import Clock
from appliance.foundation.database import Database, platform_transaction, transaction
from appliance.foundation.queue import JobKind
from appliance.foundation.sealing import Sealer
from appliance.identity import signing_keys
from appliance.identity.errors import LastSuperAdmin
from appliance.identity.factor_models import Challenge, PendingSignIn
from appliance.identity.governance_models import SigningKey
from appliance.identity.last_admin import keep_a_super_admin
from appliance.identity.models import OneTimeLink, Organisation, Session, User
from appliance.identity.policies import profile
from appliance.identity.signin import end_all

HOUSEKEEPING_JOB = JobKind("identity.housekeeping", permission=None)
KEYS_CHANGE_AFTER = timedelta(days=30)
_KEPT = timedelta(days=30)  # ended sessions stay so long, for whoever asks who was there


class Housekeeping:
    """One round for one organisation."""

    def __init__(self, database: Database, clock: Clock, sealer: Sealer) -> None:
        self._database, self._clock, self._sealer = database, clock, sealer

    async def run(self, scope: Scope) -> None:
        now = self._clock.now()
        async with transaction(self._database, scope) as session:
            await _forget_what_is_over(session, scope, now)
            await self._suspend_the_unused(session, scope, now)
        await self._rotate_old_keys(now)

    async def _suspend_the_unused(self, session: AsyncSession, scope: Scope, now: datetime) -> None:
        organisation = await session.get_one(Organisation, scope.org_id)
        days = profile(organisation.profile).inactive_days
        if not days:
            return
        oldest = now - timedelta(days=days)
        unused = await session.execute(
            select(User).where(
                User.org_id == scope.org_id,
                User.status == "active",
                ~User.is_break_glass,
                or_(
                    User.last_sign_in_at < oldest, User.last_sign_in_at.is_(None) & (User.created_at < oldest)
                ),
            )
        )
        trail = AuditTrail(session, scope, self._clock)
        for user in unused.scalars():
            try:
                await keep_a_super_admin(session, scope, without={user.id}, now=now)
            except LastSuperAdmin:
                continue
            user.status = "suspended"
            await end_all(session, scope, user.id, self._clock, "unused")
            trail.record("user.suspended", by=appliance("housekeeping"), subject=user.id, unused_days=days)

    async def _rotate_old_keys(self, now: datetime) -> None:
        async with platform_transaction(self._database) as session:
            found = await session.execute(select(SigningKey).where(SigningKey.state == "active"))
            key = found.scalar_one_or_none()
            if key is not None and key.activated_at and key.activated_at < now - KEYS_CHANGE_AFTER:
                await signing_keys.rotate(session, self._sealer, self._clock)


async def _forget_what_is_over(session: AsyncSession, scope: Scope, now: datetime) -> None:
    mine = scope.org_id
    for forgotten in (
        delete(Challenge).where(Challenge.org_id == mine, Challenge.expires_at < now),
        delete(PendingSignIn).where(PendingSignIn.org_id == mine, PendingSignIn.expires_at < now),
        delete(OneTimeLink).where(OneTimeLink.org_id == mine, OneTimeLink.expires_at < now - _KEPT),
        # Refresh tokens go with their session.
        delete(Session).where(
            Session.org_id == mine,
            or_(Session.expires_at < now - _KEPT, Session.revoked_at < now - _KEPT),
        ),
    ):
        await session.execute(forgotten)
