"""
What tests stand on: a real Postgres of their own, and fresh organisations in it.

Each test gets new organisations instead of a new database: the walls between them are part of what is
tested, and nothing one test does is visible to another.
"""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import settings as property_settings
from sqlalchemy import URL, text

from appliance.cli.development import _make_credentials, _settings
from appliance.cli.embedded import EmbeddedPostgres
from appliance.composition import Services, open_services
from appliance.foundation import settings as configuration
from appliance.foundation.actors import Actor, ActorKind, Scope, appliance
from appliance.foundation.clock import SystemClock
from appliance.foundation.database import Database, platform_transaction
from appliance.foundation.ids import new_id
from appliance.foundation.sealing import Sealer
from appliance.foundation.settings import Settings
from appliance.identity.roles import permissions_of
from appliance.identity.schemas import NewUser
from appliance.migrations.apply import bootstrap, migrate

# The gate gives the same verdict for the same commit; new examples are looked for by hand, where CI is unset.
property_settings.register_profile("gate", derandomize=True)
if os.environ.get("CI"):
    property_settings.load_profile("gate")


@pytest.fixture(scope="session")
def corpora() -> Path:
    """Real rules and telemetry, where XDR_CORPORA says; such tests are listed as not run without it."""
    named = os.environ.get("XDR_CORPORA")
    if not named:
        pytest.skip("XDR_CORPORA names no corpora")
    return Path(named)


@pytest.fixture(scope="session")
def state() -> Iterator[Path]:
    """A folder for servers' state; below /var/lib for root, whose own folders a system user cannot enter."""
    base = Path("/var/lib/xdr-dev") if os.getuid() == 0 else Path(tempfile.gettempdir())
    base.mkdir(mode=0o755, parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="t-", dir=base))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(state: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(state / "postgres", socket_dir=state / "run")
    server.start(fsync="off")
    yield server
    server.stop("immediate")


@pytest.fixture(scope="session")
def owner_url(state: Path, postgres: EmbeddedPostgres) -> URL:
    """The migrated database, as its owner."""
    credentials = state / "credentials"
    _make_credentials(credentials)
    passwords = {
        f"xdr_{role}": (credentials / f"database-{role}").read_text() for role in ("owner", "app", "platform")
    }
    bootstrap(postgres.superuser_dsn, database="xdr", passwords=passwords)
    query = {"host": str(postgres.socket_dir)}
    url = URL.create("postgresql+psycopg", "xdr_owner", passwords["xdr_owner"], database="xdr", query=query)
    migrate(url, scope_key=(credentials / "scope-key").read_bytes())
    return url


@pytest.fixture(scope="session")
def settings(state: Path, owner_url: URL) -> Settings:
    config = state / "xdr.toml"
    config.write_text(_settings(state, 0, 0, own_log=False, syslog=False))
    return configuration.load(config)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    made = Database(settings, pool_size=5)
    yield made
    await made.close()


@pytest.fixture
def sealer(settings: Settings) -> Sealer:
    return Sealer(settings.credential("field-key"))


@pytest.fixture
async def organisation(database: Database) -> Scope:
    return await _organisation(database, "Ours")


@pytest.fixture
async def other_organisation(database: Database) -> Scope:
    """The twin: whatever shows in one must not show in the other."""
    return await _organisation(database, "Theirs")


async def _organisation(database: Database, name: str) -> Scope:
    org_id = new_id(SystemClock())
    async with platform_transaction(database) as session:
        await session.execute(
            text("INSERT INTO organisations (id, name, created_at) VALUES (:id, :name, now())"),
            {"id": org_id, "name": name},
        )
    return Scope(org_id=org_id)


@pytest.fixture
async def services(database: Database, organisation: Scope, sealer: Sealer) -> AsyncIterator[Services]:
    """One transaction in the organisation, committed at the end of the test."""
    async with open_services(database, organisation, sealer) as opened:
        yield opened


@pytest.fixture
async def admin(database: Database, organisation: Scope, sealer: Sealer) -> Actor:
    return await person(database, organisation, sealer, "super_admin")


@pytest.fixture
async def analyst(database: Database, organisation: Scope, sealer: Sealer) -> Actor:
    return await person(database, organisation, sealer, "soc_analyst")


@pytest.fixture
async def responder(database: Database, organisation: Scope, sealer: Sealer) -> Actor:
    return await person(database, organisation, sealer, "incident_responder")


@pytest.fixture
async def reader(database: Database, organisation: Scope, sealer: Sealer) -> Actor:
    return await person(database, organisation, sealer, "read_only_analyst")


async def person(database: Database, scope: Scope, sealer: Sealer, role: str) -> Actor:
    """Somebody of that role, who really is a user of the organisation."""
    new = NewUser(email=f"{role}-{UUID(int=scope.org_id.int).hex[-6:]}@example.test", name=role, roles=[role])
    async with open_services(database, scope, sealer) as services:
        invited = await services.identity.invite(new, by=appliance("tests"))
    return Actor(ActorKind.USER, invited.user.id, new.email, permissions_of([role]))


@pytest.fixture
def count_combinations(record_property: Callable[[str, object], None]) -> Callable[[str, int, int], None]:
    """Have the summary tell how many combinations of a kind were tried, and how many answered wrongly."""

    def count(kind: str, tried: int, deviations: int) -> None:
        record_property(_COMBINATIONS + kind, (tried, deviations))

    return count


_NOT_RUN_STATUS = 3
_COMBINATIONS = "combinations of "


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """End with one table: what ran, what failed, and what was not run and why."""
    table: dict[str, list[int]] = {}
    for place, outcomes in enumerate((("passed",), ("failed", "error"), ("skipped",))):
        for report in (one for outcome in outcomes for one in terminalreporter.stats.get(outcome, [])):
            suite = "/".join(report.nodeid.split("::")[0].split("/")[1:3])
            table.setdefault(suite, [0, 0, 0])[place] += 1
    terminalreporter.section("run, failed, not run")
    for suite, (passed, failed, skipped) in sorted(table.items()):
        terminalreporter.write_line(f"{suite:<32} {passed:>6} run {failed:>4} failed {skipped:>4} not run")
    for kind, (tried, deviations) in sorted(_combinations(terminalreporter).items()):
        terminalreporter.write_line(f"{kind:<32} {tried:>6} combinations, {deviations} deviations")
    for reason in sorted({_reason(report) for report in terminalreporter.stats.get("skipped", [])}):
        terminalreporter.write_line(f"not run: {reason}")


def _combinations(terminalreporter: pytest.TerminalReporter) -> dict[str, list[int]]:
    table: dict[str, list[int]] = {}
    for report in (
        one for outcome in ("passed", "failed") for one in terminalreporter.stats.get(outcome, [])
    ):
        for name, (tried, deviations) in (
            (name.removeprefix(_COMBINATIONS), value)
            for name, value in report.user_properties
            if name.startswith(_COMBINATIONS)
        ):
            sums = table.setdefault(name, [0, 0])
            sums[0], sums[1] = sums[0] + tried, sums[1] + deviations
    return table


def _reason(report: pytest.TestReport) -> str:
    said = report.longrepr
    return str(said[2]).removeprefix("Skipped: ") if isinstance(said, tuple) else str(said)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """What was not run does not pass for passed: exit status 3."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == 0 and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = _NOT_RUN_STATUS
