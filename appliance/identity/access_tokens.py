"""
Access tokens: short-lived, signed with Ed25519, naming a session and nothing of what it may do.

RFC 9068's form (`typ` at+jwt). Algorithm and type are pinned, the key is looked up by `kid` among our own
and never taken from the token; exp, nbf, iat, iss, aud, sub and sid are demanded. Permissions are looked
up at each request, and so is whether the session still lives: a token alone proves only who asks.
"""

import asyncio
import time
from datetime import datetime
from uuid import UUID

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Actor, Permission
from appliance.foundation.clock import Clock
from appliance.foundation.database import Database, anonymous_transaction, platform_transaction
from appliance.foundation.sealing import Sealer
from appliance.identity import signing_keys
from appliance.identity.errors import TokenRefused

AUDIENCE = "xdr-api"
_ALGORITHM, _TYPE = "EdDSA", "at+jwt"
_LEEWAY_SECONDS = 30  # clocks of three nodes differ
_KEYS_SECONDS = 30.0  # how long a verifier trusts what it read; an unknown kid makes it look sooner
_LOOK_AGAIN_SECONDS = 1.0  # invented kids make it look no more often; who brings one waits that long
_CLAIMS = ["exp", "nbf", "iat", "iss", "aud", "sub", "sid", "org"]


class Claim(msgspec.Struct, frozen=True):
    """Who the token speaks for."""

    org_id: UUID
    session_id: UUID
    user_id: UUID


class AccessTokens:
    """
    Issues and verifies, with keys that are read from the database and remembered for half a minute.

    Args:
        issuer: The appliance's public address.
    """

    def __init__(self, database: Database, sealer: Sealer, clock: Clock, issuer: str) -> None:
        self._database, self._sealer, self._clock, self._issuer = database, sealer, clock, issuer
        self._public: dict[str, Ed25519PublicKey] = {}
        self._signing: tuple[str, Ed25519PrivateKey] | None = None
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def issue(self, claim: Claim) -> tuple[str, datetime]:
        """A token for one session, and when it expires."""
        kid, key = await self._signing_key()
        now = self._clock.now()
        expires_at = now + signing_keys.TOKEN_LIFE
        claims = {
            "iss": self._issuer, "aud": AUDIENCE, "sub": str(claim.user_id), "sid": str(claim.session_id),
            "org": str(claim.org_id), "iat": now, "nbf": now, "exp": expires_at,
        }  # fmt: skip
        return jwt.encode(claims, key, algorithm=_ALGORITHM, headers={"typ": _TYPE, "kid": kid}), expires_at

    async def verify(self, token: str) -> Claim:
        """
        Who it speaks for.

        Raises:
            TokenRefused: Not ours, altered, expired, or of another kind.
        """
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") != _ALGORITHM or header.get("typ") != _TYPE:
                raise TokenRefused("this is no access token of the appliance")
            key = await self._key(str(header.get("kid")))
            claims = jwt.decode(
                token, key, algorithms=[_ALGORITHM], audience=AUDIENCE, issuer=self._issuer,
                options={"require": _CLAIMS, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )  # fmt: skip
            self._check_times(claims)
            return Claim(UUID(claims["org"]), UUID(claims["sid"]), UUID(claims["sub"]))
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise TokenRefused("the access token is not valid; sign in again") from error

    async def rotate(self, trail: AuditTrail, *, by: Actor) -> str:
        """
        Sign with the next key from now on.

        Args:
            trail: Of the transaction in which the entry is written; the keys change in the platform's own.

        Returns:
            The id of the key that is active now.
        """
        by.require(Permission.KEYS_ROTATE)
        async with platform_transaction(self._database) as session:
            key_id = await signing_keys.rotate(session, self._sealer, self._clock)
        self._read_at = float("-inf")  # this process signs with it at once, the others within half a minute
        trail.record("signing_key.rotated", by=by, subject=key_id)
        return str(key_id)

    async def public_keys(self) -> list[signing_keys.PublicKey]:
        async with anonymous_transaction(self._database) as session:
            return await signing_keys.published(session)

    def _check_times(self, claims: dict[str, object]) -> None:
        # Checked against our own clock, which tests can move; the library reads the system's.
        now = self._clock.now().timestamp()
        expires, begins = float(str(claims["exp"])), float(str(claims["nbf"]))
        if expires <= now - _LEEWAY_SECONDS:
            raise TokenRefused("the access token has expired; refresh it")
        if begins > now + _LEEWAY_SECONDS:
            raise TokenRefused("the access token is not valid yet; is the clock right?")

    async def _key(self, kid: str) -> Ed25519PublicKey:
        await self._read(older_than=_KEYS_SECONDS)
        if kid not in self._public:
            await self._look_again()
        if kid not in self._public:
            raise TokenRefused("the access token was signed with a key that is not known; sign in again")
        return self._public[kid]

    async def _signing_key(self) -> tuple[str, Ed25519PrivateKey]:
        await self._read(older_than=_KEYS_SECONDS)
        if self._signing is None:
            async with platform_transaction(self._database) as session:
                await signing_keys.ensure(session, self._sealer, self._clock)
            await self._read(older_than=0.0)
        assert self._signing is not None
        return self._signing

    async def _look_again(self) -> None:
        """Read the keys as they are now; refusing by what was read a moment ago would be wrong."""
        unknown_at = time.monotonic()
        await asyncio.sleep(max(0.0, self._read_at + _LOOK_AGAIN_SECONDS - unknown_at))
        await self._read(since=unknown_at)

    async def _read(self, *, older_than: float = 0.0, since: float = float("inf")) -> None:
        """Read the keys, unless that was done less than `older_than` seconds ago, or after `since`."""
        async with self._reading:
            if time.monotonic() - self._read_at < older_than or self._read_at > since:
                return
            began = time.monotonic()
            async with anonymous_transaction(self._database) as session:
                found = await signing_keys.published(session)
                self._signing = await signing_keys.active(session, self._sealer)
            self._public = {key.kid: Ed25519PublicKey.from_public_bytes(key.key) for key in found}
            self._read_at = began
