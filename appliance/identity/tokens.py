"""API tokens: a person's own, and service tokens that belong to a program."""

from datetime import timedelta
from ipaddress import ip_network
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Actor, ActorKind, Permission, Scope
from appliance.foundation.clock import Clock
from appliance.foundation.errors import Invalid, NotPermitted
from appliance.foundation.ids import new_id
from appliance.foundation.tokens import hash_of, new_token
from appliance.identity.admission import TOKEN_PREFIX
from appliance.identity.errors import TokenNotFound
from appliance.identity.models import ApiToken
from appliance.identity.roles import four_eyes
from appliance.identity.schemas import IssuedApiToken, NewToken, TokenSummary

_LONGEST_DAYS = 90
_PREFIX_SHOWN = 16


class TokenService:
    """Bound to one transaction."""

    def __init__(self, session: AsyncSession, scope: Scope, audit: AuditTrail, clock: Clock) -> None:
        self._session, self._scope, self._audit, self._clock = session, scope, audit, clock

    async def create(self, new: NewToken, *, by: Actor) -> IssuedApiToken:
        """
        A token for the caller's own use, with no more rights than the caller has.

        Raises:
            NotPermitted: It asks for more, or the caller is no person.
            Invalid: No such permission or network, or it would live too long.
        """
        by.require(Permission.TOKENS_OWN)
        if by.kind is not ActorKind.USER or by.id is None:
            raise NotPermitted("only a person who is signed in can have a token of their own")
        return self._issue(new, user_id=by.id, by=by)

    async def create_service_token(self, new: NewToken, *, by: Actor) -> IssuedApiToken:
        """
        A token that belongs to a program: it outlives whoever made it, and needs no account.

        Raises:
            NotPermitted: It asks for more than the caller has.
            Invalid: It asks for what takes two people, or as in `create`.
        """
        by.require(Permission.SERVICE_TOKENS_EDIT)
        if shared := _permissions(new.permissions) & four_eyes().keys():
            raise Invalid(f"a program cannot hold what takes two people: {', '.join(sorted(shared))}")
        return self._issue(new, user_id=None, by=by)

    async def own(self, *, by: Actor) -> list[TokenSummary]:
        """The caller's own that still work."""
        by.require(Permission.TOKENS_OWN)
        return [_summary(token) for token in await self._working(by.id)]

    async def service_tokens(self, *, by: Actor) -> list[TokenSummary]:
        """The programs' that still work."""
        by.require(Permission.SERVICE_TOKENS_EDIT)
        self._audit.read("service_tokens", by=by)
        return [_summary(token) for token in await self._working(None)]

    async def revoke(self, token_id: UUID, *, by: Actor) -> None:
        """Stop one of the caller's own."""
        by.require(Permission.TOKENS_OWN)
        token = await self._session.get(ApiToken, (self._scope.org_id, token_id))
        if token is None or token.user_id is None or token.user_id != by.id:
            raise TokenNotFound(f"you have no token {token_id}")
        self._stop(token, by=by)

    async def revoke_service_token(self, token_id: UUID, *, by: Actor) -> None:
        """Stop a program's."""
        by.require(Permission.SERVICE_TOKENS_EDIT)
        token = await self._session.get(ApiToken, (self._scope.org_id, token_id))
        if token is None or token.user_id is not None:
            raise TokenNotFound(f"there is no service token {token_id}")
        self._stop(token, by=by)

    def _stop(self, token: ApiToken, *, by: Actor) -> None:
        token.revoked_at = self._clock.now()
        self._audit.record("token.revoked", by=by, subject=token.id)

    async def _working(self, user_id: UUID | None) -> list[ApiToken]:
        rows = await self._session.execute(
            select(ApiToken)
            .where(
                ApiToken.org_id == self._scope.org_id,
                ApiToken.user_id.is_not_distinct_from(user_id),
                ApiToken.revoked_at.is_(None),
                ApiToken.expires_at > self._clock.now(),
            )
            .order_by(ApiToken.created_at)
        )
        return list(rows.scalars())

    def _issue(self, new: NewToken, *, user_id: UUID | None, by: Actor) -> IssuedApiToken:
        wanted = _permissions(new.permissions)
        if not wanted <= by.permissions:
            raise NotPermitted(f"{by.name} cannot give away {', '.join(sorted(wanted - by.permissions))}")
        if not 1 <= new.days <= _LONGEST_DAYS:
            raise Invalid(f"a token lives 1 to {_LONGEST_DAYS} days")
        token, now = new_token(TOKEN_PREFIX), self._clock.now()
        made = ApiToken(
            org_id=self._scope.org_id, id=new_id(self._clock), user_id=user_id, name=new.name,
            prefix=token[:_PREFIX_SHOWN], token_hash=hash_of(token), permissions=sorted(wanted),
            created_at=now, expires_at=now + timedelta(days=new.days), networks=_networks(new.networks),
            created_by=by.name,
        )  # fmt: skip
        self._session.add(made)
        self._audit.record(
            "token.created", by=by, subject=made.id, name=new.name, permissions=sorted(wanted),
            service=user_id is None, networks=made.networks,
        )  # fmt: skip
        return IssuedApiToken(id=made.id, token=token, prefix=made.prefix, expires_at=made.expires_at)


def _summary(token: ApiToken) -> TokenSummary:
    return TokenSummary(
        id=token.id, name=token.name, prefix=token.prefix, permissions=token.permissions,
        created_at=token.created_at, expires_at=token.expires_at, last_used_at=token.last_used_at,
        networks=token.networks, created_by=token.created_by,
    )  # fmt: skip


def _permissions(names: list[str]) -> frozenset[Permission]:
    try:
        return frozenset(Permission(name) for name in names)
    except ValueError as error:
        raise Invalid(f"{error}; see docs/permissions.md") from error


def _networks(given: list[str]) -> list[str]:
    try:
        return [str(ip_network(one)) for one in given]
    except ValueError as error:
        raise Invalid(f"{error}; a network is written like 192.0.2.0/24 or 2001:db8::/32") from error
