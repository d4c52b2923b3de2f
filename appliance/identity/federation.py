"""
Whom a provider vouches for, as users here: made at the first sign-in, kept current, ended when it says so.

Invariants: the key is (provider, subject), never an address; no group with a role is no access; what an
administrator suspended no provider lets in again; a provider changes only roles that came from itself; a
break-glass account belongs to no provider.
"""

from uuid import UUID

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Actor, Scope, appliance
from appliance.foundation.clock import Clock
from appliance.foundation.errors import ApplianceError, Invalid
from appliance.foundation.ids import new_id
from appliance.foundation.outbox import Outbox
from appliance.identity.federation_errors import AccountEnded, AssertionRefused, NoRole, SubjectUnlinked
from appliance.identity.federation_mapping import PRIVILEGED, printable, role_of, stored_email
from appliance.identity.federation_models import ExternalIdentity, ScimGroup, ScimMember
from appliance.identity.federation_schemas import Person
from appliance.identity.models import RoleAssignment, User
from appliance.identity.provider_rows import Known
from appliance.identity.signin import end_all


class Outcome(msgspec.Struct, frozen=True):
    """Who was let in, or why nobody. Either way the transaction is to commit."""

    user_id: UUID | None = None
    refusal: ApplianceError | None = None


class Federation:
    """Bound to one transaction, and to one provider."""

    def __init__(self, session: AsyncSession, scope: Scope, clock: Clock, provider: Known) -> None:
        self._session, self._scope, self._clock, self._provider = session, scope, clock, provider
        self._audit = AuditTrail(session, scope, clock)
        self._by: Actor = appliance(f"identity provider {provider.name}")

    async def admit(self, person: Person) -> Outcome:
        """The user whom the provider means, with the role its groups give."""
        if not person.subject.isprintable() or not person.subject.strip():
            return self._refused(AssertionRefused("the provider names nobody"), person)
        identity = await self.identity(person.subject)
        if person.disabled:
            if identity is not None:
                await self.end(identity, person.disabled)
            return self._refused(AccountEnded(person.disabled), person)
        role = await self._role(person, identity)
        if role is None:
            if identity is not None:
                await self._lose_role(identity)
            return self._refused(NoRole("no group of this person carries a role here"), person)
        if identity is None:
            return await self._provision(person, role)
        return await self._renew(identity, person, role)

    async def identity(self, subject: str) -> ExternalIdentity | None:
        """Whom the provider means by a subject, if anybody yet."""
        found = await self._session.execute(
            select(ExternalIdentity)
            .where(
                ExternalIdentity.org_id == self._scope.org_id,
                ExternalIdentity.provider_id == self._provider.id,
                ExternalIdentity.subject == subject,
            )
            .with_for_update()
        )
        return found.scalar_one_or_none()

    async def make(self, subject: str, email: str, name: str) -> ExternalIdentity:
        """
        A new user for a subject.

        Raises:
            SubjectUnlinked: Somebody here has this address.
        """
        taken = await self._session.execute(
            select(User.id).where(User.org_id == self._scope.org_id, User.email == email)
        )
        if taken.first() is not None:
            raise SubjectUnlinked(f"{email} belongs to another account here; that account must go first")
        now = self._clock.now()
        user = User(
            org_id=self._scope.org_id, id=new_id(self._clock), email=email, name=printable(name),
            status="active", created_at=now, origin=self._provider.kind,
        )  # fmt: skip
        identity = ExternalIdentity(
            org_id=self._scope.org_id, id=new_id(self._clock), provider_id=self._provider.id, user_id=user.id,
            subject=subject, active=True, detail={}, created_at=now, changed_at=now, checked_at=now,
        )  # fmt: skip
        self._session.add(user)
        await self._session.flush()
        self._session.add(identity)
        await self._session.flush()
        self._audit.record(
            "user.provisioned", by=self._by, subject=user.id, provider=str(self._provider.id), email=email
        )
        return identity

    async def end(self, identity: ExternalIdentity, why: str) -> None:
        """The account is over: nobody signs in with it, and what is signed in stops at the next request."""
        user = await self._user(identity)
        if not identity.active and user.status != "active":
            return
        identity.active, identity.changed_at = False, self._clock.now()
        if user.status == "active":
            user.status = "deactivated"
        await self.set_role(user.id, None)
        await end_all(self._session, self._scope, user.id, self._clock, "deactivated")
        self._audit.record(
            "user.deactivated", by=self._by, subject=user.id, provider=str(self._provider.id), reason=why
        )
        Outbox(self._session, self._scope, self._clock).publish("user_deactivated", user_id=str(user.id))

    async def resume(self, identity: ExternalIdentity) -> bool:
        """The provider takes the end back; what an administrator suspended stays suspended."""
        user = await self._user(identity)
        if user.status not in ("active", "deactivated"):
            return False
        if not identity.active or user.status != "active":
            identity.active, user.status = True, "active"
            identity.changed_at = self._clock.now()
            self._audit.record("user.resumed", by=self._by, subject=user.id, provider=str(self._provider.id))
        return True

    async def set_role(self, user_id: UUID, role: str | None) -> None:
        """Exactly this role from this provider; what others gave stays."""
        mine = (
            RoleAssignment.org_id == self._scope.org_id,
            RoleAssignment.user_id == user_id,
            RoleAssignment.origin == str(self._provider.id),
        )
        before = list((await self._session.execute(select(RoleAssignment.role).where(*mine))).scalars())
        after = [role] if role else []
        if before == after:
            return
        await self._session.execute(delete(RoleAssignment).where(*mine))
        if role:
            self._session.add(
                RoleAssignment(
                    org_id=self._scope.org_id, user_id=user_id, role=role, origin=str(self._provider.id)
                )
            )
        await self._session.flush()
        self._audit.record("user.roles_mapped", by=self._by, subject=user_id, before=before, after=after)

    async def scim_role(self, identity: ExternalIdentity) -> str | None:
        """The role that provisioned groups give; never a privileged one."""
        rows = await self._session.execute(
            select(ScimGroup.name)
            .join(ScimMember, (ScimMember.org_id == ScimGroup.org_id) & (ScimMember.group_id == ScimGroup.id))
            .where(ScimGroup.org_id == self._scope.org_id, ScimMember.identity_id == identity.id)
        )
        allowed = [line for line in self._provider.mapping if line.role not in PRIVILEGED]
        return role_of(rows.scalars(), allowed)

    async def _role(self, person: Person, identity: ExternalIdentity | None) -> str | None:
        role = role_of(person.groups, self._provider.mapping)
        if role is None and identity is not None and self._provider.has_scim:
            return await self.scim_role(identity)
        return role

    async def _provision(self, person: Person, role: str) -> Outcome:
        try:
            identity = await self.make(person.subject, stored_email(person.email), person.name)
        except (SubjectUnlinked, Invalid) as error:
            return self._refused(error, person)
        await self.set_role(identity.user_id, role)
        return Outcome(identity.user_id)

    async def _renew(self, identity: ExternalIdentity, person: Person, role: str) -> Outcome:
        # A directory was just asked about the account; a sign-in elsewhere does not know of its end.
        may_resume = identity.active or self._provider.kind == "ldap"
        if not may_resume or not await self.resume(identity):
            return self._refused(AccountEnded("the account has ended; ask an administrator"), person)
        user = await self._user(identity)
        user.name = printable(person.name) or user.name
        identity.checked_at = self._clock.now()
        await self.set_role(user.id, role)
        return Outcome(user.id)

    async def _lose_role(self, identity: ExternalIdentity) -> None:
        await self.set_role(identity.user_id, None)
        await end_all(self._session, self._scope, identity.user_id, self._clock, "no_role")

    async def _user(self, identity: ExternalIdentity) -> User:
        return await self._session.get_one(User, (self._scope.org_id, identity.user_id), with_for_update=True)

    def _refused(self, error: ApplianceError, person: Person) -> Outcome:
        self._audit.record(
            "session.refused", by=self._by, subject=self._provider.id, outcome="denied", code=error.code,
            reason=str(error), external_subject=printable(person.subject),
        )  # fmt: skip
        return Outcome(refusal=error)
