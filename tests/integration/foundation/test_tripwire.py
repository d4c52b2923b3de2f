"""The commit-LSN tripwire, with real servers: a standby copied from its primary takes over."""

import asyncio
import shutil
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import psycopg
import pytest
from sqlalchemy import text

from appliance.cli.embedded import EmbeddedPostgres
from appliance.foundation.actors import Scope
from appliance.foundation.clock import SystemClock
from appliance.foundation.data_risk import DataAtRisk, DataRisk
from appliance.foundation.database import Database, anonymous_transaction, platform_transaction, transaction
from appliance.foundation.errors import Unavailable
from appliance.foundation.ids import new_id
from appliance.foundation.outbox import Outbox

FAILOVERS = 20
SMALL = {"shared_buffers": "'32MB'", "fsync": "off"}


class Node(EmbeddedPostgres):
    """One server of the pair; the product always asks the one that `leader` points to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder

    def follow(self, primary: "Node") -> None:
        self.folder.mkdir(parents=True)
        self._own(self.folder)
        shutil.copy(primary._password_file, self._password_file)
        self._own(self._password_file)
        self._run("pg_basebackup", "-d", primary.superuser_dsn, "-D", str(self._data), "-R", "-c", "fast")
        self.start(**SMALL)

    def lead(self, pointer: Path) -> None:
        if (self._data / "standby.signal").exists():
            self._run("pg_ctl", "promote", "-w", "-D", str(self._data))
        pointer.unlink(missing_ok=True)
        pointer.symlink_to(self.socket_dir)

    def say(self, *statements: str) -> list[tuple]:
        with psycopg.connect(self.superuser_dsn, autocommit=True) as connection:
            for statement in statements:
                found = connection.execute(statement)
            return found.fetchall() if found.description else []

    def confirmed_by_standby(self, on: bool) -> None:
        self.say(
            f"ALTER SYSTEM SET synchronous_standby_names = '{'*' if on else ''}'", "SELECT pg_reload_conf()"
        )

    def remove(self) -> None:
        self.stop("immediate")
        shutil.rmtree(self.folder)


@pytest.fixture
def pair(state, owner_url, postgres):
    """A primary with our schema, copied from the tests' own server, and where the product looks for it."""
    folder = state / "tripwire"
    first = Node(folder / "first")
    source = Node(state / "postgres")
    source.socket_dir = postgres.socket_dir
    first.follow(source)
    pointer = folder / "leader"
    first.lead(pointer)
    yield first, pointer
    for node in folder.iterdir():
        if node.is_dir() and not node.is_symlink():
            Node(node).stop("immediate")
    shutil.rmtree(folder)


@pytest.fixture
async def product(pair, settings, tmp_path):
    database = msgspec.structs.replace(settings.database, host=str(pair[1]))
    made = Database(msgspec.structs.replace(settings, database=database, state_dir=tmp_path), pool_size=4)
    yield made
    await made.close()


@pytest.fixture
async def scope(product):
    org = new_id(SystemClock())
    async with platform_transaction(product) as session:
        await session.execute(
            text("INSERT INTO organisations (id, name, created_at) VALUES (:id, 'Ours', now())"), {"id": org}
        )
    return Scope(org_id=org)


async def write(database: Database, scope: Scope, then: Exception | None = None) -> None:
    async with transaction(database, scope) as session:
        Outbox(session, scope, SystemClock()).publish("test", filling="x" * 500)
        await session.flush()
        if then is not None:
            raise then


async def system_of(database: Database) -> str:
    async with platform_transaction(database) as session:
        return (
            await session.execute(text("SELECT system_identifier::text FROM pg_control_system()"))
        ).scalar_one()


async def lose_writes(first: Node, product: Database, scope: Scope, second: Node) -> None:
    """The standby is away while writes are acknowledged that it never sees, then it leads."""
    second.follow(first)
    second.stop()
    for _ in range(50):
        await write(product, scope)
    first.kill()
    second._data.joinpath("standby.signal").touch()
    second.start(**SMALL, primary_conninfo="''")


async def test_a_caught_up_standby_that_takes_over_raises_no_alarm_twenty_times(
    pair, product, scope, tmp_path
):
    leader, pointer = pair
    system, before = await system_of(product), 0
    for number in range(FAILOVERS):
        following = Node(leader.folder.parent / f"node-{number}")
        following.follow(leader)
        leader.confirmed_by_standby(True)
        await asyncio.gather(*(write(product, scope) for _ in range(12)))
        assert product.tripwire.position_of(system) > before
        before = product.tripwire.position_of(system)

        leader.kill()
        following.lead(pointer)
        following.confirmed_by_standby(False)
        await write(product, scope)

        assert DataRisk(tmp_path).trip() is None
        assert product.tripwire.position_of(system) > before
        leader.remove()
        leader = following


async def test_a_standby_that_lacks_acknowledged_commits_stops_this_node_from_writing(
    pair, product, scope, tmp_path
):
    first, pointer = pair
    second = Node(first.folder.parent / "second")
    await lose_writes(first, product, scope, second)
    second.lead(pointer)

    with pytest.raises(DataAtRisk) as refused:
        await write(product, scope)

    assert "xdr cluster accept-data-risk" in str(refused.value)
    assert isinstance(refused.value, Unavailable)  # the doors answer 503
    async with transaction(product, scope) as session:  # reading goes on
        assert (await session.execute(text("SELECT count(*) FROM outbox"))).scalar_one() == 0
    trip = DataRisk(tmp_path).trip()
    assert trip.found < trip.acknowledged
    # It outlives the process that found it.
    restarted = Database(product._settings, pool_size=1)
    with pytest.raises(DataAtRisk):
        await write(restarted, scope)
    await restarted.close()

    assert DataRisk(tmp_path).accept(datetime.now(UTC)) == trip

    await write(product, scope)
    assert DataRisk(tmp_path).trip() is None


async def test_reading_moves_no_mark_and_works_on_a_replica(pair, product, scope, tmp_path):
    first, pointer = pair
    system = await system_of(product)
    marked = product.tripwire.position_of(system)
    first.say("CREATE TABLE elsewhere (x int)")  # the log grows without us

    async with transaction(product, scope) as session:
        await session.execute(text("SELECT 1"))

    assert product.tripwire.position_of(system) == marked
    second = Node(first.folder.parent / "second")
    second.follow(first)
    pointer.unlink()
    pointer.symlink_to(second.socket_dir)
    await product.app.dispose()
    async with anonymous_transaction(product) as session:
        assert (await session.execute(text("SELECT pg_is_in_recovery()"))).scalar_one()
    with pytest.raises(Unavailable, match="takes no writes"):
        await write(product, scope)
    assert DataRisk(tmp_path).trip() is None


async def test_a_commit_that_fails_is_not_remembered(product, scope):
    system = await system_of(product)
    await write(product, scope)
    marked = product.tripwire.position_of(system)

    with pytest.raises(ZeroDivisionError):
        await write(product, scope, then=ZeroDivisionError())

    assert product.tripwire.position_of(system) == marked
