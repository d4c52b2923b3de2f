"""What Postgres itself refuses, whatever the application does."""

import asyncio
import re
from uuid import uuid4

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from appliance.foundation.actors import Scope
from appliance.foundation.database import anonymous_transaction, driver, organisation_ids, transaction
from appliance.foundation.feed import read
from appliance.migrations import apply
from appliance.tables import metadata


def not_a_partition(name, type_, _parents):
    return type_ != "table" or re.search(r"_\d{8}$", name) is None


def test_models_and_migrations_say_the_same(owner_url):
    engine = create_engine(owner_url)
    with engine.connect() as connection:
        opts = {"compare_type": True, "compare_server_default": True, "include_name": not_a_partition}
        context = MigrationContext.configure(connection, opts=opts)

        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_migrations_lead_down_and_up_again(postgres, state):
    passwords = {
        f"xdr_{r}": (state / "credentials" / f"database-{r}").read_text()
        for r in ("owner", "app", "platform")
    }
    apply.bootstrap(postgres.superuser_dsn, database="both_ways", passwords=passwords)
    from sqlalchemy import URL

    url = URL.create(
        "postgresql+psycopg",
        "xdr_owner",
        passwords["xdr_owner"],
        database="both_ways",
        query={"host": str(postgres.socket_dir)},
    )

    apply.migrate(url, scope_key=b"k" * 32)
    apply.downgrade(url, "base")
    apply.migrate(url, scope_key=b"k" * 32)

    engine = create_engine(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


async def test_no_table_of_organisations_stands_outside_the_walls(database):
    async with anonymous_transaction(database) as session:
        rows = await session.execute(
            text(
                "SELECT relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id'"
                " WHERE c.relkind IN ('r','p','v','m') AND NOT c.relispartition"
                " AND c.relnamespace = 'public'::regnamespace AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
            )
        )

        assert list(rows.scalars()) == []


async def test_outside_an_organisation_nothing_is_visible(database, organisation, admin):
    async with anonymous_transaction(database) as session:
        assert (await session.execute(text("SELECT count(*) FROM users"))).scalar_one() == 0


async def test_injected_sql_cannot_enter_another_organisation(database, organisation, other_organisation):
    forged = f"{other_organisation.org_id}|0|{'0' * 64}"

    async def forge():
        async with transaction(database, organisation) as session:
            await session.execute(text("SELECT set_config('app.scope', :token, true)"), {"token": forged})
            await session.execute(text("SELECT count(*) FROM users"))

    with pytest.raises(DBAPIError, match="not signed"):
        await forge()


async def test_a_token_seen_on_one_connection_is_worthless_on_another(database, organisation):
    async with transaction(database, organisation) as session:
        token = (await session.execute(text("SELECT current_setting('app.scope')"))).scalar_one()
    async with anonymous_transaction(database) as session:
        connection = await driver(session)
        if str(connection.info.backend_pid) in token:
            async with anonymous_transaction(database) as other:
                with pytest.raises(DBAPIError, match="not signed"):
                    await other.execute(text("SELECT app.enter(:token)"), {"token": token})
            return
        with pytest.raises(DBAPIError, match="not signed"):
            await session.execute(text("SELECT app.enter(:token)"), {"token": token})


async def test_the_scope_ends_with_the_transaction(database, organisation, admin):
    async with transaction(database, organisation) as session:
        assert (await session.execute(text("SELECT count(*) FROM users"))).scalar_one() > 0
    async with anonymous_transaction(database) as session:
        assert (await session.execute(text("SELECT count(*) FROM users"))).scalar_one() == 0


async def test_the_application_role_owns_nothing_and_passes_no_wall(database):
    async with anonymous_transaction(database) as session:
        row = (
            await session.execute(
                text("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
            )
        ).one()
        owned = (
            await session.execute(
                text("SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole")
            )
        ).scalar_one()

    assert tuple(row) == (False, False)
    assert owned == 0


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_entries SET action = 'x'", "DELETE FROM audit_entries", "TRUNCATE audit_entries"],
)
async def test_the_trail_can_only_grow(database, organisation, admin, statement):
    with pytest.raises(DBAPIError, match="permission denied"):
        async with transaction(database, organisation) as session:
            await session.execute(text(statement))


def test_not_even_the_owner_changes_the_trail(owner_url, postgres):
    engine = create_engine(owner_url)
    with engine.connect() as connection, pytest.raises(DBAPIError, match="only ever added"):
        connection.execute(text("UPDATE audit_entries SET action = 'x'"))
    engine.dispose()


async def test_a_row_for_another_organisation_is_refused(database, organisation, other_organisation):
    with pytest.raises(DBAPIError, match="row-level security"):
        async with transaction(database, organisation) as session:
            await session.execute(
                text(
                    "INSERT INTO outbox (org_id, id, kind, payload, at) VALUES (:org, :id, 'x', '{}', now())"
                ),
                {"org": other_organisation.org_id, "id": uuid4()},
            )


async def test_a_feed_leaves_no_gap_behind_a_slow_transaction(database, organisation):
    async def publish(session, kind):
        await session.execute(
            text("INSERT INTO outbox (org_id, id, kind, payload, at) VALUES (:org, :id, :kind, '{}', now())"),
            {"org": organisation.org_id, "id": uuid4(), "kind": kind},
        )

    async def seen():
        async with transaction(database, organisation) as session:
            return [row.kind for row in await read(session, organisation, consumer="test", table="outbox")]

    slow_may_end, slow_has_written = asyncio.Event(), asyncio.Event()

    async def slow():
        async with transaction(database, organisation) as session:
            await publish(session, "slow")
            slow_has_written.set()
            await slow_may_end.wait()

    task = asyncio.create_task(slow())
    await slow_has_written.wait()
    async with transaction(database, organisation) as session:
        await publish(session, "fast")
    during = await seen()
    slow_may_end.set()
    await task
    after = await seen()

    assert sorted(during + after) == ["fast", "slow"]
    assert during == [], "the slow transaction began first: nothing beyond it is stable yet"


async def test_the_platform_sees_which_organisations_there_are(database, organisation, other_organisation):
    assert {organisation.org_id, other_organisation.org_id} <= set(await organisation_ids(database))


def test_scope_is_a_plain_value():
    org = uuid4()

    assert Scope(org_id=org) == Scope(org_id=org)
    assert psycopg.paramstyle == "pyformat"
