"""The whole web application in this process, on a real database, with people to ask it."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar

from appliance.audit import keyring
from appliance.foundation.actors import Scope
from appliance.foundation.database import Database, platform_transaction
from appliance.foundation.sealing import Sealer
from appliance.foundation.settings import Settings
from appliance.web.app import create_application
from appliance.web.authentication import COOKIE
from appliance.web.context import WebContext
from tests.factories.people import Crowd, FakeClock, Member

Client = Callable[..., httpx.AsyncClient]
CONSOLE = '<!doctype html><title>the console</title><script nonce="XDR_CSP_NONCE"></script>'


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def built_console(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "docs").mkdir()
    (tmp_path / "index.html").write_text(CONSOLE)
    (tmp_path / "docs/index.html").write_text("<!doctype html><title>docs</title>")
    (tmp_path / "assets/app-1a2b.js").write_text("'code'")
    (tmp_path / "THIRD-PARTY-NOTICES.txt").write_text("licences")
    return tmp_path


@pytest.fixture
async def application(settings: Settings, clock: FakeClock, built_console: Path) -> AsyncIterator[Litestar]:
    made = create_application(settings, clock, ui=built_console)
    yield made
    await made.state.context.close()


@pytest.fixture
def context(application: Litestar) -> WebContext:
    return application.state.context


@pytest.fixture
def crowd(database: Database, sealer: Sealer, context: WebContext, clock: FakeClock) -> Crowd:
    return Crowd(database, sealer, context.gate, clock, context.admission, context.second_step)


@pytest.fixture
def browser(application: Litestar, context: WebContext) -> Client:
    """A client from an address of its own; signed in as a member if one is given."""

    def opened(member: Member | None = None, **headers: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(application, client=(f"test-{uuid4().hex}", 1))
        client = httpx.AsyncClient(transport=transport, base_url="https://xdr.test", headers=headers)
        if member is not None:
            client.cookies.set(COOKIE, member.signed_in.token, domain="xdr.test")
            client.headers.setdefault("x-csrf-token", context.csrf_token(member.signed_in.token))
        return client

    return opened


@pytest.fixture
def both(organisation: Scope, other_organisation: Scope) -> tuple[Scope, Scope]:
    """Ours, where the asking is done, and theirs."""
    return organisation, other_organisation


@pytest.fixture
async def next_audit_key(database: Database, settings: Settings) -> None:
    """What a rotation of the audit key needs."""
    async with platform_transaction(database) as session:
        held = keyring.Keyring(settings.credential("audit-key"), bytes(32))
        await keyring.publish(session, held, datetime.now(UTC))
