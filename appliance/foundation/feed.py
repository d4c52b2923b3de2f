"""
The only way to follow a table (decision 12).

Sequence numbers are given before commit, so "id > last seen" loses rows of a slower transaction. A
feed reads rows in order of (transaction, id) and only below the snapshot horizon: every transaction
below it has ended, so nothing can appear behind the reader. The position is stored in the consumer's
own transaction, which makes its effects happen exactly once.

A followed table has the columns `org_id`, `tx bigint DEFAULT app.tx()` and `id uuid`.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.foundation.actors import Scope
from appliance.foundation.database import Database

POLL_SECONDS = 1.0
_START = UUID(int=0)


class Position(msgspec.Struct, frozen=True):
    tx: int = 0
    id: UUID = _START


async def read(
    session: AsyncSession, scope: Scope, *, consumer: str, table: str, limit: int = 1_000
) -> Sequence[Row[Any]]:
    """
    The next committed rows of `table` for this consumer, oldest first, and the position moved past them.

    Call it once per transaction; the move commits with whatever the caller does with the rows.
    """
    position = await _lock_position(session, scope, consumer)
    # S608: table names come from code, never from input; identifiers cannot be bound.
    query = text(
        f"SELECT * FROM {table} WHERE org_id = :org AND tx < app.horizon()"  # noqa: S608 — see above
        " AND (tx, id) > (:tx, :id) ORDER BY tx, id LIMIT :limit"
    )
    rows = (
        await session.execute(
            query, {"org": scope.org_id, "tx": position.tx, "id": position.id, "limit": limit}
        )
    ).all()
    if rows:
        await _move(session, scope, consumer, Position(tx=rows[-1].tx, id=rows[-1].id))
    return rows


async def _lock_position(session: AsyncSession, scope: Scope, consumer: str) -> Position:
    await session.execute(
        text(
            "INSERT INTO feed_positions (org_id, consumer, tx, id) VALUES (:org, :consumer, 0, :start)"
            " ON CONFLICT DO NOTHING"
        ),
        {"org": scope.org_id, "consumer": consumer, "start": _START},
    )
    row = (
        await session.execute(
            text("SELECT tx, id FROM feed_positions WHERE org_id = :org AND consumer = :consumer FOR UPDATE"),
            {"org": scope.org_id, "consumer": consumer},
        )
    ).one()
    return Position(tx=row.tx, id=row.id)


async def _move(session: AsyncSession, scope: Scope, consumer: str, to: Position) -> None:
    await session.execute(
        text("UPDATE feed_positions SET tx = :tx, id = :id WHERE org_id = :org AND consumer = :consumer"),
        {"org": scope.org_id, "consumer": consumer, "tx": to.tx, "id": to.id},
    )


class Wakeups:
    """Tells a follower that there may be something new: by NOTIFY, and each second in any case."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def wake(self) -> None:
        self._event.set()

    async def wait(self) -> None:
        try:
            await asyncio.wait_for(self._event.wait(), POLL_SECONDS)
        except TimeoutError:
            return
        finally:
            self._event.clear()


@asynccontextmanager
async def wakeups(database: Database, channel: str) -> AsyncGenerator[Wakeups]:
    """Wakeups from one NOTIFY channel; reconnects, and polls meanwhile, when the connection is lost."""
    woken = Wakeups()
    task = asyncio.create_task(_listen(database, channel, woken))
    try:
        yield woken
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _listen(database: Database, channel: str, woken: Wakeups) -> None:
    url = database.platform.url
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(
                host=str(url.query["host"]),
                port=int(str(url.query["port"])),
                user=url.username,
                password=url.password,
                dbname=url.database,
                autocommit=True,
            ) as connection:
                await connection.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel)))
                async for _ in connection.notifies():
                    woken.wake()
        except psycopg.Error:
            await asyncio.sleep(POLL_SECONDS)
