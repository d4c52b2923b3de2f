"""What the web process holds, made once at start and handed to every request."""

import hmac
from hashlib import sha256

from appliance.foundation.cache import Cache
from appliance.foundation.clock import Clock, SystemClock
from appliance.foundation.database import Database
from appliance.foundation.sealing import Sealer
from appliance.foundation.settings import Settings
from appliance.identity.signin import Gate


class WebContext:
    """The database, the gate and the keys of one web process."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.database = Database(settings)
        self.cache = Cache(settings.valkey_url)
        self.sealer = Sealer(settings.credential("field-key"))
        self._secret = settings.credential("web-key")
        self.gate = Gate(self.database, self.clock, settings.web, self._secret)

    def csrf_token(self, session_token: str) -> str:
        """Bound to the session: another session's token, or none, is refused."""
        return hmac.new(self._secret, b"csrf|" + session_token.encode(), sha256).hexdigest()
