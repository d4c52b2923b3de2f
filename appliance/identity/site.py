"""What of this site's settings identity needs: its address, its mail, its lists, its signature."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.foundation.errors import Unavailable
from appliance.foundation.settings import Settings
from appliance.identity.passkeys import RelyingParty
from appliance.identity.password_lists import BreachedPasswords

BREACHED_FILE = "breached-passwords.bin"


class Site:
    """Without settings nothing is configured: no mail, no imported list, and nothing can be signed."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings

    @property
    def breached(self) -> BreachedPasswords:
        folder = self._settings.state_dir if self._settings else Path("/nonexistent")
        return BreachedPasswords(folder / BREACHED_FILE)

    @property
    def party(self) -> RelyingParty:
        """Passkeys belong to the public address's host name."""
        if self._settings is None:
            return RelyingParty(id="localhost", origin="https://localhost")
        web = self._settings.web
        return RelyingParty(id=web.host_name, origin=web.public_url.rstrip("/"))

    @property
    def mail_url(self) -> str:
        """Where links in mails lead; "" while no mail relay is configured."""
        if self._settings is None or not self._settings.mail.host:
            return ""
        return self._settings.web.public_url.rstrip("/")

    def sign(self, document: bytes) -> tuple[str, bytes]:
        """
        The id of the appliance's audit key, and its Ed25519 signature.

        Raises:
            Unavailable: No key is configured.
        """
        if self._settings is None:
            raise Unavailable("nothing can be signed here: the credential audit-key is not configured")
        key = Ed25519PrivateKey.from_private_bytes(self._settings.credential("audit-key"))
        public = key.public_key().public_bytes_raw()
        return public.hex()[:16], key.sign(document)
