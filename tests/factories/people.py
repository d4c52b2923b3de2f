"""People who can really sign in, and a clock that tests move."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import select

from appliance.audit.models import AuditEntry
from appliance.composition import Services, open_services
from appliance.foundation.actors import Actor, Scope, appliance
from appliance.foundation.database import Database, transaction
from appliance.foundation.sealing import Sealer
from appliance.identity.schemas import Invitation, NewUser, SignedIn
from appliance.identity.signin import Gate

PASSWORD = "seven green boats under a bridge"


class FakeClock:
    """Stands still until told to go on."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, **by: float) -> None:
        self._now += timedelta(**by)


@dataclass
class Member:
    """Somebody with a password, signed in once."""

    id: UUID
    email: str
    signed_in: SignedIn
    actor: Actor


@dataclass
class Crowd:
    """Makes people in an organisation."""

    database: Database
    sealer: Sealer
    gate: Gate
    clock: FakeClock

    def open(self, scope: Scope) -> AbstractAsyncContextManager[Services]:
        """Services inside an organisation, on the crowd's clock."""
        return open_services(self.database, scope, self.sealer, self.clock)

    async def invite(self, scope: Scope, *roles: str, by: Actor | None = None) -> Invitation:
        new = NewUser(email=f"{uuid4().hex}@example.test", name="Somebody", roles=list(roles))
        async with self.open(scope) as services:
            return await services.identity.invite(new, by=by or appliance("tests"))

    async def member(self, scope: Scope, *roles: str) -> Member:
        invited = await self.invite(scope, *(roles or ("soc_analyst",)))
        signed_in = await self.gate.redeem(invited.link_token, PASSWORD, **somewhere())
        actor, _, _ = await self.gate.actor_of_session(signed_in.token, address="")
        return Member(invited.user.id, invited.user.email, signed_in, actor)

    async def audited(self, scope: Scope, subject: UUID) -> list[tuple[str, str]]:
        """What the audit trail says was done to somebody or something: action and outcome, in order."""
        async with transaction(self.database, scope) as session:
            entries = (
                await session.execute(select(AuditEntry).order_by(AuditEntry.tx, AuditEntry.id))
            ).scalars()
            bodies = [msgspec.json.decode(entry.body) for entry in entries]
        return [(body["action"], body["outcome"]) for body in bodies if body["subject"] == str(subject)]


def somewhere() -> dict[str, str]:
    """An address nobody has failed from."""
    return {"address": f"test-{uuid4().hex}", "user_agent": "pytest"}
