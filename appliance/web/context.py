"""What the web process holds, made once at start and handed to every request."""

import hmac
from hashlib import sha256

from appliance.foundation.cache import Cache
from appliance.foundation.clock import Clock, SystemClock
from appliance.foundation.database import Database
from appliance.foundation.limits import Limits
from appliance.foundation.sealing import Sealer
from appliance.foundation.settings import Settings
from appliance.identity.access_tokens import AccessTokens
from appliance.identity.admission import Admission
from appliance.identity.delays import Delays
from appliance.identity.forgetting import ForgottenPasswords
from appliance.identity.refreshing import Refreshing
from appliance.identity.second_step import SecondStep
from appliance.identity.signin import Gate
from appliance.identity.site import Site
from appliance.web.federation import WebFederation


class WebContext:
    """The database, the ways in and the keys of one web process."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings, self.site = settings, Site(settings)
        self.clock = clock or SystemClock()
        self.database = Database(settings)
        self.cache = Cache(settings.valkey_url)
        self.limits = Limits(settings.valkey_url)
        self.sealer = Sealer(settings.credential("field-key"))
        self._secret = settings.credential("web-key")
        web = settings.web
        self.delays = Delays(self.database, self._secret)
        self.access_tokens = AccessTokens(self.database, self.sealer, self.clock, web.public_url)
        self.admission = Admission(self.database, self.clock, web, self.access_tokens)
        self.federation = WebFederation(self.database, self.clock, self.sealer, settings)
        self.gate = Gate(
            self.database, self.clock, web, pepper=self._secret, breached=self.site.breached,
            directory=self.federation.directory,
        )  # fmt: skip
        self.federation.bind(self.gate)
        self.second_step = SecondStep(self.database, self.clock, web, pepper=self._secret, sealer=self.sealer)
        self.refreshing = Refreshing(self.database, self.clock, self._secret)
        self.forgotten = ForgottenPasswords(
            self.database, self.clock, pepper=self._secret, sealer=self.sealer, site=self.site
        )

    def csrf_token(self, session_token: str) -> str:
        """Bound to the session: another session's token, or none, is refused."""
        return hmac.new(self._secret, b"csrf|" + session_token.encode(), sha256).hexdigest()

    async def close(self) -> None:
        await self.federation.close()
        await self.cache.close()
        await self.limits.close()
        await self.database.close()
