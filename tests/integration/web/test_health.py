"""Health tells the truth about the database, and an undeclared route never serves."""

from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest
from litestar import get
from sqlalchemy import URL

from appliance.cli.embedded import EmbeddedPostgres
from appliance.foundation import maintenance
from appliance.foundation.maintenance import Maintenance
from appliance.migrations.apply import bootstrap, migrate
from appliance.web.api.status import HealthController
from appliance.web.app import create_application
from appliance.web.authentication import UndeclaredRoute, check_declarations


@pytest.fixture
def own_postgres(state, settings, tmp_path_factory):
    """A migrated server of its own, which this test may stop."""
    server = EmbeddedPostgres(state / "stoppable", socket_dir=state / "stoppable-run")
    server.start(fsync="off")
    passwords = {
        f"xdr_{role}": settings.credential(f"database-{role}").decode()
        for role in ("owner", "app", "platform")
    }
    bootstrap(server.superuser_dsn, database="xdr", passwords=passwords)
    url = URL.create(
        "postgresql+psycopg", "xdr_owner", passwords["xdr_owner"], database="xdr",
        query={"host": str(server.socket_dir)},
    )  # fmt: skip
    migrate(url, scope_key=settings.credential("scope-key"))
    yield server
    server.stop("immediate")


async def test_readiness_follows_the_database_and_liveness_does_not(own_postgres, settings):
    database = msgspec.structs.replace(settings.database, host=str(own_postgres.socket_dir))
    application = create_application(msgspec.structs.replace(settings, database=database))
    seen = []

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(application), base_url="https://xdr.test", timeout=60
    ) as client:
        for change in (
            lambda: None,
            lambda: own_postgres.stop("immediate"),
            lambda: own_postgres.start(fsync="off"),
        ):
            change()
            answers = [await client.get(f"/health/{name}") for name in ("ready", "live")]
            api = await client.get("/api/v1/session", headers={"authorization": "Bearer xdr_api_none"})
            seen.append(
                (*[answer.status_code for answer in answers], api.status_code, answers[0].json()["status"])
            )
    await application.state.context.database.close()

    assert seen == [(200, 200, 401, "ok"), (503, 200, 401, "failing"), (200, 200, 401, "ok")]


async def test_without_the_database_a_request_is_told_to_come_back(own_postgres, settings):
    database = msgspec.structs.replace(settings.database, host=str(own_postgres.socket_dir))
    application = create_application(msgspec.structs.replace(settings, database=database))
    own_postgres.stop("immediate")

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(application), base_url="https://xdr.test", timeout=60
    ) as client:
        answer = await client.post("/sign-in", data={"email": "a@example.test", "password": "x"})
    await application.state.context.database.close()

    assert "see `xdr doctor`" in answer.text
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


def test_a_route_that_declares_nothing_stops_the_application_from_starting(application):
    @get("/planted")
    async def planted() -> None: ...

    application.register(planted)

    with pytest.raises(UndeclaredRoute, match="/planted"):
        check_declarations(application)


def test_creating_the_application_checks_every_declaration(settings, monkeypatch):
    @get("/planted")
    async def planted(self) -> None: ...

    monkeypatch.setattr(HealthController, "planted", planted, raising=False)

    with pytest.raises(UndeclaredRoute, match="/health/planted"):
        create_application(settings)


async def test_a_node_in_maintenance_is_alive_not_ready_and_not_serving(own_postgres, settings, tmp_path):
    database = msgspec.structs.replace(settings.database, host=str(own_postgres.socket_dir))
    application = create_application(msgspec.structs.replace(settings, database=database, state_dir=tmp_path))
    now, seen = datetime.now(UTC), []

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(application), base_url="https://xdr.test", timeout=60
    ) as client:

        async def ask() -> list[int]:
            return [
                (await client.get(f"/health/{name}")).status_code for name in ("live", "ready", "serving")
            ]

        seen.append(await ask())
        maintenance.begin(tmp_path, Maintenance("new disk", "ada", now, now + timedelta(hours=1)))
        seen.append(await ask())
        told = (await client.get("/health/serving")).json()["checks"]["maintenance"]
        maintenance.end(tmp_path)
        own_postgres.stop("immediate")
        seen.append(await ask())
    await application.state.context.database.close()

    assert seen == [[200, 200, 200], [200, 503, 503], [200, 503, 200]]
    assert "new disk" in told
