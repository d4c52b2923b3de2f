"""Users, their roles and their tokens, within one organisation."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Actor, Permission, Scope
from appliance.foundation.clock import Clock
from appliance.foundation.errors import Invalid, NotPermitted
from appliance.foundation.ids import new_id
from appliance.foundation.tokens import hash_of, new_token
from appliance.identity.errors import EmailTaken, LastSuperAdmin, UserNotFound
from appliance.identity.models import ApiToken, OneTimeLink, Organisation, RoleAssignment, User
from appliance.identity.roles import permissions_of, roles
from appliance.identity.schemas import (
    Invitation,
    IssuedApiToken,
    NewToken,
    NewUser,
    TokenSummary,
    UserSummary,
)
from appliance.identity.signin import LINK_PREFIX, TOKEN_PREFIX

_LINK_LIFE = timedelta(hours=24)
_LONGEST_TOKEN_DAYS = 90
_PREFIX_SHOWN = 16


class IdentityService:
    """Bound to one transaction."""

    def __init__(self, session: AsyncSession, scope: Scope, audit: AuditTrail, clock: Clock) -> None:
        self._session, self._scope, self._audit, self._clock = session, scope, audit, clock

    async def whoami(self, *, by: Actor) -> tuple[dict[str, str], dict[str, str], list[str]]:
        """The caller, the organisation, and the caller's roles."""
        organisation = await self._session.get_one(Organisation, self._scope.org_id)
        person = {"id": str(by.id or ""), "email": by.name, "name": by.name}
        names: list[str] = []
        if by.id is not None:
            user = await self._user(by.id)
            person |= {"email": user.email, "name": user.name}
            held = await self._session.execute(
                select(RoleAssignment.role).where(
                    RoleAssignment.org_id == self._scope.org_id, RoleAssignment.user_id == by.id
                )
            )
            names = sorted(held.scalars())
        return person, {"id": str(organisation.id), "name": organisation.name}, names

    async def users(self, *, by: Actor) -> list[UserSummary]:
        """Everybody of the organisation, by name."""
        by.require(Permission.USERS_VIEW)
        held = func.array_agg(aggregate_order_by(RoleAssignment.role, RoleAssignment.role)).filter(
            RoleAssignment.role.is_not(None)
        )
        rows = await self._session.execute(
            select(User, held)
            .outerjoin(
                RoleAssignment, (RoleAssignment.user_id == User.id) & (RoleAssignment.org_id == User.org_id)
            )
            .where(User.org_id == self._scope.org_id)
            .group_by(User.org_id, User.id)
            .order_by(User.name, User.id)
        )
        return [_summary(user, list(names or ())) for user, names in rows]

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
        unknown = set(new.roles) - roles().keys()
        if unknown or not new.roles:
            raise Invalid(f"no role {', '.join(unknown) or '(none given)'}; there are {', '.join(roles())}")
        if "@" not in email or not email.isprintable():
            raise Invalid(f"{new.email!r} is no e-mail address")
        _hand_out(new.roles, by=by)
        user = User(
            org_id=self._scope.org_id,
            id=new_id(self._clock),
            email=email,
            name=new.name,
            created_at=self._clock.now(),
        )
        await self._add(user)
        self._session.add_all(
            RoleAssignment(org_id=self._scope.org_id, user_id=user.id, role=role) for role in new.roles
        )
        self._audit.record("user.invited", by=by, subject=user.id, email=email, roles=sorted(new.roles))
        token, expires_at = self._link(user.id)
        user.status = "invited"
        return Invitation(user=_summary(user, new.roles), link_token=token, expires_at=expires_at)

    async def renew_link(self, user_id: UUID, *, by: Actor) -> Invitation:
        """A new link for somebody who lost the first or forgot the password."""
        by.require(Permission.USERS_EDIT)
        user = await self._user(user_id)
        held = await self._session.execute(
            select(RoleAssignment.role).where(
                RoleAssignment.org_id == self._scope.org_id, RoleAssignment.user_id == user_id
            )
        )
        _hand_out(list(held.scalars()), by=by)
        await self._forget_links(user_id)
        token, expires_at = self._link(user_id)
        self._audit.record("user.link_renewed", by=by, subject=user_id)
        return Invitation(user=_summary(user, []), link_token=token, expires_at=expires_at)

    async def suspend(self, user_id: UUID, *, by: Actor) -> None:
        """
        Let a user in no longer; sessions and tokens end with the next request, links at once.

        Raises:
            LastSuperAdmin: Nobody else could administer the organisation.
        """
        by.require(Permission.USERS_EDIT)
        await self._keep_a_super_admin(without=user_id)
        user = await self._user(user_id)
        user.status = "suspended"
        await self._forget_links(user_id)
        self._audit.record("user.suspended", by=by, subject=user_id)

    async def create_token(self, new: NewToken, *, by: Actor) -> IssuedApiToken:
        """
        A token for the caller's own use, with no more rights than the caller has.

        Raises:
            NotPermitted: It asks for more.
            Invalid: No such permission, or it would live too long.
        """
        by.require(Permission.TOKENS_OWN)
        if by.id is None:
            raise NotPermitted("the local administrator needs no token")
        wanted = _permissions(new.permissions)
        if not wanted <= by.permissions:
            raise NotPermitted(f"{by.name} cannot give away {', '.join(sorted(wanted - by.permissions))}")
        if not 1 <= new.days <= _LONGEST_TOKEN_DAYS:
            raise Invalid(f"a token lives 1 to {_LONGEST_TOKEN_DAYS} days")
        token, now = new_token(TOKEN_PREFIX), self._clock.now()
        made = ApiToken(
            org_id=self._scope.org_id, id=new_id(self._clock), user_id=by.id, name=new.name,
            prefix=token[:_PREFIX_SHOWN], token_hash=hash_of(token), permissions=sorted(wanted),
            created_at=now, expires_at=now + timedelta(days=new.days),
        )  # fmt: skip
        self._session.add(made)
        self._audit.record("token.created", by=by, subject=made.id, name=new.name, permissions=sorted(wanted))
        return IssuedApiToken(id=made.id, token=token, prefix=made.prefix, expires_at=made.expires_at)

    async def tokens(self, *, by: Actor) -> list[TokenSummary]:
        """The caller's own that still work."""
        by.require(Permission.TOKENS_OWN)
        rows = await self._session.execute(
            select(ApiToken)
            .where(
                ApiToken.org_id == self._scope.org_id,
                ApiToken.user_id == by.id,
                ApiToken.revoked_at.is_(None),
            )
            .order_by(ApiToken.created_at)
        )
        return [
            TokenSummary(
                id=t.id, name=t.name, prefix=t.prefix, permissions=t.permissions, created_at=t.created_at,
                expires_at=t.expires_at, last_used_at=t.last_used_at,
            )
            for t in rows.scalars()
        ]  # fmt: skip

    async def revoke_token(self, token_id: UUID, *, by: Actor) -> None:
        by.require(Permission.TOKENS_OWN)
        token = await self._session.get(ApiToken, (self._scope.org_id, token_id))
        if token is None or token.user_id != by.id:
            raise UserNotFound(f"you have no token {token_id}")
        token.revoked_at = self._clock.now()
        self._audit.record("token.revoked", by=by, subject=token_id)

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

    async def _keep_a_super_admin(self, *, without: UUID) -> None:
        mine = await self._session.get(RoleAssignment, (self._scope.org_id, without, "super_admin"))
        if mine is None:
            return
        # The rows are locked, by everybody in the same order and before any other: two admins who suspend
        # each other take turns, and the second is refused.
        others = await self._session.execute(
            select(RoleAssignment.user_id)
            .join(User, (User.id == RoleAssignment.user_id) & (User.org_id == RoleAssignment.org_id))
            .where(
                RoleAssignment.org_id == self._scope.org_id,
                RoleAssignment.role == "super_admin",
                User.status == "active",
                RoleAssignment.expires_at.is_(None) | (RoleAssignment.expires_at > self._clock.now()),
            )
            .order_by(RoleAssignment.user_id)
            .with_for_update()
        )
        if set(others.scalars()) <= {without}:
            raise LastSuperAdmin("the last active super administrator stays; make another one first")


def _hand_out(names: list[str], *, by: Actor) -> None:
    """Stop who would make somebody mightier than themselves, such as a token narrowed to `users:edit`."""
    if beyond := permissions_of(names) - by.permissions:
        raise NotPermitted(f"{by.name} cannot give away {', '.join(sorted(beyond))}")


def _summary(user: User, names: list[str]) -> UserSummary:
    return UserSummary(id=user.id, name=user.name, email=user.email, roles=sorted(names), status=user.status)


def _permissions(names: list[str]) -> frozenset[Permission]:
    try:
        return frozenset(Permission(name) for name in names)
    except ValueError as error:
        raise Invalid(f"{error}; see docs/permissions.md") from error
