"""What is known of each kind of identity provider beyond signing in: checks, horizons, the test."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from cryptography import x509

from appliance.foundation.errors import ApplianceError, Invalid, Unavailable
from appliance.identity.federation_schemas import (
    Facts,
    LdapConfig,
    OidcConfig,
    ProviderConfig,
    SamlConfig,
    Step,
)
from appliance.identity.ports import Directory
from appliance.integrations.addresses import check_url
from appliance.integrations.fetching import Fetch
from appliance.integrations.ldap.connecting import address_of
from appliance.integrations.oidc.keys import parsed_keys
from appliance.integrations.oidc.probing import probe as probe_oidc
from appliance.integrations.oidc.provider import callback
from appliance.integrations.saml.hardening import Addresses
from appliance.integrations.saml.metadata import described

_HORIZON = timedelta(days=30)


class ProviderProtocols:
    """
    Args:
        directory: For testing directories; without one that step says so.
        fetch: For testing providers that are called; likewise.
    """

    def __init__(
        self, public_url: str, directory: Directory | None = None, fetch: Fetch | None = None
    ) -> None:
        self._public_url, self._directory, self._fetch = public_url.rstrip("/"), directory, fetch

    def check(self, config: ProviderConfig) -> None:
        match config:
            case LdapConfig():
                _check_ldap(config)
            case SamlConfig():
                described(config)
            case OidcConfig():
                _check_oidc(config)

    def facts(self, config: ProviderConfig, now: datetime) -> Facts:
        try:
            until = _valid_until(config)
        except (Invalid, ValueError) as error:
            return Facts(warnings=[str(error)])
        if until is None or until - now > _HORIZON:
            return Facts(valid_until=until)
        what = "metadata or its certificate" if isinstance(config, SamlConfig) else "the authority"
        passed = "has expired" if until < now else "expires"
        return Facts(
            valid_until=until, warnings=[f"{what} {passed} on {until:%Y-%m-%d}; upload the next one"]
        )

    def addresses(self, provider_id: UUID, config: ProviderConfig) -> dict[str, str]:
        scim = {"scim": f"{self._public_url}/scim/v2"}
        match config:
            case SamlConfig():
                ours = Addresses(self._public_url, provider_id)
                return {
                    "metadata": ours.entity_id, "consumer": ours.consumer, "logout": ours.logout,
                    "start": f"{self._public_url}/sso/{provider_id}",
                } | scim  # fmt: skip
            case OidcConfig():
                return {
                    "callback": callback(self._public_url, provider_id),
                    "start": f"{self._public_url}/sso/{provider_id}",
                } | scim
            case _:
                return scim

    async def probe(self, config: ProviderConfig, secret: str) -> list[Step]:
        match config:
            case LdapConfig():
                if self._directory is None:
                    raise Unavailable("directories are tested by the console's process")
                return await self._directory.probe(config, secret)
            case SamlConfig():
                return _probe_saml(config)
            case _:
                if self._fetch is None:
                    raise Unavailable("providers are tested by the console's process")
                return await probe_oidc(config, self._fetch)


def _check_ldap(config: LdapConfig) -> None:
    try:
        for url in config.servers:
            address_of(url)
        _authorities(config.ca_certificates)
    except ValueError as error:
        raise Invalid(str(error)) from error


def _check_oidc(config: OidcConfig) -> None:
    for url in (config.issuer, config.authorization_endpoint, config.token_endpoint):
        check_url(url)
    if config.jwks:
        parsed_keys(config.jwks.encode())
    elif config.jwks_uri:
        check_url(config.jwks_uri)
    else:
        raise Invalid("give the provider's keys: `jwks_uri`, or `jwks` where it cannot be fetched")
    if config.ca_certificates:
        try:
            _authorities(config.ca_certificates)
        except ValueError as error:
            raise Invalid(str(error)) from error


def _authorities(pem: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError as error:
        raise ValueError("the authorities' certificates are no PEM: -----BEGIN CERTIFICATE-----") from error


def _valid_until(config: ProviderConfig) -> datetime | None:
    if isinstance(config, SamlConfig):
        provider = described(config)
        return min(filter(None, (provider.valid_until, provider.certificates_until)))
    if not config.ca_certificates:
        return None
    return min(one.not_valid_after_utc for one in _authorities(config.ca_certificates))


def _probe_saml(config: SamlConfig) -> list[Step]:
    try:
        provider = described(config)
    except ApplianceError as error:
        return [Step(name="metadata", state="failed", said=str(error), next="upload the provider's metadata")]
    steps = [
        Step(name="metadata", state="ok", said=f"{provider.entity_id}, signs in at {provider.sign_on_url}")
    ]
    steps.append(
        _horizon("metadata validity", provider.valid_until, "upload the provider's current metadata")
    )
    steps.append(
        _horizon("certificate", provider.certificates_until, "upload metadata with the provider's next key")
    )
    steps.append(_mapped(config))
    if not provider.logout_url:
        said = "the metadata names no logout service by redirect"
        steps.append(Step(name="logout", state="warning", said=said, next="sessions end here by themselves"))
    return steps


def _horizon(name: str, until: datetime | None, advice: str) -> Step:
    now = datetime.now(UTC)
    if until is None:
        return Step(name=name, state="ok", said="without end")
    said = f"until {until:%Y-%m-%d}"
    if until < now:
        return Step(name=name, state="failed", said=said, next=advice)
    return Step(name=name, state="warning" if until - now < _HORIZON else "ok", said=said, next=advice)


def _mapped(config: SamlConfig) -> Step:
    if config.group_roles:
        return Step(name="groups", state="ok", said=f"{len(config.group_roles)} groups carry a role")
    advice = "map at least one group to a role: without a match nobody gets in"
    return Step(name="groups", state="failed", said="no group is mapped", next=advice)
