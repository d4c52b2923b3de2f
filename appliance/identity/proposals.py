"""
Four eyes: an action that takes a second person is proposed, approved by somebody else, and only then done.

What is approved is the exact payload (RFC 8785, by its SHA-256); at execution it is checked again. Nobody
approves what they proposed, be it through another session, a token, or the local socket; the local
administrator, who is not one person, approves nothing. A proposal lapses after a day.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail, canonical
from appliance.foundation.actors import Actor, ActorKind, Permission, Scope
from appliance.foundation.clock import Clock
from appliance.foundation.errors import Invalid, NotPermitted
from appliance.foundation.ids import new_id
from appliance.foundation.outbox import Outbox
from appliance.identity.errors import OwnProposal, ProposalClosed, ProposalNotFound
from appliance.identity.governance_models import Proposal
from appliance.identity.models import User
from appliance.identity.roles import four_eyes, held_permissions
from appliance.identity.schemas import ProposalSummary

LIFE = timedelta(hours=24)
_LONGEST_REASON = 2_000
_MOST = 200

# Carries out an approved action, in the approver's transaction, as the one who proposed it.
Execution = Callable[[dict[str, Any], Actor], Awaitable[None]]


class ProposalService:
    """
    Bound to one transaction.

    Args:
        executions: By action, what is done once it is approved; an action without one cannot be proposed.
    """

    def __init__(
        self,
        session: AsyncSession,
        scope: Scope,
        *,
        audit: AuditTrail,
        outbox: Outbox,
        clock: Clock,
        executions: dict[str, tuple[Permission, Execution]],
    ) -> None:
        self._session, self._scope, self._audit, self._outbox = session, scope, audit, outbox
        self._clock, self._executions = clock, executions

    async def propose(
        self, action: str, payload: dict[str, Any], reason: str, *, by: Actor
    ) -> ProposalSummary:
        """
        Ask for a second person.

        Raises:
            Invalid: No such action, or no reason is given.
            NotPermitted: The caller may not even ask, or is no person.
        """
        permission, _ = self._execution(action)
        by.require(permission)
        if by.kind is not ActorKind.USER:
            raise NotPermitted("only a person who is signed in can ask for a second one")
        if not reason.strip() or len(reason) > _LONGEST_REASON:
            raise Invalid(f"say why, in 1 to {_LONGEST_REASON} characters")
        body, now = canonical(payload), self._clock.now()
        made = Proposal(
            org_id=self._scope.org_id, id=new_id(self._clock), permission=permission.value, action=action,
            payload=body, payload_hash=sha256(body).digest(), reason=reason.strip(), state="open",
            proposed_at=now, expires_at=now + LIFE, proposed_by=_who(by),
        )  # fmt: skip
        self._session.add(made)
        self._audit.record(
            "proposal.made", by=by, subject=made.id, proposed=action, payload=sha256(body).hexdigest()
        )
        self._outbox.publish("proposal_made", proposal_id=str(made.id), action=action)
        return self._summary(made)

    async def open(self, *, by: Actor) -> list[ProposalSummary]:
        """Those that wait and concern the caller: what they asked for and what they may decide."""
        rows = await self._session.execute(
            select(Proposal)
            .where(
                Proposal.org_id == self._scope.org_id,
                Proposal.state == "open",
                Proposal.expires_at > self._clock.now(),
            )
            .order_by(Proposal.proposed_at)
            .limit(_MOST)
        )
        return [
            self._summary(row)
            for row in rows.scalars()
            if by.may(_approver_needs(row)) or row.proposed_by["id"] == str(by.id)
        ]

    async def approve(
        self, proposal_id: UUID, payload_hash: str, *, by: Actor, comment: str = ""
    ) -> ProposalSummary:
        """
        Agree, and have it done.

        Args:
            payload_hash: SHA-256 in hex of the payload that was read: what was seen is what is approved.

        Raises:
            OwnProposal: The caller proposed it.
            ProposalClosed: Decided or expired meanwhile, or whoever proposed it may no longer ask.
            Invalid: The payload is another one.
        """
        row = await self._held(proposal_id, by)
        if by.kind is not ActorKind.USER or row.proposed_by["id"] == str(by.id):
            raise OwnProposal("somebody else who is signed in must approve this")
        if sha256(row.payload).digest() != row.payload_hash or payload_hash != row.payload_hash.hex():
            raise Invalid("this is not the payload that was proposed; look at it again")
        proposer = await self._proposer(row)
        self._decide(row, "approved", by, comment)
        _, execute = self._execution(row.action)
        await execute(msgspec.json.decode(row.payload), proposer)
        return self._summary(row)

    async def reject(self, proposal_id: UUID, *, by: Actor, comment: str = "") -> ProposalSummary:
        """Say no; or, to one's own, take it back."""
        row = await self._held(proposal_id, by, own_too=True)
        own = row.proposed_by["id"] == str(by.id)
        self._decide(row, "withdrawn" if own else "rejected", by, comment)
        return self._summary(row)

    def _decide(self, row: Proposal, state: str, by: Actor, comment: str) -> None:
        row.state, row.decided_by, row.decided_at = state, _who(by), self._clock.now()
        row.comment = comment[:_LONGEST_REASON]
        self._audit.record(
            f"proposal.{state}", by=by, subject=row.id, proposed=row.action, payload=row.payload_hash.hex()
        )

    async def _held(self, proposal_id: UUID, by: Actor, *, own_too: bool = False) -> Proposal:
        row = await self._session.get(Proposal, (self._scope.org_id, proposal_id), with_for_update=True)
        if row is None:
            raise ProposalNotFound(f"no proposal {proposal_id}")
        if not (own_too and row.proposed_by["id"] == str(by.id)):
            by.require(_approver_needs(row))
        if row.state != "open" or row.expires_at <= self._clock.now():
            raise ProposalClosed(f"the proposal is {row.state if row.state != 'open' else 'expired'}")
        return row

    async def _proposer(self, row: Proposal) -> Actor:
        """Whoever proposed it, with what they may do now."""
        user = await self._session.get(User, (self._scope.org_id, UUID(row.proposed_by["id"])))
        now = self._clock.now()
        allowed = (
            await held_permissions(self._session, self._scope, user.id, now)
            if user is not None and user.status == "active"
            else frozenset[Permission]()
        )
        if user is None or Permission(row.permission) not in allowed:
            raise ProposalClosed("whoever proposed this may no longer ask for it")
        return Actor(ActorKind.USER, user.id, user.email, allowed)

    def _execution(self, action: str) -> tuple[Permission, Execution]:
        if action not in self._executions:
            raise Invalid(f"no action {action!r} takes two people; there are {', '.join(self._executions)}")
        return self._executions[action]

    def _summary(self, row: Proposal) -> ProposalSummary:
        return ProposalSummary(
            id=row.id, action=row.action, permission=row.permission, reason=row.reason, state=row.state,
            payload=msgspec.json.decode(row.payload), payload_hash=row.payload_hash.hex(),
            proposed_by=row.proposed_by["name"], proposed_at=row.proposed_at, expires_at=row.expires_at,
            decided_by=(row.decided_by or {}).get("name", ""), decided_at=row.decided_at, comment=row.comment,
        )  # fmt: skip


def _approver_needs(row: Proposal) -> Permission:
    return four_eyes()[Permission(row.permission)]


def _who(by: Actor) -> dict[str, str]:
    return {"id": str(by.id), "name": by.name, "session": str(by.session_id or "")}
