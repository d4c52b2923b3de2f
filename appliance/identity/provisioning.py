"""
Accounts and groups that a provisioning client keeps (SCIM 2.0), within one provider.

Invariants: the client sees and touches only what it made; it gives no privileged role, whatever the mapping
says; who it deactivates is signed out at once; a local account is never its own.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Select, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Scope, appliance
from appliance.foundation.clock import Clock
from appliance.foundation.errors import Conflict
from appliance.foundation.ids import new_id
from appliance.identity.errors import UserNotFound
from appliance.identity.federation import Federation
from appliance.identity.federation_mapping import printable, stored_email
from appliance.identity.federation_models import ExternalIdentity, ScimGroup, ScimMember
from appliance.identity.models import User
from appliance.identity.provider_rows import Known

MOST_PER_PAGE, MOST_MEMBERS = 200, 10_000
_UNFIT = re.compile(r"[^A-Za-z0-9._+-]")


class Provisioned(msgspec.Struct, frozen=True):
    """An account as the client knows it. `document` is what it sent, minus passwords."""

    id: UUID
    document: dict[str, Any]
    active: bool
    created_at: datetime
    changed_at: datetime
    groups: list[tuple[UUID, str]] = msgspec.field(default_factory=list)


class ProvisionedGroup(msgspec.Struct, frozen=True):
    id: UUID
    name: str
    external_id: str
    created_at: datetime
    changed_at: datetime
    members: dict[UUID, str] = msgspec.field(default_factory=dict)  # and how the client calls each


class NewAccount(msgspec.Struct, frozen=True):
    """What of a document decides something here."""

    user_name: str
    external_id: str
    email: str
    name: str
    active: bool
    document: dict[str, Any]

    @property
    def subject(self) -> str:
        """What sign-in will call this person: the client's own identifier, or else the name."""
        return self.external_id or self.user_name


class AccountTaken(Conflict):
    """Another account has this name, identifier or address."""

    code = "account_taken"


