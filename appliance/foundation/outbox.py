"""
What happened, told to other domains (decision 21).

A service adds an event in its own transaction; `jobs/reactions.py` follows the table by the feed and
calls whoever cares, at least once. A reaction must therefore be idempotent.
"""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from appliance.foundation.actors import Scope
from appliance.foundation.clock import Clock
from appliance.foundation.ids import new_id
from appliance.foundation.models import OutboxEvent


class Outbox:
    """Bound to one transaction: what is published commits, or vanishes, with the change it tells of."""

    def __init__(self, session: AsyncSession, scope: Scope, clock: Clock) -> None:
        self._session, self._scope, self._clock = session, scope, clock

    def publish(self, kind: str, **payload: Any) -> None:
        self._session.add(
            OutboxEvent(
                org_id=self._scope.org_id,
                id=new_id(self._clock),
                kind=kind,
                payload=payload,
                at=self._clock.now(),
            )
        )
