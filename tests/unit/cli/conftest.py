"""The command line against an appliance in memory."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.cli.options import Environment
from appliance.cli.running import app
from appliance.cli.session import Session
from tests.factories.api import FakeAppliance


class Shell:
    """Types commands. `stdout`, `stderr` and `code` are those of the last one."""

    def __init__(self, appliance: FakeAppliance, environment: Environment) -> None:
        self.appliance, self.environment = appliance, environment
        self.stdout = self.stderr = ""
        self.code = 0

    def __call__(self, *words: str, stdin: str | bytes | None = None) -> "Shell":
        session = Session(self.environment, transport=self.appliance.transport)
        done = CliRunner(env={"TERM": "dumb", "COLUMNS": "200"}).invoke(
            app, list(words), input=stdin, obj=session, catch_exceptions=False
        )
        self.stdout, self.stderr, self.code = done.stdout, done.stderr, done.exit_code
        return self


@pytest.fixture
def appliance() -> FakeAppliance:
    return FakeAppliance()


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    token = tmp_path / "api.token"
    token.touch(mode=0o600)
    token.write_text("xdr_api_secret\n")
    return Environment(
        url="https://xdr.example.test",
        token_file=str(token),
        ingest_url="http://localhost:8088",
        config_home=tmp_path / "config",
        state_home=tmp_path / "state",
    )


@pytest.fixture
def shell(appliance: FakeAppliance, environment: Environment) -> Shell:
    return Shell(appliance, environment)
