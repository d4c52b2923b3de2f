"""What was done on a node without the database enters the trail later, once."""

from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import text

from appliance.audit import deferring
from appliance.audit.admitting import admit
from appliance.audit.deferring import Deferred, deferred, waiting
from appliance.foundation.clock import SystemClock
from appliance.foundation.database import Database, organisation_ids, platform_transaction
from appliance.foundation.errors import Exhausted, Unavailable

WHO = {"by": "local administrator ada", "address": "unix:0", "node": "n1", "clock": SystemClock()}


@pytest.fixture
async def entries(database, organisation):
    async def read(ids: list[str]) -> list[dict]:
        async with platform_transaction(database) as session:
            rows = await session.execute(
                text("SELECT body FROM audit_entries WHERE subject = ANY(:ids) ORDER BY id"), {"ids": ids}
            )
        return [msgspec.json.decode(bytes(row.body)) for row in rows]

    return read


def ids(folder) -> list[str]:
    return [path.stem for path in waiting(folder)]


async def test_success_failure_and_nothing_else_are_entered_once(database, entries, tmp_path):
    with deferred(tmp_path, "cluster.paused", detail={}, **WHO):
        pass
    with (
        pytest.raises(Unavailable),
        deferred(tmp_path, "cluster.switched_over", detail={"to": "n2", "address": "x"}, **WHO),
    ):
        raise Unavailable("no node's Patroni answers")
    named = ids(tmp_path)
    copies = {path: path.read_bytes() for path in waiting(tmp_path)}

    assert await admit(database, tmp_path, SystemClock()) == 2
    for path, content in copies.items():  # a crash between commit and removal leaves the file
        path.write_bytes(content)
    await admit(database, tmp_path, SystemClock())

    assert waiting(tmp_path) == []
    found = await entries(named)
    assert [(one["action"], one["outcome"]) for one in found] == [
        ("cluster.paused", "success"), ("cluster.switched_over", "failed"),
    ]  # fmt: skip
    assert found[1]["detail"]["reason"] == "no node's Patroni answers"
    assert (found[1]["actor"]["kind"], "sealed" in found[1]["actor"]["name"]) == ("local", True)
    assert found[1]["org"] == str((await organisation_ids(database))[0])


async def test_a_deed_under_way_waits_and_one_cut_short_is_entered_as_unknown(database, entries, tmp_path):
    with deferred(tmp_path, "cluster.paused", detail={}, **WHO):
        assert await admit(database, tmp_path, SystemClock()) == 0
        started = waiting(tmp_path)[0].read_bytes()
    path = waiting(tmp_path)[0]
    old = msgspec.json.decode(started, type=Deferred)
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(old, at=old.at - timedelta(minutes=11))))
    named = ids(tmp_path)

    assert await admit(database, tmp_path, SystemClock()) == 1

    assert [one["outcome"] for one in await entries(named)] == ["unknown"]


async def test_without_the_database_entries_wait(settings, tmp_path):
    gone = msgspec.structs.replace(settings.database, host=str(tmp_path))
    away = Database(msgspec.structs.replace(settings, database=gone))
    with deferred(tmp_path, "maintenance.ended", detail={}, **WHO):
        pass

    with pytest.raises(Unavailable):
        await admit(away, tmp_path, SystemClock())

    assert len(waiting(tmp_path)) == 1
    await away.close()


async def test_a_damaged_file_is_set_aside_and_the_queue_is_bounded(database, tmp_path, monkeypatch):
    (tmp_path / "audit-queue").mkdir()
    (tmp_path / "audit-queue" / "0.json").write_text("{")
    monkeypatch.setattr(deferring, "_MOST", 1)
    with pytest.raises(Exhausted), deferred(tmp_path, "cluster.paused", detail={}, **WHO):
        pytest.fail("the deed must not be done")

    assert await admit(database, tmp_path, SystemClock()) == 0

    assert [path.name for path in (tmp_path / "audit-queue").iterdir()] == ["0.damaged"]
