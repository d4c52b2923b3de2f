"""
The way to Postgres: one engine per role, one transaction per unit of work, always inside walls.

`transaction(engine, scope)` first proves to the database which organisation it acts for: the scope is
signed with a key that SQL cannot read, so injected SQL cannot step into another organisation
(`migrations/walls.sql`, docs/decisions/0003-walls.md).
"""

import hashlib
import hmac
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import URL, event, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import QueuePool

from appliance.foundation.actors import Scope
from appliance.foundation.errors import Unavailable
from appliance.foundation.observability import POOL_USED, TRIPWIRE
from appliance.foundation.sealing import Sealer
from appliance.foundation.settings import Settings
from appliance.foundation.tripwire import Tripwire

_READ_ONLY = text("SET TRANSACTION READ ONLY")
_ENTER = text("SELECT app.enter(:token), pg_backend_pid()")


class Database:
    """The two engines of a process and the key that signs scopes."""

    def __init__(self, settings: Settings, *, pool_size: int | None = None) -> None:
        size = pool_size or settings.database.pool_size
        self.tripwire = Tripwire(settings.state_dir)
        self.app = _engine(settings, settings.database.app_role, "database-app", size, self.tripwire)
        self.platform = _engine(
            settings, settings.database.platform_role, "database-platform", 2, self.tripwire
        )
        self._key = settings.credential("scope-key")
        self._settings = settings

    def token(self, scope: Scope, backend_pid: int) -> str:
        """A proof of scope that only this connection can use."""
        claim = f"{scope.org_id}|{backend_pid}"
        return f"{claim}|{hmac.new(self._key, claim.encode(), hashlib.sha256).hexdigest()}"

    @cached_property
    def sealer(self) -> Sealer:
        """Seals fields under the appliance's key; read when the first field is sealed."""
        return Sealer(self._settings.credential("field-key"))

    async def close(self) -> None:
        await self.app.dispose()
        await self.platform.dispose()


def _engine(
    settings: Settings, role: str, credential: str, pool_size: int, tripwire: Tripwire
) -> AsyncEngine:
    database = settings.database
    url = URL.create(
        "postgresql+psycopg",
        username=role,
        password=settings.credential(credential).decode(),
        database=database.name,
        query=database.way,
    )
    made = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=30,
        pool_recycle=3600,
        pool_pre_ping=True,
        connect_args={
            "async_creator_fn": tripwire.connect,
            "connect_timeout": 5,
            "application_name": f"xdr-{settings.node}",
            "options": f"-c statement_timeout={database.statement_timeout_seconds}s -c jit=off",
        },
    )
    _count_use(made, role)
    return made


def _count_use(engine: AsyncEngine, role: str) -> None:
    """How much of the pool is taken, as a metric."""
    pool = engine.sync_engine.pool
    assert isinstance(pool, QueuePool)
    most = pool.size() * 2  # as many again may overflow

    def tell(*_: Any) -> None:
        POOL_USED.labels(role).set(pool.checkedout() / most)

    event.listen(pool, "checkout", tell)
    event.listen(pool, "checkin", tell)


@asynccontextmanager
async def transaction(database: Database, scope: Scope) -> AsyncGenerator[AsyncSession]:
    """
    A session inside one organisation; commits at the end, rolls back on any error.

    Raises:
        Unavailable: Postgres cannot be reached or takes no writes; nothing was changed.
        DataAtRisk: This node writes nothing, as the tripwire has tripped (foundation/tripwire.py).
    """
    async with _session(database, database.app) as session:
        connection = await driver(session)
        token = database.token(scope, connection.info.backend_pid)
        await session.execute(_ENTER, {"token": token})
        yield session


@asynccontextmanager
async def platform_transaction(database: Database) -> AsyncGenerator[AsyncSession]:
    """A session of the platform's own role, for named work across organisations only."""
    async with _session(database, database.platform) as session:
        yield session


@asynccontextmanager
async def anonymous_transaction(database: Database) -> AsyncGenerator[AsyncSession]:
    """
    A session inside no organisation: row-level security shows it nothing.

    Only the definer functions that find out whose token or name was sent are of use in it.
    """
    async with _session(database, database.app) as session:
        yield session


@asynccontextmanager
async def _session(database: Database, engine: AsyncEngine) -> AsyncGenerator[AsyncSession]:
    try:
        async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
            session.info["database"] = database
            # Having a connection means having looked at its server; only then is the answer known.
            await session.connection()
            has_tripped = database.tripwire.has_tripped
            TRIPWIRE.set(has_tripped)
            if has_tripped:
                await session.execute(_READ_ONLY)
            yield session
    except psycopg.errors.ReadOnlySqlTransaction as error:
        raise _read_only(database) from error
    except (OperationalError, psycopg.OperationalError) as error:
        # psycopg's own come from COPY and other work on the driver's connection.
        raise Unavailable("the database does not answer; see `xdr doctor`") from error
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.errors.ReadOnlySqlTransaction):
            raise _read_only(database) from error
        if error.connection_invalidated or isinstance(error.orig, psycopg.errors.AdminShutdown):
            raise Unavailable("the database connection was lost; see `xdr doctor`") from error
        raise


def _read_only(database: Database) -> Unavailable:
    if database.tripwire.has_tripped:
        return database.tripwire.refusal()
    return Unavailable("the database takes no writes now: the leader is being changed; see `xdr doctor`")


async def driver(session: AsyncSession) -> psycopg.AsyncConnection[Any]:
    """The psycopg connection below the session, for COPY."""
    connection: AsyncConnection = await session.connection()
    raw = await connection.get_raw_connection()
    found = raw.driver_connection
    assert isinstance(found, psycopg.AsyncConnection)
    return found


async def organisation_ids(database: Database) -> list[UUID]:
    """Every organisation, for platform jobs that then enter them one by one."""
    async with platform_transaction(database) as session:
        return list((await session.execute(text("SELECT id FROM organisations ORDER BY id"))).scalars())
