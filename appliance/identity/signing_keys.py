"""
The keys that sign access tokens: next, active, retired (RFC 7517, RFC 8037 Ed25519).

A key is published as `next` before it signs, and published as `retired` until the last token it signed has
expired; a verifier that meets a key it does not know looks once more. So rotation refuses no valid token.
The private halves are sealed; the process that signs opens the active one only.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.utils import base64url_encode
from sqlalchemy import delete, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.foundation.clock import Clock
from appliance.foundation.ids import new_id
from appliance.foundation.sealing import Place, Sealer
from appliance.identity.governance_models import SigningKey

TOKEN_LIFE = timedelta(minutes=10)
_OVERLAP = TOKEN_LIFE + timedelta(minutes=5)  # clocks of three nodes differ
_PLATFORM = UUID(int=0)
_LOCK = 0x58444B59


class PublicKey(msgspec.Struct, frozen=True):
    id: UUID
    state: str
    key: bytes

    @property
    def kid(self) -> str:
        return str(self.id)

    def jwk(self) -> dict[str, Any]:
        """As RFC 8037 writes it."""
        encoded = base64url_encode(self.key).decode()
        return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": self.kid, "x": encoded}


async def published(session: AsyncSession) -> list[PublicKey]:
    """All keys whose tokens may still be about."""
    rows = (await session.execute(select(SigningKey).order_by(SigningKey.id))).scalars()
    return [PublicKey(row.id, row.state, row.public_key) for row in rows]


async def active(session: AsyncSession, sealer: Sealer) -> tuple[str, Ed25519PrivateKey] | None:
    """The key that signs now, with its id; None before the first rotation."""
    found = await session.execute(select(SigningKey).where(SigningKey.state == "active"))
    key = found.scalar_one_or_none()
    if key is None:
        return None
    return str(key.id), Ed25519PrivateKey.from_private_bytes(sealer.open(key.private_key, **_place(key.id)))


async def rotate(session: AsyncSession, sealer: Sealer, clock: Clock) -> UUID:
    """
    The next key signs from now on, a new next one is published, and what is long retired goes.

    Runs as the platform's role; two at once take turns.

    Returns:
        The id of the key that is active now.
    """
    await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    now = clock.now()
    rows = (await session.execute(select(SigningKey))).scalars().all()
    by_state = {row.state: row for row in rows if row.state != "retired"}
    if (old := by_state.get("active")) is not None:
        old.state, old.retired_at = "retired", now
        await session.flush()  # only one may be active at a time
    coming = by_state.get("next") or _made(session, sealer, now, clock)
    coming.state, coming.activated_at = "active", now
    _made(session, sealer, now, clock)
    await session.execute(
        delete(SigningKey).where(SigningKey.state == "retired", SigningKey.retired_at < now - _OVERLAP)
    )
    await session.flush()
    return coming.id


async def ensure(session: AsyncSession, sealer: Sealer, clock: Clock) -> None:
    """Make the first keys, if there are none."""
    found = await session.execute(select(SigningKey.id).where(SigningKey.state == "active"))
    if found.scalar_one_or_none() is None:
        await rotate(session, sealer, clock)


def _made(session: AsyncSession, sealer: Sealer, now: datetime, clock: Clock) -> SigningKey:
    key, key_id = Ed25519PrivateKey.generate(), new_id(clock)
    made = SigningKey(
        id=key_id, state="next", public_key=_raw(key.public_key()), created_at=now,
        private_key=sealer.seal(key.private_bytes_raw(), **_place(key_id)),
    )  # fmt: skip
    session.add(made)
    return made


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _place(key_id: UUID) -> Place:
    return Place(table="signing_keys", column="private_key", org_id=_PLATFORM, row_id=key_id)
