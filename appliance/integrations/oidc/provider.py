"""
The OpenID Connect port: authorization code with PKCE; state and nonce bound to one request.

OpenID Connect Core 3.1.3.7, RFC 7636, RFC 9207, RFC 9700.
"""

import secrets
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import sha256
from hmac import compare_digest
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import jwt
import msgspec

from appliance.identity.federation_errors import AssertionRefused
from appliance.identity.federation_schemas import OidcConfig, Person
from appliance.identity.ports import Assertion, Question
from appliance.integrations.fetching import Fetch
from appliance.integrations.oidc.keys import Keys

_LEEWAY_SECONDS = 60
_LONGEST_TOKEN = 65_536
_LONGEST_SUBJECT = 255  # OpenID Connect Core 2
_OLDEST_SECONDS = 600


class Tokens(msgspec.Struct, frozen=True):
    """What of a token response is read."""

    id_token: str

    def __repr__(self) -> str:
        return "Tokens()"


def callback(public_url: str, provider_id: UUID) -> str:
    """Where the provider sends the browser back to; it is told this exact address."""
    return f"{public_url}/sso/{provider_id}/callback"


class OidcRelyingParty:
    """
    Args:
        public_url: Where browsers reach the appliance; the callback begins with it.
        fetch: Calls the provider.
    """

    def __init__(self, public_url: str, fetch: Fetch) -> None:
        self._public_url, self._fetch, self._keys = public_url.rstrip("/"), fetch, Keys(fetch)

    def question(self, provider_id: UUID, config: OidcConfig) -> Question:
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        query = {
            "response_type": "code", "client_id": config.client_id,
            "redirect_uri": callback(self._public_url, provider_id),
            "scope": " ".join(dict.fromkeys(["openid", *config.scopes])), "state": state, "nonce": nonce,
            "code_challenge": _challenge(verifier), "code_challenge_method": "S256",
        }  # fmt: skip
        if config.required_contexts:
            query["acr_values"] = " ".join(config.required_contexts)
        join = "&" if "?" in config.authorization_endpoint else "?"
        url = f"{config.authorization_endpoint}{join}{urlencode(query)}"
        return Question(id=state, url=url, secrets={"nonce": nonce, "verifier": verifier})

    async def verify(
        self,
        provider_id: UUID,
        config: OidcConfig,
        *,
        client_secret: str,
        query: dict[str, str],
        secrets: dict[str, str],
    ) -> Assertion:
        if "error" in query:
            raise AssertionRefused(f"the provider refused: {query['error'][:100]}")
        # A code of another provider, put into our address by whoever runs that one (RFC 9207).
        if query.get("iss", config.issuer) != config.issuer:
            raise AssertionRefused("the answer comes from another provider than was asked")
        code = query.get("code", "")
        if not code:
            raise AssertionRefused("the provider sent no code")
        token = await self._exchanged(provider_id, config, client_secret, code, secrets["verifier"])
        claims = await self._claims(config, token)
        check_claims(config, claims, nonce=secrets["nonce"])
        digest = sha256(token.encode()).hexdigest()
        return Assertion(
            id=digest,
            expires_at=datetime.fromtimestamp(int(claims["exp"]), UTC),
            person=_person(config, claims),
        )

    async def _exchanged(
        self, provider_id: UUID, config: OidcConfig, client_secret: str, code: str, verifier: str
    ) -> str:
        form = {
            "grant_type": "authorization_code", "code": code, "code_verifier": verifier,
            "redirect_uri": callback(self._public_url, provider_id), "client_id": config.client_id,
        }  # fmt: skip
        body = await self._fetch(
            config.token_endpoint,
            ca_certificates=config.ca_certificates,
            form=form,
            auth=(config.client_id, client_secret) if client_secret else None,
        )
        try:
            token = msgspec.json.decode(body, type=Tokens).id_token
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise AssertionRefused("the provider's token endpoint sent no identity token") from error
        if len(token) > _LONGEST_TOKEN:
            raise AssertionRefused("the identity token is too large")
        return token

    async def _claims(self, config: OidcConfig, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError as error:
            raise AssertionRefused("the identity token is none") from error
        algorithm = str(header.get("alg", ""))
        if algorithm not in config.algorithms:
            raise AssertionRefused(
                f"the identity token is signed with {algorithm[:20]!r}, not {', '.join(config.algorithms)}"
            )
        key = await self._keys.find(config, str(header.get("kid", "")), algorithm)
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[algorithm],
                audience=config.client_id,
                issuer=config.issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "iss", "aud", "sub", "nonce"]},
            )
        except jwt.PyJWTError as error:
            raise AssertionRefused(f"the identity token does not hold: {error}") from error
        return claims


def check_claims(config: OidcConfig, claims: dict[str, Any], *, nonce: str) -> None:
    """
    What the library does not compare.

    Raises:
        AssertionRefused: The token was made for another sign-in or client, is old, or the person was not
            authenticated as is demanded.
    """
    if not compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
        raise AssertionRefused("the identity token belongs to another sign-in")
    audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if set(audience) != {config.client_id} or claims.get("azp", config.client_id) != config.client_id:
        raise AssertionRefused("the identity token is not for this client alone")
    if datetime.now(UTC).timestamp() - float(claims["iat"]) > _OLDEST_SECONDS:
        raise AssertionRefused("the identity token is too old; check both clocks")
    if config.required_contexts and not set(_contexts(claims)) & set(config.required_contexts):
        raise AssertionRefused("the provider did not authenticate this person as strongly as is demanded")


def _contexts(claims: dict[str, Any]) -> list[str]:
    methods = claims.get("amr")
    return [str(one) for one in (claims.get("acr"), *(methods if isinstance(methods, list) else [])) if one]


def _person(config: OidcConfig, claims: dict[str, Any]) -> Person:
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise AssertionRefused("the identity token names nobody")
    groups = claims.get(config.groups_claim, [])
    # An address that its owner never proved may be anybody's.
    is_proved = claims.get("email_verified", True) in (True, "true")
    return Person(
        subject=subject,
        email=str(claims.get(config.email_claim) or "") if is_proved else "",
        name=str(claims.get(config.name_claim) or subject),
        groups=[str(one) for one in (groups if isinstance(groups, list) else [groups]) if one],
        session=str(claims.get("sid") or ""),
        contexts=_contexts(claims),
    )


def _challenge(verifier: str) -> str:
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
