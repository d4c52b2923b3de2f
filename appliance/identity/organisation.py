"""The organisation's own choices: its profile, whether everybody needs a second factor, enforced sign-on."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Actor, Permission, Scope
from appliance.foundation.errors import Conflict
from appliance.identity.models import Organisation, User
from appliance.identity.policies import PROFILES, profile
from appliance.identity.schemas import OrganisationPolicy, PolicyChange


class OrganisationService:
    """Bound to one transaction."""

    def __init__(self, session: AsyncSession, scope: Scope, audit: AuditTrail) -> None:
        self._session, self._scope, self._audit = session, scope, audit

    async def policy(self, *, by: Actor) -> OrganisationPolicy:
        """What is demanded of passwords, sessions and second factors."""
        by.require(Permission.USERS_VIEW)
        return _policy(await self._session.get_one(Organisation, self._scope.org_id))

    async def change(self, wanted: PolicyChange, *, by: Actor) -> OrganisationPolicy:
        """
        Choose; counts at the next request, and for passwords when they are next set.

        Raises:
            Conflict: Sign-on would be enforced with no break-glass account to fall back on.
        """
        by.require(Permission.POLICIES_EDIT)
        organisation = await self._session.get_one(Organisation, self._scope.org_id, with_for_update=True)
        before = _policy(organisation)
        if wanted.profile is not None:
            profile(wanted.profile)
            organisation.profile = wanted.profile
        if wanted.mfa_required is not None:
            organisation.mfa_required = wanted.mfa_required
        if wanted.sso_enforced is not None:
            await self._ensure_break_glass(wanted.sso_enforced)
            organisation.sso_enforced = wanted.sso_enforced
        after = _policy(organisation)
        self._audit.record(
            "organisation.policy_changed",
            by=by,
            subject=organisation.id,
            before=_choices(before),
            after=_choices(after),
        )
        return after

    async def _ensure_break_glass(self, enforced: bool) -> None:
        if not enforced:
            return
        found = await self._session.execute(
            select(User.id)
            .where(User.org_id == self._scope.org_id, User.is_break_glass, User.status == "active")
            .limit(1)
        )
        if found.first() is None:
            raise Conflict(
                "make an active break-glass account first, or nobody gets in when the provider is lost"
            )


def _policy(organisation: Organisation) -> OrganisationPolicy:
    chosen = profile(organisation.profile)
    return OrganisationPolicy(
        name=organisation.name, profile=organisation.profile, profile_title=chosen.title,
        mfa_required=organisation.mfa_required or chosen.mfa_for_everybody,
        sso_enforced=organisation.sso_enforced, shortest_password=chosen.shortest_password,
        shortest_password_with_mfa=chosen.shortest_password_with_mfa, idle_minutes=chosen.idle_minutes,
        absolute_hours=chosen.absolute_hours,
        profiles={key: one.title for key, one in PROFILES.items()},
    )  # fmt: skip


def _choices(policy: OrganisationPolicy) -> dict[str, str | bool]:
    return {
        "profile": policy.profile,
        "mfa_required": policy.mfa_required,
        "sso_enforced": policy.sso_enforced,
    }
