"""
The keys that sign the chain: next, active, retired. Their private halves are credentials of the sealer.

`audit-key` holds the seed of the active key. A key that is to take over is laid beside it as
`audit-key-next` and published; when the take-over is asked for, each stream gets a last record under the old
key, which names the new one under both signatures, and goes on under the new. The appliance never writes a
private key: whoever operates it moves the file afterwards.
"""

from datetime import datetime

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.models import AuditKey
from appliance.audit.verifier.hashing import KEY_BYTES, fingerprint, rotation_statement, to_text
from appliance.foundation.errors import Conflict, Invalid, Unavailable
from appliance.foundation.settings import Settings

CREDENTIAL, NEXT_CREDENTIAL = "audit-key", "audit-key-next"
_LOCK = 0x58444B41


class PublishedKey(msgspec.Struct, frozen=True):
    """A public key; `key` is raw, 32 bytes."""

    fingerprint: str
    key: bytes
    state: str
    published_at: datetime
    activated_at: datetime | None
    retired_at: datetime | None


class Keyring:
    """The private keys at hand, by the fingerprint of their public halves."""

    def __init__(self, *seeds: bytes) -> None:
        keys = [Ed25519PrivateKey.from_private_bytes(seed) for seed in seeds]
        self._keys = {fingerprint(key.public_key().public_bytes_raw()): key for key in keys}

    def __repr__(self) -> str:
        return f"Keyring({', '.join(self._keys)})"

    @property
    def public(self) -> dict[str, bytes]:
        """Raw public keys by fingerprint, the active one's file first."""
        return {name: key.public_key().public_bytes_raw() for name, key in self._keys.items()}

    def signer(self, name: str) -> Ed25519PrivateKey:
        """
        The private key of that fingerprint.

        Raises:
            Unavailable: Its credential is not there.
        """
        if name not in self._keys:
            raise Unavailable(
                f"the audit key {name[:16]}… is in force, but neither {CREDENTIAL} nor {NEXT_CREDENTIAL}"
                " is its private half; put it back, nothing is sealed meanwhile"
            )
        return self._keys[name]

    def handover(self, stream: bytes, old: str, new: str) -> dict[str, str]:
        """The detail of the record by which one key takes over from another; errors as in `signer`."""
        first, second = self.signer(old), self.signer(new)
        keys = [key.public_key().public_bytes_raw() for key in (first, second)]
        statement = rotation_statement(stream, *keys)
        return {
            "old": keys[0].hex(), "new": keys[1].hex(),
            "signed_by_old": to_text(first.sign(statement)), "signed_by_new": to_text(second.sign(statement)),
        }  # fmt: skip


def loaded(settings: Settings) -> Keyring:
    """
    The keyring of this node.

    Raises:
        Invalid: There is no key, or one is not 32 bytes.
    """
    seeds = [settings.credential(CREDENTIAL)]
    if (settings.credentials_dir / NEXT_CREDENTIAL).exists():
        seeds.append(settings.credential(NEXT_CREDENTIAL))
    for seed in seeds:
        if len(seed) != KEY_BYTES:
            raise Invalid(f"an audit key is {KEY_BYTES} raw bytes, not {len(seed)}; see docs/audit.md")
    return Keyring(*seeds)


async def published(session: AsyncSession) -> list[PublishedKey]:
    """Every key that ever was published, oldest first."""
    rows = (await session.execute(select(AuditKey).order_by(AuditKey.published_at))).scalars()
    return [
        PublishedKey(
            row.fingerprint, row.public_key, row.state, row.published_at, row.activated_at, row.retired_at
        )
        for row in rows
    ]


async def publish(session: AsyncSession, keyring: Keyring, now: datetime) -> str:
    """
    Publish what the keyring holds and nobody has seen: the first ever as active, any other as next.

    Returns:
        The fingerprint of the active key.
    """
    await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    known = {key.fingerprint: key for key in await published(session)}
    active = next((key.fingerprint for key in known.values() if key.state == "active"), "")
    for name, raw in keyring.public.items():
        if name in known:
            continue
        session.add(
            AuditKey(
                fingerprint=name, public_key=raw, state="next" if active else "active", published_at=now,
                activated_at=None if active else now,
            )
        )  # fmt: skip
        active = active or name
    await session.flush()
    return active


async def hand_over(session: AsyncSession, now: datetime) -> str:
    """
    The next key becomes the active one; its fingerprint. Streams follow, each with a record of its own.

    Raises:
        Conflict: None is published as next.
    """
    await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    keys = (await session.execute(select(AuditKey).where(AuditKey.state != "retired"))).scalars().all()
    coming = max((key for key in keys if key.state == "next"), key=lambda k: k.published_at, default=None)
    if coming is None:
        raise Conflict(f"no next audit key is published; put one in the credential {NEXT_CREDENTIAL}")
    for key in keys:
        if key.state == "active":
            key.state, key.retired_at = "retired", now
    coming.state, coming.activated_at = "active", now
    await session.flush()
    return coming.fingerprint
