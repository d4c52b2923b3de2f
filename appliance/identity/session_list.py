"""Sessions as people and administrators see them: which there are, and ending them."""

from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Actor, Permission, Scope
from appliance.foundation.clock import Clock
from appliance.identity.errors import SessionNotFound
from appliance.identity.models import Session, User
from appliance.identity.schemas import SessionSummary

_MOST = 500


class SessionService:
    """Bound to one transaction. An ended session counts from the next request on, on every node."""

    def __init__(self, session: AsyncSession, scope: Scope, audit: AuditTrail, clock: Clock) -> None:
        self._session, self._scope, self._audit, self._clock = session, scope, audit, clock

    async def own(self, *, by: Actor) -> list[SessionSummary]:
        """The caller's own, newest first."""
        return await self._open(Session.user_id == by.id, by)

    async def all(self, *, by: Actor) -> list[SessionSummary]:
        """Everybody's, newest first; 500 at the most."""
        by.require(Permission.SESSIONS_END)
        self._audit.read("sessions", by=by)
        return await self._open(Session.org_id == self._scope.org_id, by)

    async def end_own(self, session_id: UUID, *, by: Actor) -> None:
        """End one of the caller's own."""
        held = await self._held(session_id)
        if held.user_id != by.id:
            raise SessionNotFound(f"you have no session {session_id}")
        self._end(held, "ended_by_user", by)

    async def end(self, session_id: UUID, *, by: Actor) -> None:
        """End anybody's."""
        by.require(Permission.SESSIONS_END)
        self._end(await self._held(session_id), "ended_by_administrator", by)

    async def end_others(self, *, by: Actor) -> int:
        """End all of the caller's own but the one that asks; how many there were."""
        ended = await self._session.execute(
            update(Session)
            .where(
                Session.org_id == self._scope.org_id,
                Session.user_id == by.id,
                Session.id != by.session_id,
                Session.revoked_at.is_(None),
            )
            .values(revoked_at=self._clock.now(), revoked_reason="ended_by_user")
            .returning(Session.id)
        )
        count = len(ended.all())
        self._audit.record("session.others_ended", by=by, subject=by.id, count=count)
        return count

    async def _held(self, session_id: UUID) -> Session:
        held = await self._session.get(Session, (self._scope.org_id, session_id), with_for_update=True)
        if held is None:
            raise SessionNotFound(f"no session {session_id}")
        return held

    def _end(self, held: Session, reason: str, by: Actor) -> None:
        held.revoked_at, held.revoked_reason = self._clock.now(), reason
        self._audit.record("session.ended", by=by, subject=held.id, reason=reason)

    async def _open(self, whose: object, by: Actor) -> list[SessionSummary]:
        rows = await self._session.execute(
            select(Session, User.email)
            .join(User, (User.org_id == Session.org_id) & (User.id == Session.user_id))
            .where(
                Session.org_id == self._scope.org_id,
                whose,  # type: ignore[arg-type]  # a column's comparison
                Session.revoked_at.is_(None),
                Session.expires_at > self._clock.now(),
            )
            .order_by(Session.created_at.desc())
            .limit(_MOST)
        )
        return [
            SessionSummary(
                id=held.id, user_id=held.user_id, email=email, kind=held.kind, methods=held.methods,
                created_at=held.created_at, last_seen_at=held.last_seen_at, expires_at=held.expires_at,
                address=held.address, user_agent=held.user_agent, current=held.id == by.session_id,
            )
            for held, email in rows
        ]  # fmt: skip
