"""Setting a password: the organisation's policy, the breached ones, the former ones."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Actor, Scope
from appliance.foundation.clock import Clock
from appliance.foundation.ids import new_id
from appliance.foundation.outbox import Outbox
from appliance.identity import passwords
from appliance.identity.errors import PasswordTooWeak
from appliance.identity.factor_models import FormerPassword
from appliance.identity.models import Organisation, User
from appliance.identity.opening import factors_of
from appliance.identity.password_lists import BreachedPasswords
from appliance.identity.policies import Profile, profile


class PasswordChange:
    """Bound to one transaction."""

    def __init__(
        self, session: AsyncSession, scope: Scope, clock: Clock, breached: BreachedPasswords
    ) -> None:
        self._session, self._scope, self._clock, self._breached = session, scope, clock, breached

    async def set(self, user: User, password: str, *, by: Actor) -> None:
        """
        Give the user this password.

        Raises:
            PasswordTooWeak: Says what to change.
        """
        organisation = await self._session.get_one(Organisation, self._scope.org_id)
        chosen = profile(organisation.profile)
        await passwords.check_policy(
            password,
            words=[user.email, user.name, organisation.name],
            profile=chosen,
            has_second_factor=bool(await factors_of(self._session, self._scope, user.id)),
        )
        if password in self._breached:
            raise PasswordTooWeak("this password is in a list of breached ones; choose another")
        await self._refuse_former(user, password, chosen)
        if user.password_hash:
            self._remember(user)
        user.password_hash = await passwords.hashed(password)
        user.password_changed_at = self._clock.now()
        AuditTrail(self._session, self._scope, self._clock).record(
            "user.password_set", by=by, subject=user.id
        )
        Outbox(self._session, self._scope, self._clock).publish("password_changed", user_id=str(user.id))

    async def _refuse_former(self, user: User, password: str, chosen: Profile) -> None:
        if not chosen.former_passwords_refused:
            return
        rows = await self._session.execute(
            select(FormerPassword.password_hash)
            .where(FormerPassword.org_id == self._scope.org_id, FormerPassword.user_id == user.id)
            .order_by(FormerPassword.set_at.desc())
            .limit(chosen.former_passwords_refused - 1)
        )
        for former in (user.password_hash, *rows.scalars()):
            if former and await passwords.verified(former, password):
                raise PasswordTooWeak(
                    f"this is one of your last {chosen.former_passwords_refused} passwords; choose another"
                )

    def _remember(self, user: User) -> None:
        self._session.add(
            FormerPassword(
                org_id=self._scope.org_id, id=new_id(self._clock), user_id=user.id,
                password_hash=user.password_hash, set_at=self._clock.now(),
            )
        )  # fmt: skip
