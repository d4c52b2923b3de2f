"""What is read about people, in one statement each."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.foundation.actors import Scope
from appliance.identity.factor_models import Passkey, TotpFactor
from appliance.identity.models import RoleAssignment, User
from appliance.identity.schemas import HeldRole, UserSummary


async def users(session: AsyncSession, scope: Scope) -> list[UserSummary]:
    """Everybody of the organisation, by name, with roles that have not expired and second factors."""
    people = await session.execute(
        select(User).where(User.org_id == scope.org_id).order_by(User.name, User.id)
    )
    factors, grants = await _factors(session, scope), await _grants(session, scope)
    return [
        summary(user, [one.role for one in grants[user.id]], factors[user.id], grants[user.id])
        for user in people.scalars()
    ]


def summary(
    user: User,
    names: list[str],
    factors: Sequence[str] = (),
    grants: Sequence[HeldRole] = (),
) -> UserSummary:
    return UserSummary(
        id=user.id, name=user.name, email=user.email, roles=sorted(set(names)), status=user.status,
        origin=user.origin, factors=sorted(factors), break_glass=user.is_break_glass,
        last_sign_in_at=user.last_sign_in_at, grants=list(grants),
    )  # fmt: skip


async def _grants(session: AsyncSession, scope: Scope) -> defaultdict[UUID, list[HeldRole]]:
    rows = await session.execute(
        select(RoleAssignment)
        .where(
            RoleAssignment.org_id == scope.org_id,
            RoleAssignment.expires_at.is_(None) | (RoleAssignment.expires_at > func.now()),
        )
        .order_by(RoleAssignment.role, RoleAssignment.origin)
    )
    found: defaultdict[UUID, list[HeldRole]] = defaultdict(list)
    for row in rows.scalars():
        held = HeldRole(role=row.role, expires_at=row.expires_at, origin=row.origin)
        found[row.user_id].append(held)
    return found


async def _factors(session: AsyncSession, scope: Scope) -> defaultdict[UUID, list[str]]:
    found: defaultdict[UUID, list[str]] = defaultdict(list)
    apps = select(TotpFactor.user_id).where(
        TotpFactor.org_id == scope.org_id, TotpFactor.confirmed_at.is_not(None)
    )
    keys = select(Passkey.user_id).where(Passkey.org_id == scope.org_id).distinct()
    for name, query in (("totp", apps), ("passkey", keys)):
        for user_id in (await session.execute(query)).scalars():
            found[user_id].append(name)
    return found
