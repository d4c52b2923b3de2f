"""
The keys a provider signs with: as uploaded, or fetched and kept for a while.

A key is found by the `kid` in our own list; what a token says about keys (`jku`, `x5u`, `jwk`) is never
read. An unknown `kid` makes us look again, at most once a minute.
"""

import time

import jwt
import msgspec

from appliance.foundation.errors import Invalid
from appliance.identity.federation_errors import AssertionRefused
from appliance.identity.federation_schemas import OidcConfig
from appliance.integrations.fetching import Fetch

_KEPT_SECONDS, _AGAIN_SECONDS = 3_600.0, 60.0
_MOST_KEYS = 50


class Keys:
    """The keys of every provider, by where they come from."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._held: dict[str, tuple[float, dict[str, jwt.PyJWK]]] = {}

    async def find(self, config: OidcConfig, kid: str, algorithm: str) -> jwt.PyJWK:
        """
        The key of that id, fit for that algorithm.

        Raises:
            AssertionRefused: The provider has none.
            Unavailable: Its keys cannot be fetched.
        """
        if config.jwks:
            return _chosen(parsed_keys(config.jwks.encode()), kid, algorithm)
        held = await self._of(config, _KEPT_SECONDS)
        if kid not in held:
            held = await self._of(config, _AGAIN_SECONDS)
        return _chosen(held, kid, algorithm)

    async def _of(self, config: OidcConfig, kept_seconds: float) -> dict[str, jwt.PyJWK]:
        at, held = self._held.get(config.jwks_uri, (float("-inf"), {}))
        if time.monotonic() - at > kept_seconds:
            held = parsed_keys(await self._fetch(config.jwks_uri, ca_certificates=config.ca_certificates))
            self._held[config.jwks_uri] = (time.monotonic(), held)
        return held


def parsed_keys(document: bytes) -> dict[str, jwt.PyJWK]:
    """
    Signature keys by id (RFC 7517).

    Raises:
        Invalid: No key set, or none of its keys can be used.
    """
    try:
        said = msgspec.json.decode(document, type=dict[str, list[dict[str, object]]], strict=False)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise Invalid('the keys are no JWKS: {"keys": […]}') from error
    found: dict[str, jwt.PyJWK] = {}
    for one in said.get("keys", [])[:_MOST_KEYS]:
        # A symmetric key in a public document would let anybody sign.
        if one.get("kty") not in ("RSA", "EC", "OKP") or one.get("use", "sig") != "sig":
            continue
        try:
            found[str(one.get("kid", ""))] = jwt.PyJWK.from_dict(dict(one))
        except jwt.PyJWTError:
            continue
    if not found:
        raise Invalid("the JWKS holds no public key for signatures")
    return found


def _chosen(held: dict[str, jwt.PyJWK], kid: str, algorithm: str) -> jwt.PyJWK:
    # A provider with one key may leave its name out (OpenID Connect Core 10.1).
    key = held.get(kid) or (next(iter(held.values())) if not kid and len(held) == 1 else None)
    if key is None:
        raise AssertionRefused(f"the provider has no key {kid[:100]!r}")
    fits = {"RSA": ("RS", "PS"), "EC": ("ES",), "OKP": ("Ed",)}[str(key.key_type)]
    if not algorithm.startswith(fits):
        raise AssertionRefused(f"the provider's key {kid[:100]!r} is not for {algorithm}")
    return key
