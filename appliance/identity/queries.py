"""What is read about people, in one statement each."""

from collections import defaultdict
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.foundation.actors import Scope
from appliance.identity.factor_models import Passkey, TotpFactor
from appliance.identity.models import RoleAssignment, User
from appliance.identity.schemas import UserSummary


async def users(session: AsyncSession, scope: Scope) -> list[UserSummary]:
    """Everybody of the organisation, by name, with roles that have not expired and second factors."""
    held = func.array_agg(aggregate_order_by(RoleAssignment.role.distinct(), RoleAssignment.role)).filter(
        RoleAssignment.role.is_not(None)
    )
    rows = await session.execute(
        select(User, held)
        .outerjoin(
            RoleAssignment,
            (RoleAssignment.user_id == User.id)
            & (RoleAssignment.org_id == User.org_id)
            & (RoleAssignment.expires_at.is_(None) | (RoleAssignment.expires_at > func.now())),
        )
        .where(User.org_id == scope.org_id)
        .group_by(User.org_id, User.id)
        .order_by(User.name, User.id)
    )
    factors = await _factors(session, scope)
    return [summary(user, list(names or ()), factors.get(user.id, [])) for user, names in rows]


def summary(user: User, names: list[str], factors: list[str] | None = None) -> UserSummary:
    return UserSummary(
        id=user.id, name=user.name, email=user.email, roles=sorted(names), status=user.status,
        origin=user.origin, factors=sorted(factors or []), break_glass=user.is_break_glass,
        last_sign_in_at=user.last_sign_in_at,
    )  # fmt: skip


async def _factors(session: AsyncSession, scope: Scope) -> dict[UUID, list[str]]:
    found: defaultdict[UUID, list[str]] = defaultdict(list)
    apps = select(TotpFactor.user_id).where(
        TotpFactor.org_id == scope.org_id, TotpFactor.confirmed_at.is_not(None)
    )
    keys = select(Passkey.user_id).where(Passkey.org_id == scope.org_id).distinct()
    for name, query in (("totp", apps), ("passkey", keys)):
        for user_id in (await session.execute(query)).scalars():
            found[user_id].append(name)
    return found