class Provisioning:
    """Bound to one transaction, and to the provider whose token was sent."""

    def __init__(self, session: AsyncSession, scope: Scope, clock: Clock, provider: Known) -> None:
        self._session, self._scope, self._clock, self._provider = session, scope, clock, provider
        self._federation = Federation(session, scope, clock, provider)
        self._audit = AuditTrail(session, scope, clock)
        self._by = appliance(f"provisioning by {provider.name}")

    async def accounts(
        self, wanted: tuple[str, str] | None, *, start: int, count: int
    ) -> tuple[int, list[Provisioned]]:
        """How many there are, and a page of them by age. `wanted` is an attribute and its value."""
        query = select(ExternalIdentity).where(
            ExternalIdentity.org_id == self._scope.org_id, ExternalIdentity.provider_id == self._provider.id
        )
        if wanted is not None:
            name, value = wanted
            query = query.where(_account_is(name, value))
        total, rows = await self._page(query, ExternalIdentity.id, start, count)
        return total, [await self._account(row) for row in rows]

    async def account(self, account_id: UUID) -> Provisioned:
        """
        Raises:
            UserNotFound: The client made none such.
        """
        return await self._account(await self._identity(account_id))

    async def create(self, new: NewAccount) -> Provisioned:
        """
        Raises:
            AccountTaken: Name, identifier or address belong to another account.
            SubjectUnlinked: The address belongs to an account of somebody else's.
        """
        await self._ensure_free(new, but=None)
        identity = await self._federation.make(new.subject, self._email(new), new.name)
        identity.detail = new.document
        if not new.active:
            await self._federation.end(identity, "provisioned as inactive")
        await self._session.flush()
        return await self._account(identity)

    async def replace(self, account_id: UUID, new: NewAccount) -> Provisioned:
        """The account as the client now describes it; raises as `create`."""
        identity = await self._identity(account_id)
        await self._ensure_free(new, but=identity)
        user = await self._session.get_one(User, (self._scope.org_id, identity.user_id), with_for_update=True)
        email = self._email(new)
        if email != user.email:
            taken = await self._session.execute(
                select(User.id).where(User.org_id == self._scope.org_id, User.email == email)
            )
            if taken.first() is not None:
                raise AccountTaken(f"{email} belongs to another account")
            user.email = email
        user.name = printable(new.name) or user.name
        identity.subject, identity.detail, identity.changed_at = new.subject, new.document, self._clock.now()
        self._audit.record("user.updated_by_provider", by=self._by, subject=user.id, email=email)
        await self._switch(identity, active=new.active)
        return await self._account(identity)

    async def remove(self, account_id: UUID) -> None:
        """The account is over; its address is free again, its past work stays."""
        identity = await self._identity(account_id)
        await self._federation.end(identity, "removed by provisioning")
        user = await self._session.get_one(User, (self._scope.org_id, identity.user_id))
        user.email = f"removed+{user.id}@invalid"
        await self._session.delete(identity)

    async def groups(
        self, wanted: tuple[str, str] | None, *, start: int, count: int
    ) -> tuple[int, list[ProvisionedGroup]]:
        query = select(ScimGroup).where(
            ScimGroup.org_id == self._scope.org_id, ScimGroup.provider_id == self._provider.id
        )
        if wanted is not None:
            column = {"displayname": ScimGroup.name, "externalid": ScimGroup.external_id}[wanted[0]]
            query = query.where(func.lower(column) == wanted[1].lower())
        total, rows = await self._page(query, ScimGroup.id, start, count)
        return total, [await self._group(row) for row in rows]

    async def group(self, group_id: UUID) -> ProvisionedGroup:
        return await self._group(await self._group_row(group_id))

    async def create_group(
        self, name: str, external_id: str, members: Mapping[UUID, str]
    ) -> ProvisionedGroup:
        """
        Raises:
            AccountTaken: There is a group of that name.
        """
        now = self._clock.now()
        row = ScimGroup(
            org_id=self._scope.org_id, id=new_id(self._clock), provider_id=self._provider.id,
            name=printable(name, most=256), external_id=external_id[:256], created_at=now, changed_at=now,
        )  # fmt: skip
        try:
            async with self._session.begin_nested():
                self._session.add(row)
        except IntegrityError as error:
            raise AccountTaken(f"there is a group {name!r} already") from error
        await self._set_members(row, members)
        self._audit.record("scim_group.created", by=self._by, subject=row.id, name=row.name)
        return await self._group(row)

    async def replace_group(
        self, group_id: UUID, name: str, external_id: str, members: Mapping[UUID, str]
    ) -> ProvisionedGroup:
        row = await self._group_row(group_id)
        try:
            async with self._session.begin_nested():
                row.name, row.external_id = printable(name, most=256), external_id[:256]
                row.changed_at = self._clock.now()
                await self._session.flush()
        except IntegrityError as error:
            raise AccountTaken(f"there is a group {name!r} already") from error
        await self._set_members(row, members)
        self._audit.record("scim_group.changed", by=self._by, subject=row.id, name=row.name)
        return await self._group(row)

    async def remove_group(self, group_id: UUID) -> None:
        row = await self._group_row(group_id)
        await self._set_members(row, {})
        await self._session.delete(row)
        self._audit.record("scim_group.removed", by=self._by, subject=group_id, name=row.name)

    def _email(self, new: NewAccount) -> str:
        """The address, or a stand-in that can reach nobody (RFC 2606) where the client has none."""
        if new.email:
            return stored_email(new.email)
        local = _UNFIT.sub("_", new.user_name)[:64]
        return stored_email(f"{local}@{self._provider.id}.invalid")

    async def _switch(self, identity: ExternalIdentity, *, active: bool) -> None:
        if not active:
            await self._federation.end(identity, "deactivated by provisioning")
        elif not identity.active and await self._federation.resume(identity):
            await self._apply_role(identity)
        await self._session.flush()

    async def _apply_role(self, identity: ExternalIdentity) -> None:
        if identity.active:
            await self._federation.set_role(identity.user_id, await self._federation.scim_role(identity))

    async def _set_members(self, row: ScimGroup, members: Mapping[UUID, str]) -> None:
        if len(members) > MOST_MEMBERS:
            raise Conflict(f"a group has {MOST_MEMBERS} members at most")
        before, after = set(await self._members(row.id)), set(members)
        for gone in before - after:
            await self._session.execute(
                delete(ScimMember).where(
                    ScimMember.org_id == self._scope.org_id,
                    ScimMember.group_id == row.id,
                    ScimMember.identity_id == gone,
                )
            )
        for new in sorted(after - before):
            await self._identity(new)
            self._session.add(
                ScimMember(
                    org_id=self._scope.org_id, group_id=row.id, identity_id=new,
                    display=printable(members[new]),
                )
            )  # fmt: skip
        await self._session.flush()
        for identity_id in sorted(before | after):
            await self._apply_role(await self._identity(identity_id))

    async def _ensure_free(self, new: NewAccount, *, but: ExternalIdentity | None) -> None:
        others = select(ExternalIdentity.id).where(
            ExternalIdentity.org_id == self._scope.org_id,
            ExternalIdentity.provider_id == self._provider.id,
            (ExternalIdentity.subject == new.subject) | _account_is("username", new.user_name),
        )
        if but is not None:
            others = others.where(ExternalIdentity.id != but.id)
        if (await self._session.execute(others)).first() is not None:
            raise AccountTaken(f"there is an account {new.user_name!r} already")

    async def _identity(self, identity_id: UUID) -> ExternalIdentity:
        found = await self._session.get(
            ExternalIdentity, (self._scope.org_id, identity_id), with_for_update=True
        )
        if found is None or found.provider_id != self._provider.id:
            raise UserNotFound(f"no account {identity_id}")
        return found

    async def _group_row(self, group_id: UUID) -> ScimGroup:
        found = await self._session.get(ScimGroup, (self._scope.org_id, group_id), with_for_update=True)
        if found is None or found.provider_id != self._provider.id:
            raise UserNotFound(f"no group {group_id}")
        return found

    async def _account(self, row: ExternalIdentity) -> Provisioned:
        held = await self._session.execute(
            select(ScimGroup.id, ScimGroup.name)
            .join(ScimMember, (ScimMember.org_id == ScimGroup.org_id) & (ScimMember.group_id == ScimGroup.id))
            .where(ScimGroup.org_id == self._scope.org_id, ScimMember.identity_id == row.id)
            .order_by(ScimGroup.id)
        )
        document = dict(row.detail) or {"userName": row.subject}
        return Provisioned(
            row.id, document, row.active, row.created_at, row.changed_at, [(g.id, g.name) for g in held]
        )

    async def _group(self, row: ScimGroup) -> ProvisionedGroup:
        members = await self._members(row.id)
        return ProvisionedGroup(row.id, row.name, row.external_id, row.created_at, row.changed_at, members)

    async def _members(self, group_id: UUID) -> dict[UUID, str]:
        rows = await self._session.execute(
            select(ScimMember.identity_id, ScimMember.display)
            .where(ScimMember.org_id == self._scope.org_id, ScimMember.group_id == group_id)
            .order_by(ScimMember.identity_id)
        )
        return {row.identity_id: row.display for row in rows}

    async def _page(self, query: Select[Any], order: Any, start: int, count: int) -> tuple[int, list[Any]]:
        total = await self._session.execute(select(func.count()).select_from(query.subquery()))
        rows = await self._session.execute(
            query.order_by(order).offset(max(start, 1) - 1).limit(min(max(count, 0), MOST_PER_PAGE))
        )
        return total.scalar_one(), list(rows.scalars())


def _account_is(name: str, value: str) -> Any:
    """A condition on what the client sent; names are compared without regard to case (RFC 7643 4.1.1)."""
    if name == "externalid":
        return ExternalIdentity.detail["externalId"].astext == value
    return func.lower(ExternalIdentity.detail["userName"].astext) == value.lower()
