"""
Access reviews: who holds which role, decided person by person, and a signed document at the end.

The document is RFC 8785 text under an Ed25519 signature of the appliance, so that an auditor can check it
without the appliance. A person whose access is not confirmed loses the roles when the review is closed.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail, canonical
from appliance.foundation.actors import Actor, ActorKind, Permission, Scope
from appliance.foundation.clock import Clock
from appliance.foundation.errors import Conflict, Invalid, NotPermitted
from appliance.foundation.ids import new_id
from appliance.identity import queries
from appliance.identity.errors import ReviewIncomplete, ReviewNotFound
from appliance.identity.governance_models import AccessReview
from appliance.identity.last_admin import keep_a_super_admin
from appliance.identity.models import RoleAssignment
from appliance.identity.schemas import ReviewDecision, ReviewDetail

_DUE = timedelta(days=14)

# Signs bytes with the appliance's key: its id and the signature.
Sign = Callable[[bytes], tuple[str, bytes]]


class ReviewService:
    """Bound to one transaction."""

    def __init__(
        self, session: AsyncSession, scope: Scope, *, audit: AuditTrail, clock: Clock, sign: Sign
    ) -> None:
        self._session, self._scope, self._audit = session, scope, audit
        self._clock, self._sign = clock, sign

    async def all(self, *, by: Actor) -> list[ReviewDetail]:
        """Every review, newest first."""
        by.require(Permission.ACCESS_REVIEWS_SIGN)
        self._audit.read("access_reviews", by=by)
        rows = await self._session.execute(
            select(AccessReview)
            .where(AccessReview.org_id == self._scope.org_id)
            .order_by(AccessReview.opened_at.desc())
            .limit(100)
        )
        return [_detail(row) for row in rows.scalars()]

    async def open(self, *, by: Actor) -> ReviewDetail:
        """
        A review of everybody who may sign in now.

        Raises:
            Conflict: One is open already.
        """
        by.require(Permission.ACCESS_REVIEWS_SIGN)
        held = await self._session.execute(
            select(AccessReview.id).where(
                AccessReview.org_id == self._scope.org_id, AccessReview.closed_at.is_(None)
            )
        )
        if held.first() is not None:
            raise Conflict("a review is open already; close it first")
        now = self._clock.now()
        row = AccessReview(
            org_id=self._scope.org_id, id=new_id(self._clock), opened_at=now, opened_by=by.name,
            due_at=now + _DUE, items=await self._items(), closed_by="",
        )  # fmt: skip
        self._session.add(row)
        self._audit.record("access_review.opened", by=by, subject=row.id, people=len(row.items))
        return _detail(row)

    async def decide(self, review_id: UUID, decisions: list[ReviewDecision], *, by: Actor) -> ReviewDetail:
        """
        Keep or remove people's access; can be changed until the review is closed.

        Raises:
            Invalid: Somebody is not part of the review, or a decision is neither keep nor remove.
            NotPermitted: Nobody decides about themselves.
        """
        by.require(Permission.ACCESS_REVIEWS_SIGN)
        row = await self._held(review_id)
        items: list[dict[str, Any]] = [dict(item) for item in row.items]
        by_user = {item["user_id"]: item for item in items}
        for one in decisions:
            item = by_user.get(str(one.user_id))
            if item is None or one.decision not in ("keep", "remove"):
                raise Invalid(f"{one.user_id}: keep or remove somebody who is part of this review")
            if one.user_id == by.id:
                raise NotPermitted("somebody else decides about your own access")
            item |= {"decision": one.decision, "decided_by": by.name, "comment": one.comment}
        row.items = items
        self._audit.record("access_review.decided", by=by, subject=row.id, people=len(decisions))
        return _detail(row)

    async def close(self, review_id: UUID, *, by: Actor) -> ReviewDetail:
        """
        Take away what was not kept, sign, and close.

        Raises:
            ReviewIncomplete: Names who is undecided.
            LastSuperAdmin: Nobody would be left to administer the organisation.
        """
        by.require(Permission.ACCESS_REVIEWS_SIGN)
        if by.kind is not ActorKind.USER:
            raise NotPermitted("a person signs a review")
        row = await self._held(review_id)
        if open_ := [item["email"] for item in row.items if not item["decision"]]:
            raise ReviewIncomplete(f"undecided: {', '.join(open_[:20])}")
        removed = {UUID(item["user_id"]) for item in row.items if item["decision"] == "remove"}
        await keep_a_super_admin(self._session, self._scope, without=removed, now=self._clock.now())
        for user_id in removed:
            await self._take_roles(user_id)
        row.closed_at, row.closed_by = self._clock.now(), by.name
        row.document = canonical(_document(row))
        row.key_id, row.signature = self._sign(row.document)
        self._audit.record("access_review.closed", by=by, subject=row.id, key_id=row.key_id)
        return _detail(row)

    async def _items(self) -> list[dict[str, Any]]:
        people = await queries.users(self._session, self._scope)
        return [
            {
                "user_id": str(person.id), "email": person.email, "name": person.name, "roles": person.roles,
                "factors": person.factors, "origin": person.origin, "status": person.status,
                "last_sign_in_at": person.last_sign_in_at.isoformat() if person.last_sign_in_at else "",
                "decision": "", "decided_by": "", "comment": "",
            }
            for person in people
            if person.status in ("active", "invited")
        ]  # fmt: skip

    async def _take_roles(self, user_id: UUID) -> None:
        await self._session.execute(
            delete(RoleAssignment).where(
                RoleAssignment.org_id == self._scope.org_id, RoleAssignment.user_id == user_id
            )
        )

    async def _held(self, review_id: UUID) -> AccessReview:
        row = await self._session.get(AccessReview, (self._scope.org_id, review_id), with_for_update=True)
        if row is None:
            raise ReviewNotFound(f"no review {review_id}")
        if row.closed_at is not None:
            raise Conflict("the review is closed and signed")
        return row


def _document(row: AccessReview) -> dict[str, Any]:
    assert row.closed_at is not None
    return {
        "kind": "xdr-access-review-v1", "id": str(row.id), "org": str(row.org_id),
        "opened_at": row.opened_at.isoformat(), "opened_by": row.opened_by,
        "closed_at": row.closed_at.isoformat(), "closed_by": row.closed_by, "items": row.items,
    }  # fmt: skip


def _detail(row: AccessReview) -> ReviewDetail:
    return ReviewDetail(
        id=row.id, opened_at=row.opened_at, opened_by=row.opened_by, due_at=row.due_at,
        closed_at=row.closed_at, closed_by=row.closed_by, items=row.items,
        document=row.document.decode() if row.document else "",
        signature=row.signature.hex() if row.signature else "", key_id=row.key_id,
    )  # fmt: skip
