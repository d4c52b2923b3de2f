"""
The library's settings, all of them decided, and checked before each use.

Our own address comes from the settings of the appliance, never from a Host header. The provider's part is
taken field by field from its metadata: merging a parsed document would let it replace our own part.
"""

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from onelogin.saml2.constants import OneLogin_Saml2_Constants as Names
from onelogin.saml2.settings import OneLogin_Saml2_Settings as LibrarySettings

from appliance.identity.federation_schemas import SamlConfig
from appliance.identity.ports import ServiceKey
from appliance.integrations.saml.metadata import described

__all__ = [
    "DIGESTS",
    "SECURITY",
    "SIGNATURES",
    "TRANSFORMS",
    "Addresses",
    "LibrarySettings",
    "NotHardened",
    "check_hardened",
    "library_settings",
    "request_at",
    "service_part",
]

SECURITY: dict[str, Any] = {
    "nameIdEncrypted": False,
    "authnRequestsSigned": True,
    "logoutRequestSigned": True,
    "logoutResponseSigned": True,
    "signMetadata": False,
    # Of responses it is the assertion that must be signed; of logout messages the whole (see `logout.py`).
    "wantMessagesSigned": False,
    "wantAssertionsSigned": True,
    "wantAssertionsEncrypted": False,
    "wantNameId": True,
    "wantNameIdEncrypted": False,
    "wantAttributeStatement": False,
    "allowRepeatAttributeName": True,
    "rejectUnsolicitedResponsesWithInResponseTo": True,
    "rejectDeprecatedAlgorithm": True,
    "failOnAuthnContextMismatch": True,
    "signatureAlgorithm": Names.RSA_SHA256,
    "digestAlgorithm": Names.SHA256,
}
SIGNATURES = frozenset(
    {
        Names.RSA_SHA256, Names.RSA_SHA384, Names.RSA_SHA512,
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
    }
)  # fmt: skip
DIGESTS = frozenset({Names.SHA256, Names.SHA384, Names.SHA512})
TRANSFORMS = frozenset(
    {
        "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
        "http://www.w3.org/2001/10/xml-exc-c14n#",
        "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
    }
)


class NotHardened(RuntimeError):
    """The library would run with a weaker setting than was decided; the appliance must not start."""


class Addresses:
    """Ours, towards one provider."""

    def __init__(self, public_url: str, provider_id: UUID) -> None:
        self._base = f"{public_url.rstrip('/')}/sso/{provider_id}"

    @property
    def entity_id(self) -> str:
        return f"{self._base}/metadata"

    @property
    def consumer(self) -> str:
        return f"{self._base}/acs"

    @property
    def logout(self) -> str:
        return f"{self._base}/slo"


def request_at(url: str, **more: Any) -> dict[str, Any]:
    """The library's picture of a request that arrived at this address of ours."""
    parts = urlsplit(url)
    return {
        "https": "on" if parts.scheme == "https" else "off",
        "http_host": parts.netloc,
        "script_name": parts.path,
        "get_data": {},
        "post_data": {},
    } | more


def library_settings(
    addresses: Addresses, config: SamlConfig, key: ServiceKey, *, messages_signed: bool = False
) -> LibrarySettings:
    """
    Settings for one provider.

    Raises:
        NotHardened: The library did not take what was decided.
        Invalid: The metadata cannot be used.
    """
    security = SECURITY | {
        "wantMessagesSigned": messages_signed,
        "requestedAuthnContext": list(config.required_contexts) or False,
    }
    made = LibrarySettings(
        {
            "strict": True,
            "debug": False,
            "sp": service_part(addresses, key),
            "idp": _provider_part(config),
            "security": security,
        }
    )
    check_hardened(made, security)
    return made


def service_part(addresses: Addresses, key: ServiceKey) -> dict[str, Any]:
    """Our own half."""
    return {
        "entityId": addresses.entity_id,
        "assertionConsumerService": {"url": addresses.consumer, "binding": Names.BINDING_HTTP_POST},
        "singleLogoutService": {"url": addresses.logout, "binding": Names.BINDING_HTTP_REDIRECT},
        "NameIDFormat": Names.NAMEID_UNSPECIFIED,
        "x509cert": key.certificate,
        "privateKey": key.private,
    }


def check_hardened(settings: LibrarySettings, wanted: dict[str, Any]) -> None:
    """
    Compare what the library holds with what was decided.

    Raises:
        NotHardened: Names the setting.
    """
    if not settings.is_strict():
        raise NotHardened("the SAML library does not run strictly")
    held = settings.get_security_data()
    for name, value in wanted.items():
        if held.get(name) != value:
            raise NotHardened(f"the SAML library holds {name}={held.get(name)!r} instead of {value!r}")


def _provider_part(config: SamlConfig) -> dict[str, Any]:
    provider = described(config)
    part: dict[str, Any] = {
        "entityId": provider.entity_id,
        "singleSignOnService": {"url": provider.sign_on_url, "binding": Names.BINDING_HTTP_REDIRECT},
        "x509certMulti": {"signing": provider.certificates},
    }
    if provider.logout_url:
        part["singleLogoutService"] = {
            "url": provider.logout_url,
            "binding": Names.BINDING_HTTP_REDIRECT,
        }
    return part
