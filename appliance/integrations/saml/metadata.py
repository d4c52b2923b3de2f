"""An identity provider's metadata, as uploaded: where it is, what it signs with, until when that holds."""

import base64
import binascii
from datetime import UTC, datetime

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser as Parser

from appliance.foundation.errors import Invalid
from appliance.identity.federation_errors import AssertionMalformed
from appliance.identity.federation_schemas import SamlConfig
from appliance.integrations.addresses import check_url
from appliance.integrations.saml.messages import NAMES, parsed

MOST_METADATA_BYTES = 786_432
_SHORTEST_RSA_BITS = 2048


class IdentityProvider(msgspec.Struct, frozen=True):
    """What of the metadata is used. Two certificates stand there while a key is exchanged."""

    entity_id: str
    sign_on_url: str
    logout_url: str
    certificates: list[str]
    certificates_until: datetime
    valid_until: datetime | None


def described(config: SamlConfig) -> IdentityProvider:
    """
    The provider that the metadata describes.

    Raises:
        Invalid: It is no metadata, describes several or none, or signs too weakly; says what to do.
    """
    root = _root(config)
    entity_id = _entity_id(root, config.entity_id)
    found = Parser.parse(config.metadata.encode(), entity_id=entity_id).get("idp", {})
    sign_on_url = found.get("singleSignOnService", {}).get("url", "")
    if not sign_on_url:
        raise Invalid("the metadata names no sign-on service with the HTTP-Redirect binding")
    certificates = _certificates(found)
    check_url(sign_on_url)
    if logout_url := found.get("singleLogoutService", {}).get("url", ""):
        check_url(logout_url)
    return IdentityProvider(
        entity_id=entity_id,
        sign_on_url=sign_on_url,
        logout_url=logout_url,
        certificates=[one for one, _ in certificates],
        certificates_until=max(until for _, until in certificates),
        valid_until=_valid_until(root, entity_id),
    )


def _root(config: SamlConfig) -> object:
    failures = []
    for tag in ("md:EntityDescriptor", "md:EntitiesDescriptor"):
        try:
            return parsed(config.metadata.encode(), tag=tag, most=MOST_METADATA_BYTES)
        except AssertionMalformed as error:
            failures.append(error)
    raise Invalid(f"the metadata cannot be used: {failures[0]}") from failures[0]


def _entity_id(root: object, wanted: str) -> str:
    found = root.xpath("//md:EntityDescriptor[md:IDPSSODescriptor]/@entityID", namespaces=NAMES)  # type: ignore[attr-defined]  # lxml has no types
    named = [str(one) for one in found if not wanted or one == wanted]
    if len(named) != 1 or "'" in named[0]:
        raise Invalid(
            f"the metadata must describe one identity provider, and has: {', '.join(found) or 'none'}"
        )
    return named[0]


def _certificates(found: dict[str, object]) -> list[tuple[str, datetime]]:
    several = found.get("x509certMulti")
    held = several.get("signing", []) if isinstance(several, dict) else [found.get("x509cert", "")]
    usable = [_certificate(str(one)) for one in held if one]
    if not usable:
        raise Invalid("the metadata holds no certificate to check signatures with")
    return usable


def _certificate(encoded: str) -> tuple[str, datetime]:
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode("".join(encoded.split())))
    except (ValueError, binascii.Error) as error:
        raise Invalid("a certificate in the metadata cannot be read") from error
    key = certificate.public_key()
    is_strong = isinstance(key, EllipticCurvePublicKey) or (
        isinstance(key, RSAPublicKey) and key.key_size >= _SHORTEST_RSA_BITS
    )
    if not is_strong:
        raise Invalid(f"a certificate in the metadata is weaker than RSA with {_SHORTEST_RSA_BITS} bits")
    return "".join(encoded.split()), certificate.not_valid_after_utc


def _valid_until(root: object, entity_id: str) -> datetime | None:
    said = root.xpath(  # type: ignore[attr-defined]  # lxml has no types
        "/*/@validUntil | //md:EntityDescriptor[@entityID=$id]/@validUntil", namespaces=NAMES, id=entity_id
    )
    try:
        times = [datetime.fromisoformat(one) for one in said]
    except ValueError as error:
        raise Invalid(f"validUntil of the metadata is no time: {said}") from error
    return min((one if one.tzinfo else one.replace(tzinfo=UTC) for one in times), default=None)
