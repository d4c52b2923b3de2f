"""Users and the roles they hold, within one organisation."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Actor, Permission, Scope
from appliance.foundation.clock import Clock
from appliance.foundation.errors import Conflict, Invalid, NotPermitted
from appliance.foundation.ids import new_id
from appliance.foundation.outbox import Outbox
from appliance.foundation.tokens import hash_of, new_token
from appliance.identity import queries
from appliance.identity.errors import EmailTaken, UserNotFound
from appliance.identity.factor_models import Passkey, RecoveryCode, TotpFactor
from appliance.identity.last_admin import keep_a_super_admin
from appliance.identity.mail import Post
from appliance.identity.models import OneTimeLink, Organisation, RoleAssignment, User
from appliance.identity.queries import summary
from appliance.identity.roles import custom_roles, held_permissions, held_roles, permissions_of, roles
from appliance.identity.schemas import Invitation, NewUser, RoleGrant, UserSummary
from appliance.identity.signin import LINK_PREFIX, end_all

_LINK_LIFE = timedelta(hours=24)


class IdentityService:
    """Bound to one transaction."""

    def __init__(
        self,
        session: AsyncSession,
        scope: Scope,
        *,
        audit: AuditTrail,
        outbox: Outbox,
        clock: Clock,
        post: Post,
    ) -> None:
        self._session, self._scope, self._audit = session, scope, audit
        self._outbox, self._clock, self._post = outbox, clock, post

    async def whoami(self, *, by: Actor) -> tuple[dict[str, str], dict[str, str], list[str]]:
        """The caller, the organisation, and the caller's roles."""
        organisation = await self._session.get_one(Organisation, self._scope.org_id)
        person = {"id": str(by.id or ""), "email": by.name, "name": by.name}
        names: list[str] = []
        user = await self._session.get(User, (self._scope.org_id, by.id)) if by.id else None
        if user is not None:
            person |= {"email": user.email, "name": user.name}
            names = await held_roles(self._session, self._scope, user.id, self._clock.now())
        return person, {"id": str(organisation.id), "name": organisation.name}, names

    async def users(self, *, by: Actor) -> list[UserSummary]:
        """Everybody of the organisation, by name."""
        by.require(Permission.USERS_VIEW)
        return await queries.users(self._session, self._scope)

    async def invite(self, new: NewUser, *, by: Actor) -> Invitation:
        """
        A user who can set a password by a link for the next 24 hours.

        Raises:
            Invalid: No such role, or the address is none.
            EmailTaken: Somebody of the organisation has it.
            NotPermitted: A role allows what the caller may not.
        """
        by.require(Permission.USERS_EDIT)
        email = new.email.strip().lower()
        if "@" not in email or not email.isprintable():
            raise Invalid(f"{new.email!r} is no e-mail address")
        wanted = [RoleGrant(role=name) for name in new.roles]
        await self._ensure_may_give(wanted, by=by)
        user = User(
            org_id=self._scope.org_id,
            id=new_id(self._clock),
            email=email,
            name=new.name,
            created_at=self._clock.now(),
            is_break_glass=new.break_glass,
        )
        await self._add(user)
        self._assign(user.id, wanted)
        self._audit.record(
            "user.invited", by=by, subject=user.id, email=email, roles=sorted(new.roles),
            break_glass=new.break_glass,
        )  # fmt: skip
        await self._session.flush()
        return await self._invitation(user)

    async def renew_link(self, user_id: UUID, *, by: Actor) -> Invitation:
        """A new link for somebody who lost the first or forgot the password. Factors stay as they are."""
        by.require(Permission.USERS_EDIT)
        user = await self._user(user_id)
        await self._ensure_not_mightier(user_id, by=by)
        await self._forget_links(user_id)
        self._audit.record("user.link_renewed", by=by, subject=user_id)
        return await self._invitation(user)

    async def suspend(self, user_id: UUID, *, by: Actor) -> None:
        """
        Let a user in no longer; sessions and tokens end with the next request, links at once.

        Raises:
            LastSuperAdmin: Nobody else could administer the organisation.
        """
        by.require(Permission.USERS_EDIT)
        await keep_a_super_admin(self._session, self._scope, without={user_id}, now=self._clock.now())
        user = await self._user(user_id)
        user.status = "suspended"
        await self._forget_links(user_id)
        await end_all(self._session, self._scope, user_id, self._clock, "suspended")
        self._audit.record("user.suspended", by=by, subject=user_id)

    async def reactivate(self, user_id: UUID, *, by: Actor) -> None:
        """Let a suspended user in again."""
        by.require(Permission.USERS_EDIT)
        await self._ensure_not_mightier(user_id, by=by)
        user = await self._user(user_id)
        if user.status not in ("suspended", "deactivated"):
            raise Conflict(f"{user.email} is {user.status}; only a suspended user can be let in again")
        user.status = "active" if user.password_hash or user.origin != "local" else "invited"
        self._audit.record("user.reactivated", by=by, subject=user_id)

    async def set_roles(self, user_id: UUID, wanted: list[RoleGrant], *, by: Actor) -> UserSummary:
        """
        Give exactly these roles; what a directory's groups gave stays.

        Raises:
            LastSuperAdmin: Nobody else could administer the organisation.
            NotPermitted: A role, given or taken, allows what the caller may not.
        """
        by.require(Permission.USERS_EDIT)
        if "super_admin" not in {grant.role for grant in wanted if grant.expires_at is None}:
            await keep_a_super_admin(self._session, self._scope, without={user_id}, now=self._clock.now())
        user = await self._user(user_id)
        await self._ensure_not_mightier(user_id, by=by)
        await self._ensure_may_give(wanted, by=by)
        before = await held_roles(self._session, self._scope, user_id, self._clock.now())
        await self._session.execute(
            delete(RoleAssignment).where(
                RoleAssignment.org_id == self._scope.org_id,
                RoleAssignment.user_id == user_id,
                RoleAssignment.origin == "local",
            )
        )
        self._assign(user_id, wanted)
        await self._session.flush()
        after = await held_roles(self._session, self._scope, user_id, self._clock.now())
        self._audit.record("user.roles_set", by=by, subject=user_id, before=before, after=after)
        return summary(user, after)

    async def reset_factors(self, user_id: UUID, *, by: Actor) -> None:
        """
        Remove somebody's second factors after they proved who they are, and end their sessions.

        Where a second factor is demanded they set up a new one at the next sign-in.
        """
        by.require(Permission.USERS_EDIT)
        await self._ensure_not_mightier(user_id, by=by)
        user = await self._user(user_id)
        for table in (TotpFactor, RecoveryCode, Passkey):
            await self._session.execute(
                delete(table).where(table.org_id == self._scope.org_id, table.user_id == user.id)
            )
        await end_all(self._session, self._scope, user_id, self._clock, "factors_reset")
        self._audit.record("user.factors_reset", by=by, subject=user_id)
        self._outbox.publish("factors_reset", user_id=str(user_id))

    async def _invitation(self, user: User) -> Invitation:
        token, expires_at = self._link(user.id)
        names = await held_roles(self._session, self._scope, user.id, self._clock.now())
        return Invitation(
            user=summary(user, names),
            link_token=token,
            expires_at=expires_at,
            mailed=await self._mail(user, token),
        )

    async def _mail(self, user: User, token: str) -> bool:
        return await self._post.send_link(user, token)

    def _assign(self, user_id: UUID, grants: list[RoleGrant]) -> None:
        self._session.add_all(
            RoleAssignment(
                org_id=self._scope.org_id, user_id=user_id, role=grant.role, expires_at=grant.expires_at
            )
            for grant in grants
        )

    async def _ensure_may_give(self, wanted: list[RoleGrant], *, by: Actor) -> None:
        """Stop who would make somebody mightier than themselves, such as a token narrowed to `users:edit`."""
        own = await custom_roles(self._session, self._scope)
        names = [grant.role for grant in wanted]
        known = [*roles(), *own]
        if unknown := set(names) - set(known):
            raise Invalid(f"no role {', '.join(sorted(unknown))}; there are {', '.join(known)}")
        if not names or len(names) != len(set(names)):
            raise Invalid(f"give each role once, and at least one; there are {', '.join(known)}")
        now = self._clock.now()
        if any(grant.expires_at is not None and grant.expires_at <= now for grant in wanted):
            raise Invalid("a role expires in the future, or not at all")
        if beyond := permissions_of(names, own) - by.permissions:
            raise NotPermitted(f"{by.name} cannot give away {', '.join(sorted(beyond))}")

    async def _ensure_not_mightier(self, user_id: UUID, *, by: Actor) -> None:
        held = await held_permissions(self._session, self._scope, user_id, self._clock.now())
        if beyond := held - by.permissions:
            raise NotPermitted(f"{by.name} lacks what this user holds: {', '.join(sorted(beyond))}")

    async def _user(self, user_id: UUID) -> User:
        user = await self._session.get(User, (self._scope.org_id, user_id), with_for_update=True)
        if user is None:
            raise UserNotFound(f"no user {user_id}")
        return user

    async def _add(self, user: User) -> None:
        try:
            async with self._session.begin_nested():
                self._session.add(user)
        except IntegrityError as error:
            raise EmailTaken(f"{user.email} belongs to another user; see `xdr user list`") from error

    def _link(self, user_id: UUID) -> tuple[str, datetime]:
        token, expires_at = new_token(LINK_PREFIX), self._clock.now() + _LINK_LIFE
        self._session.add(
            OneTimeLink(
                org_id=self._scope.org_id, id=new_id(self._clock), user_id=user_id, token_hash=hash_of(token),
                expires_at=expires_at,
            )
        )  # fmt: skip
        return token, expires_at

    async def _forget_links(self, user_id: UUID) -> None:
        await self._session.execute(
            delete(OneTimeLink).where(
                OneTimeLink.org_id == self._scope.org_id, OneTimeLink.user_id == user_id
            )
        )
