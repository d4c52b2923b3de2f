"""Real peers for directories and single sign-on."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from appliance.integrations.ldap.client import DirectoryWorker
from tests.factories.directories import Listener, Slapd


@pytest.fixture(scope="session")
def referred() -> Iterator[Listener]:
    """Where the directory's reference leads: a server that must hear nothing."""
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture(scope="session")
def slapd(tmp_path_factory: pytest.TempPathFactory, referred: Listener) -> Iterator[Slapd]:
    server = Slapd(Path(tmp_path_factory.mktemp("slapd")), referral_port=referred.port)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def directory() -> AsyncIterator[DirectoryWorker]:
    worker = DirectoryWorker()
    yield worker
    await worker.close()
