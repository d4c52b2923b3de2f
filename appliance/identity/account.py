"""One's own account: password, authenticator app, recovery codes, passkeys, and proving oneself again."""

from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Actor, ActorKind, Scope
from appliance.foundation.clock import Clock
from appliance.foundation.errors import Conflict, NotPermitted
from appliance.foundation.outbox import Outbox
from appliance.foundation.sealing import Sealer
from appliance.identity import passwords
from appliance.identity.changing import PasswordChange
from appliance.identity.errors import FactorRefused, UserNotFound
from appliance.identity.models import Organisation, Session, User
from appliance.identity.opening import factors_of
from appliance.identity.passkeys import STEP_UP, Passkeys
from appliance.identity.policies import needs_second_factor, profile
from appliance.identity.schemas import FactorState, PasskeySummary
from appliance.identity.site import Site
from appliance.identity.totp import Enrolment, Totp


class AccountService:
    """Bound to one transaction and meant for whoever is signed in; nobody else's account is reached."""

    def __init__(
        self,
        session: AsyncSession,
        scope: Scope,
        *,
        audit: AuditTrail,
        outbox: Outbox,
        clock: Clock,
        sealer: Sealer,
        site: Site,
    ) -> None:
        self._session, self._scope, self._audit, self._outbox = session, scope, audit, outbox
        self._clock, self._sealer, self._site = clock, sealer, site

    async def factors(self, *, by: Actor) -> FactorState:
        """What is set up."""
        user = await self._me(by)
        totp = self._totp(user)
        return FactorState(
            totp=await totp.is_set_up(),
            recovery_codes_left=await totp.recovery_codes_left(),
            passkeys=[
                PasskeySummary(
                    id=key.id, name=key.name, created_at=key.created_at, last_used_at=key.last_used_at
                )
                for key in await self._passkeys(user).all()
            ],
            required=await self._is_required(by),
            has_password=bool(user.password_hash),
        )

    async def change_password(self, current: str, new: str, *, by: Actor) -> None:
        """
        Another password; every other session ends.

        Raises:
            FactorRefused: The current one is wrong.
            PasswordTooWeak: Says what to change.
        """
        user = await self._me(by)
        if user.origin != "local":
            raise Conflict("this account's password is kept by its directory; change it there")
        if not await passwords.verified(user.password_hash, current):
            raise FactorRefused("the current password is wrong")
        await PasswordChange(self._session, self._scope, self._clock, self._site.breached).set(
            user, new, by=by
        )
        await self._end_others(by, "password_set")

    async def begin_totp(self, *, by: Actor) -> Enrolment:
        """A secret for the authenticator app; counts once its first code is confirmed."""
        user = await self._me(by)
        return await self._totp(user).begin(user.email)

    async def confirm_totp(self, code: str, *, by: Actor) -> list[str]:
        """Put the app into use; fresh recovery codes, shown this once."""
        user = await self._me(by)
        codes = await self._totp(user).confirm(code)
        self._changed("totp.set_up", user, by=by)
        return codes

    async def remove_totp(self, *, by: Actor) -> None:
        """
        Forget the app and the recovery codes.

        Raises:
            Conflict: A second factor is demanded and this is the only one.
        """
        user = await self._me(by)
        await self._ensure_another(user, by, without="totp")
        await self._totp(user).remove()
        self._changed("totp.removed", user, by=by)

    async def new_recovery_codes(self, *, by: Actor) -> list[str]:
        """Ten fresh codes, shown this once; the old ones work no longer."""
        user = await self._me(by)
        if not await self._totp(user).is_set_up():
            raise Conflict("recovery codes stand in for an authenticator app; set one up first")
        codes = await self._totp(user).new_recovery_codes()
        self._changed("recovery_codes.renewed", user, by=by)
        return codes

    async def passkey_options(self, *, by: Actor) -> dict[str, Any]:
        """What `navigator.credentials.create` is given."""
        user = await self._me(by)
        return await self._passkeys(user).registration_options(user.email, user.name)

    async def add_passkey(self, credential: dict[str, Any], name: str, *, by: Actor) -> PasskeySummary:
        """Keep a new passkey."""
        user = await self._me(by)
        made = await self._passkeys(user).register(credential, name=name)
        self._changed("passkey.added", user, by=by, passkey=str(made.id), name=made.name)
        return PasskeySummary(id=made.id, name=made.name, created_at=made.created_at, last_used_at=None)

    async def remove_passkey(self, passkey_id: UUID, *, by: Actor) -> None:
        """
        Forget a passkey.

        Raises:
            Conflict: A second factor is demanded and this is the only one.
        """
        user = await self._me(by)
        if len(await self._passkeys(user).all()) == 1:
            await self._ensure_another(user, by, without="passkey")
        await self._passkeys(user).remove(passkey_id)
        self._changed("passkey.removed", user, by=by, passkey=str(passkey_id))

    async def step_up_options(self, *, by: Actor) -> dict[str, Any]:
        """What `navigator.credentials.get` is given to prove oneself again."""
        return await self._passkeys(await self._me(by)).assertion_options(STEP_UP)

    async def step_up(
        self, *, by: Actor, code: str = "", password: str = "", credential: dict[str, Any] | None = None
    ) -> None:
        """
        Prove oneself again: by passkey, by a code, or by the password where there is no second factor.

        Raises:
            FactorRefused: It was wrong, or is not enough for this account.
        """
        user = await self._me(by)
        factors = await factors_of(self._session, self._scope, user.id)
        if credential is not None:
            await self._passkeys(user).verify(credential, STEP_UP)
        elif code and "totp" in factors:
            await self._totp(user).verify(code)
        elif factors:
            raise FactorRefused("prove it with your passkey or a code of your authenticator app")
        elif not await passwords.verified(user.password_hash, password):
            raise FactorRefused("the password is wrong")
        held = await self._session.get_one(Session, (self._scope.org_id, by.session_id))
        held.stepped_up_at = self._clock.now()
        self._audit.record("session.stepped_up", by=by, subject=held.id)

    async def _ensure_another(self, user: User, by: Actor, *, without: str) -> None:
        left = await factors_of(self._session, self._scope, user.id) - {without, "recovery_code"}
        if not left and await self._is_required(by):
            raise Conflict("your account must have a second factor; set up another one first")

    async def _is_required(self, by: Actor) -> bool:
        organisation = await self._session.get_one(Organisation, self._scope.org_id)
        return needs_second_factor(
            by.permissions, profile(organisation.profile), required=organisation.mfa_required
        )

    async def _end_others(self, by: Actor, reason: str) -> None:
        await self._session.execute(
            update(Session)
            .where(
                Session.org_id == self._scope.org_id,
                Session.user_id == by.id,
                Session.id != by.session_id,
                Session.revoked_at.is_(None),
            )
            .values(revoked_at=self._clock.now(), revoked_reason=reason)
        )

    async def _me(self, by: Actor) -> User:
        if by.kind is not ActorKind.USER or by.session_id is None:
            raise NotPermitted("only a person who is signed in has an account to change")
        user = await self._session.get(User, (self._scope.org_id, by.id), with_for_update=True)
        if user is None:
            raise UserNotFound(f"no user {by.id}")
        return user

    def _totp(self, user: User) -> Totp:
        return Totp(self._session, self._scope, user.id, clock=self._clock, sealer=self._sealer)

    def _passkeys(self, user: User) -> Passkeys:
        return Passkeys(self._session, self._scope, user.id, clock=self._clock, party=self._site.party)

    def _changed(self, action: str, user: User, *, by: Actor, **detail: str) -> None:
        self._audit.record(action, by=by, subject=user.id, **detail)
        self._outbox.publish("factor_changed", user_id=str(user.id), change=action)
