"""What cannot be audited is not done; what is refused is on record."""

from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from appliance.audit.schemas import EntryFilter
from appliance.audit.service import record_denial
from appliance.composition import open_services
from appliance.foundation.actors import Actor, ActorKind, appliance
from appliance.foundation.database import platform_transaction, transaction
from appliance.foundation.errors import Unavailable
from appliance.telemetry.schemas import NewSource

BY = appliance("tests")


@pytest.fixture
async def no_audit(postgres, organisation):
    """The table of entries takes nothing of this organisation any more."""
    name = f"full_{organisation.org_id.hex}"
    async with await psycopg.AsyncConnection.connect(
        postgres.superuser_dsn, dbname="xdr", autocommit=True
    ) as connection:
        await connection.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF NEW.org_id = '{organisation.org_id}' THEN RAISE disk_full USING MESSAGE = 'no space'; END IF;"
            " RETURN NEW; END $$"
        )
        await connection.execute(
            f"CREATE TRIGGER {name} BEFORE INSERT ON audit_entries FOR EACH ROW EXECUTE FUNCTION {name}()"
        )
        yield
        await connection.execute(f"DROP TRIGGER {name} ON audit_entries")
        await connection.execute(f"DROP FUNCTION {name}()")


async def sources(trail) -> int:
    async with platform_transaction(trail.database) as session:
        found = await session.execute(
            text("SELECT count(*) FROM sources WHERE org_id = :org"), {"org": trail.org}
        )
        return int(found.scalar_one())


async def test_a_change_that_cannot_be_audited_does_not_happen(trail, no_audit):
    with pytest.raises((DBAPIError, Unavailable), match=r"no space|does not answer"):
        async with open_services(trail.database, trail.scope, trail.sealer) as services:
            await services.telemetry.create_source(NewSource(name="unseen"), by=BY)

    assert await sources(trail) == 0


async def test_a_denial_is_an_entry_although_its_request_was_rolled_back(trail):
    tried = Actor(ActorKind.USER, uuid4(), "mallory@example.test", frozenset(), address="203.0.113.9")

    await record_denial(
        trail.database,
        trail.scope,
        trail.clock,
        by=tried,
        reason="not_permitted",
        permission="users:edit",
        route="POST /api/v1/users",
    )

    async with open_services(trail.database, trail.scope, trail.sealer) as services:
        page = await services.trail.entries(EntryFilter(outcome="denied"), by=BY, limit=10, cursor=None)
    assert [(one.action, one.actor["id"], one.detail["permission"]) for one in page.items] == [
        ("access.denied", str(tried.id), "users:edit")
    ]


async def test_looking_at_the_trail_is_an_entry(trail):
    async with open_services(trail.database, trail.scope, trail.sealer) as services:
        await services.trail.entries(EntryFilter(action="user."), by=BY, limit=10, cursor=None)

    async with transaction(trail.database, trail.scope) as session:
        actions = (await session.execute(text("SELECT action FROM audit_entries"))).scalars()
        assert list(actions) == ["audit.entries.read"]


async def test_entries_are_filtered_and_paged(trail):
    who, subject = Actor(ActorKind.USER, uuid4(), "x", frozenset()), uuid4()
    async with open_services(trail.database, trail.scope, trail.sealer, trail.clock) as services:
        for n in range(5):
            trail.clock.advance(seconds=1)
            services.audit.record("user.invited", by=who, subject=subject, n=n)
        services.audit.record("users.counted", by=BY)
        services.audit.record("user.suspended", by=BY, outcome="failed")

    async def asked(limit: int = 50, cursor=None, **wanted):
        async with open_services(trail.database, trail.scope, trail.sealer, trail.clock) as services:
            return await services.trail.entries(EntryFilter(**wanted), by=BY, limit=limit, cursor=cursor)

    assert len((await asked(action="user.")).items) == 6
    assert len((await asked(action="user.invited")).items) == 5
    assert len((await asked(actor=who.id)).items) == 5
    assert len((await asked(subject=str(subject))).items) == 5
    assert len((await asked(outcome="failed")).items) == 1
    first = await asked(limit=2, action="user.invited")
    rest = await asked(limit=10, action="user.invited", cursor=first.next_cursor)
    assert [one.detail["n"] for one in [*first.items, *rest.items]] == [4, 3, 2, 1, 0]
    middle = first.items[1].at
    assert len((await asked(action="user.invited", start=middle)).items) == 2
    assert len((await asked(action="user.invited", end=middle)).items) == 3
