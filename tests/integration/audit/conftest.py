"""A trail that is really sealed, and hands that reach past every guard."""

import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest

from appliance.audit.event_sealing import EventSealing
from appliance.audit.keyring import Keyring
from appliance.audit.schemas import ExportOrder, VerificationOrder
from appliance.audit.sealing import Sealing
from appliance.audit.service import AuditTrail
from appliance.audit.verifier.export import verify
from appliance.audit.verifier.verdicts import Verdict
from appliance.cli.embedded import EmbeddedPostgres
from appliance.composition import open_services
from appliance.foundation.actors import Scope, appliance
from appliance.foundation.database import Database, transaction
from appliance.foundation.sealing import Sealer
from appliance.foundation.settings import Audit, Settings
from appliance.telemetry.witnessing import SegmentWitness
from tests.factories.people import FakeClock

BY = appliance("tests")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


class Trail:
    """One organisation's trail: writes, seals, verifies, exports."""

    def __init__(
        self, database: Database, scope: Scope, keyring: Keyring, sealer: Sealer, clock: FakeClock
    ) -> None:
        self.database, self.scope, self.keyring, self.sealer, self.clock = (
            database,
            scope,
            keyring,
            sealer,
            clock,
        )
        self.sealing = Sealing(database, keyring, Audit(checkpoint_entries=1_000_000), clock)
        self.events = EventSealing(database, SegmentWitness, clock)

    @property
    def org(self) -> UUID:
        return self.scope.org_id

    async def write(self, count: int, **detail: Any) -> list[UUID]:
        """Entries, each in a transaction of its own."""
        made = []
        for n in range(count):
            self.clock.advance(seconds=1)
            async with transaction(self.database, self.scope) as session:
                made.append(
                    AuditTrail(session, self.scope, self.clock).record("test.done", by=BY, n=n, **detail)
                )
        return made

    async def seal(self) -> int:
        """Everything that waits, and a checkpoint."""
        done = 0
        while await self.events.step(self.org):
            pass
        self.clock.advance(seconds=61)
        while sealed := await self.sealing.step(self.org):
            done += sealed
        return done

    async def verify(self, **order: Any) -> Verdict:
        async with open_services(self.database, self.scope, self.sealer, self.clock) as services:
            return await services.trail.verification(VerificationOrder(**order), by=BY)

    async def export(self, **order: Any) -> bytes:
        file = io.BytesIO()
        async with open_services(self.database, self.scope, self.sealer, self.clock) as services:
            await services.trail.export(ExportOrder(**order), file, by=BY)
        return file.getvalue()

    async def checkpoint_lines(self) -> list[str]:
        """What a receiver off the box would hold by now."""
        async with open_services(self.database, self.scope, self.sealer, self.clock) as services:
            found = await services.trail.checkpoints(0, by=BY, limit=1_000)
        return [json.dumps({"checkpoint": one.checkpoint, "signature": one.signature}) for one in found]


def read(export: bytes, **how: Any) -> Verdict:
    """The offline verifier's verdict."""
    return verify(io.BytesIO(export), **how)


@pytest.fixture
def keyring(settings: Settings) -> Keyring:
    return Keyring(settings.credential("audit-key"))


@pytest.fixture
async def trail(
    database: Database, organisation: Scope, keyring: Keyring, sealer: Sealer, clock: FakeClock
) -> Trail:
    made = Trail(database, organisation, keyring, sealer, clock)
    await made.sealing.start()
    return made


Forge = Callable[..., Awaitable[None]]


@pytest.fixture
async def forge(postgres: EmbeddedPostgres) -> AsyncIterator[Forge]:
    """Runs SQL as a superuser with all triggers off: what an attacker who owns the database can do."""
    dsn = postgres.superuser_dsn
    async with await psycopg.AsyncConnection.connect(dsn, dbname="xdr", autocommit=True) as connection:
        await connection.execute("SET session_replication_role = replica")

        async def run(sql: str, *values: Any) -> None:
            await connection.execute(sql, values)

        yield run
