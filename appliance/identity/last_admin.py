"""The last active super administrator of an organisation stays, whoever tries to change that, and at once."""

from collections.abc import Set as AbstractSet
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.foundation.actors import Scope
from appliance.identity.errors import LastSuperAdmin
from appliance.identity.models import RoleAssignment, User


async def keep_a_super_admin(
    session: AsyncSession, scope: Scope, *, without: AbstractSet[UUID], now: datetime
) -> None:
    """
    Stop what would leave nobody.

    The rows are locked, by everybody in the same order and before any other: two administrators who demote
    each other take turns, and the second is refused.

    Args:
        without: Who is about to lose the role or the account.

    Raises:
        LastSuperAdmin: They are all there are.
    """
    held = await session.execute(
        select(RoleAssignment.user_id)
        .join(User, (User.id == RoleAssignment.user_id) & (User.org_id == RoleAssignment.org_id))
        .where(
            RoleAssignment.org_id == scope.org_id,
            RoleAssignment.role == "super_admin",
            User.status == "active",
            RoleAssignment.expires_at.is_(None) | (RoleAssignment.expires_at > now),
        )
        .order_by(RoleAssignment.user_id)
        .with_for_update()
    )
    admins = set(held.scalars())
    if admins & without and admins <= without:
        raise LastSuperAdmin("the last active super administrator stays; make another one first")
