"""Real peers for directories and single sign-on, and the web application to sign in to."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from appliance.composition import Services, open_services
from appliance.foundation.actors import appliance
from appliance.foundation.settings import Outbound, Settings
from appliance.identity.federation_schemas import GroupRole, NewProvider, ProviderSummary, SamlConfig
from appliance.integrations.ldap.client import DirectoryWorker
from tests.factories.directories import SERVICE_PASSWORD, Listener, Slapd
from tests.factories.saml import IdentityProvider
from tests.integration.web.conftest import (  # noqa: F401 — fixtures
    application,
    browser,
    built_console,
    clock,
    context,
    crowd,
)

ADMIN = appliance("tests")
SAML_ROLES = [
    GroupRole(group="admins", role="super_admin"),
    GroupRole(group="analysts", role="soc_analyst"),
    GroupRole(group="readers", role="read_only_analyst"),
]


@pytest.fixture(scope="session")
def settings(settings: Settings) -> Settings:
    """The tests' providers listen on loopback, wherever a port is free."""
    outbound = Outbound(networks=("127.0.0.0/8", "::1/128"), ports=tuple(range(1_024, 65_536)))
    return msgspec.structs.replace(settings, outbound=outbound)


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


@pytest.fixture(scope="session")
def idp(tmp_path_factory: pytest.TempPathFactory) -> IdentityProvider:
    return IdentityProvider(Path(tmp_path_factory.mktemp("idp")))


@pytest.fixture
async def saml(organisation, idp, context) -> ProviderSummary:  # noqa: F811 — the fixture
    """A SAML provider of the organisation that knows us."""
    config = SamlConfig(metadata=idp.metadata(), group_roles=SAML_ROLES)
    made = await provider(context, organisation, config)
    idp.knows(await context.federation.sign_on.metadata(made.id), made.id.hex)
    return made


@pytest.fixture
async def ldap(organisation, slapd, context) -> AsyncIterator[ProviderSummary]:  # noqa: F811 — the fixture
    """The organisation's directory; switched off again, since a new name may be anybody's otherwise."""
    made = await provider(context, organisation, slapd.config(), SERVICE_PASSWORD)
    yield made
    async with opened(context, organisation) as services:
        await services.providers.remove(made.id, by=ADMIN)


def opened(context, scope) -> AbstractAsyncContextManager[Services]:  # noqa: F811 — the fixture
    """Services as the web process has them: with its own address."""
    return open_services(context.database, scope, context.sealer, context.clock, context.site)


async def provider(context, scope, config, secret: str = "") -> ProviderSummary:  # noqa: F811 — as above
    new = NewProvider(
        name=f"{config.__struct_config__.tag} {uuid4().hex}", config=config, secret=secret, enabled=True
    )
    async with opened(context, scope) as services:
        return await services.providers.create(new, by=ADMIN)
