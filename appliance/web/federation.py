"""What the web process holds for directories and single sign-on, made once at start."""

from appliance.foundation.clock import Clock
from appliance.foundation.database import Database
from appliance.foundation.sealing import Sealer
from appliance.foundation.settings import Settings
from appliance.identity.federated_directory import FederatedDirectory
from appliance.identity.ports import Directory
from appliance.identity.provider_tests import ProviderTests
from appliance.identity.signin import Gate
from appliance.identity.single_logout import SingleLogout
from appliance.identity.single_sign_on import SingleSignOn
from appliance.integrations.fetching import Fetcher
from appliance.integrations.ldap.client import DirectoryWorker
from appliance.integrations.oidc.provider import OidcRelyingParty
from appliance.integrations.protocols import ProviderProtocols
from appliance.integrations.saml.provider import SamlServiceProvider


class WebFederation:
    """The directory worker starts with the first question to it. `bind` comes before the first request."""

    sign_on: SingleSignOn
    logout: SingleLogout

    def __init__(self, database: Database, clock: Clock, sealer: Sealer, settings: Settings) -> None:
        self._database, self._clock, self._sealer = database, clock, sealer
        self._public_url, self._fetch = settings.web.public_url, Fetcher(settings.outbound)
        self.worker: Directory = DirectoryWorker()
        self.directory = FederatedDirectory(database, clock, sealer=sealer, directory=self.worker)
        protocols = ProviderProtocols(self._public_url, self.worker, self._fetch)
        self.tests = ProviderTests(database, clock, sealer=sealer, protocols=protocols)

    def bind(self, gate: Gate) -> None:
        """The gate opens the sessions, and asks our directory: each needs the other."""
        saml, oidc = SamlServiceProvider(self._public_url), OidcRelyingParty(self._public_url, self._fetch)
        self.sign_on = SingleSignOn(
            self._database, self._clock, gate, sealer=self._sealer, saml=saml, oidc=oidc
        )
        self.logout = SingleLogout(self._database, self._clock, self.sign_on, saml)

    async def close(self) -> None:
        await self.worker.close()
