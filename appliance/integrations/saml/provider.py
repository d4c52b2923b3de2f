"""The SAML port: python3-saml behind what it leaves open."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from onelogin.saml2.auth import OneLogin_Saml2_Auth as LibraryAuth

from appliance.identity.federation_errors import AssertionMalformed, AssertionRefused
from appliance.identity.federation_schemas import SamlConfig
from appliance.identity.ports import Assertion, LogoutAsked, Question, ServiceKey
from appliance.integrations.saml import logout
from appliance.integrations.saml.hardening import (
    SECURITY,
    Addresses,
    LibrarySettings,
    check_hardened,
    library_settings,
    request_at,
    service_part,
)
from appliance.integrations.saml.messages import from_post, parsed
from appliance.integrations.saml.metadata import described
from appliance.integrations.saml.verifying import verified

_KEY_BITS, _KEY_LIFE = 3072, timedelta(days=3650)


class SamlServiceProvider:
    """
    Args:
        public_url: Where browsers reach the appliance; all our addresses begin with it.

    Raises:
        NotHardened: The library would not run as was decided.
    """

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url
        unsigned = SECURITY | dict.fromkeys(
            ("authnRequestsSigned", "logoutRequestSigned", "logoutResponseSigned"), False
        )
        probe = {"strict": True, "security": unsigned}
        probe["sp"] = service_part(Addresses(public_url, UUID(int=0)), ServiceKey("", ""))
        check_hardened(LibrarySettings(probe, sp_validation_only=True), unsigned)

    def new_key(self, provider_id: UUID, now: datetime) -> ServiceKey:
        key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"Mini-XDR Appliance {provider_id}")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + _KEY_LIFE)
            .sign(key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return ServiceKey(private.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode())

    def metadata(self, provider_id: UUID, config: SamlConfig, key: ServiceKey) -> bytes:
        settings, _ = self._settings(provider_id, config, key)
        made = settings.get_sp_metadata()
        return made if isinstance(made, bytes) else str(made).encode()

    def question(self, provider_id: UUID, config: SamlConfig, key: ServiceKey) -> Question:
        settings, addresses = self._settings(provider_id, config, key)
        auth = LibraryAuth(request_at(addresses.consumer), settings)
        # RelayState says nothing: where to go next stays with us.
        url = auth.login(return_to=addresses.entity_id)
        return Question(id=str(auth.get_last_request_id()), url=str(url))

    def answered_question(self, message: str) -> str:
        root = parsed(from_post(message), tag="samlp:Response")
        claimed = root.get("InResponseTo")
        if not claimed:
            raise AssertionRefused("nobody asked for this response; begin at the sign-in page")
        return str(claimed)

    def verify(
        self, provider_id: UUID, config: SamlConfig, key: ServiceKey, *, message: str, request_id: str
    ) -> Assertion:
        if not request_id:
            raise AssertionMalformed("a response is verified against the request it answers")
        until = described(config).valid_until
        if until is not None and until < datetime.now(UTC):
            raise AssertionRefused("the provider's metadata has expired; upload the current one")
        settings, addresses = self._settings(provider_id, config, key)
        return verified(settings, addresses, config, message=message, request_id=request_id)

    def logout_asked(self, provider_id: UUID, config: SamlConfig, key: ServiceKey, query: str) -> LogoutAsked:
        settings, addresses = self._settings(provider_id, config, key, messages_signed=True)
        return logout.asked(settings, addresses, query)

    def logout_answer(
        self, provider_id: UUID, config: SamlConfig, key: ServiceKey, asked: LogoutAsked, relay_state: str
    ) -> str:
        settings, addresses = self._settings(provider_id, config, key, messages_signed=True)
        return logout.answer(settings, addresses, asked, relay_state)

    def logout_question(
        self, provider_id: UUID, config: SamlConfig, key: ServiceKey, subject: str, session: str
    ) -> str:
        settings, addresses = self._settings(provider_id, config, key, messages_signed=True)
        return logout.question(settings, addresses, subject, session)

    def logout_answered(self, provider_id: UUID, config: SamlConfig, key: ServiceKey, query: str) -> None:
        settings, addresses = self._settings(provider_id, config, key, messages_signed=True)
        logout.answered(settings, addresses, query)

    def _settings(
        self, provider_id: UUID, config: SamlConfig, key: ServiceKey, *, messages_signed: bool = False
    ) -> tuple[LibrarySettings, Addresses]:
        addresses = Addresses(self._public_url, provider_id)
        return library_settings(addresses, config, key, messages_signed=messages_signed), addresses
