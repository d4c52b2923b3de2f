"""People who can really sign in, and a clock that tests move."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec
import pyotp
from sqlalchemy import select

from appliance.audit.models import AuditEntry
from appliance.composition import Services, open_services
from appliance.foundation.actors import Actor, Scope, appliance
from appliance.foundation.database import Database, transaction
from appliance.foundation.sealing import Sealer
from appliance.identity.admission import Admission
from appliance.identity.schemas import FurtherStep, Invitation, NewUser, SignedIn
from appliance.identity.second_step import SecondStep
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
    totp_secret: str = ""
    recovery_codes: list[str] = field(default_factory=list)


@dataclass
class Crowd:
    """Makes people in an organisation."""

    database: Database
    sealer: Sealer
    gate: Gate
    clock: FakeClock
    admission: Admission
    second_step: SecondStep

    def open(self, scope: Scope) -> AbstractAsyncContextManager[Services]:
        """Services inside an organisation, on the crowd's clock."""
        return open_services(self.database, scope, self.sealer, self.clock)

    async def invite(self, scope: Scope, *roles: str, by: Actor | None = None) -> Invitation:
        new = NewUser(email=f"{uuid4().hex}@example.test", name="Somebody", roles=list(roles))
        async with self.open(scope) as services:
            return await services.identity.invite(new, by=by or appliance("tests"))

    async def member(self, scope: Scope, *roles: str) -> Member:
        invited = await self.invite(scope, *(roles or ("soc_analyst",)))
        done = await self.gate.redeem(invited.link_token, PASSWORD, **somewhere())
        signed_in, secret, codes = await self.through(done)
        actor, _, _ = await self.admission.of_cookie(signed_in.token, address="")
        return Member(invited.user.id, invited.user.email, signed_in, actor, secret, codes)

    async def through(self, done: SignedIn | FurtherStep) -> tuple[SignedIn, str, list[str]]:
        """Past the enrolment of a second factor, where one is asked for; its secret and recovery codes."""
        if isinstance(done, SignedIn):
            return done, "", []
        assert done.step == "enrolment"
        begun = await self.second_step.begin_enrolment(done.token)
        code = pyotp.TOTP(begun.secret).at(self.clock.now())
        signed_in = await self.second_step.confirm_enrolment(done.token, code, **somewhere())
        return signed_in, begun.secret, signed_in.recovery_codes

    async def sign_in(self, member: Member) -> SignedIn:
        """Once more, with the next code where there is a second factor."""
        done = await self.gate.sign_in(member.email, PASSWORD, **somewhere())
        if isinstance(done, SignedIn):
            return done
        self.clock.advance(seconds=30)
        return await self.second_step.by_code(done.token, self.code(member), **somewhere())

    def code(self, member: Member) -> str:
        """What the member's authenticator app shows now."""
        return pyotp.TOTP(member.totp_secret).at(self.clock.now())

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
