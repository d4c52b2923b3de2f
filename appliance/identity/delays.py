"""
What a wrong guess costs: time, and never an account (ASVS 5.0 6.1.1, 6.3.1).

Three things are counted, in Postgres and therefore exactly over all nodes: the name, the address, and the
name from that address. An attempt is counted before the password is looked at and taken back when it was
right, so that a hundred attempts sent at once cost as much as a hundred in a row. Somebody who signed in
from the same address before is not held up by what strangers do with the name: a stranger cannot lock
anybody out.
"""

import hmac
from hashlib import sha256

from sqlalchemy import text

from appliance.foundation.database import Database, anonymous_transaction
from appliance.identity.errors import SignInDelayed
from appliance.identity.policies import Profile

# Many people may share an address, so it is given more for nothing.
_FREE_BY_NAME, _FREE_BY_ADDRESS = 2, 10


class Delays:
    """
    Args:
        pepper: Keys the HMAC under which names and addresses are remembered; the table tells nobody which.
    """

    def __init__(self, database: Database, pepper: bytes) -> None:
        self._database, self._pepper = database, pepper

    async def attempt(self, name: str, address: str, *, known_here: bool, profile: Profile) -> None:
        """
        Count an attempt, or refuse it because it comes too soon.

        Args:
            known_here: This name signed in from this address before; then only what fails here counts.

        Raises:
            SignInDelayed: Says how long to wait.
        """
        await self._count("address", address, free=_FREE_BY_ADDRESS)
        kind, who = ("pair", f"{name}|{address}") if known_here else ("name", name)
        try:
            await self._count(kind, who, free=_FREE_BY_NAME, profile=profile)
        except SignInDelayed:
            await self._undo("address", address)
            raise

    async def succeeded(self, name: str, address: str) -> None:
        async with anonymous_transaction(self._database) as session:
            for kind, who in (("name", name), ("pair", f"{name}|{address}")):
                await session.execute(
                    text("SELECT app.signin_succeeded(:who)"), {"who": self._key(kind, who)}
                )
        await self._undo("address", address)

    async def _count(self, kind: str, who: str, *, free: int, profile: Profile | None = None) -> None:
        async with anonymous_transaction(self._database) as session:
            waited = await session.execute(
                text("SELECT app.signin_attempt(:who, :free, :after, :seconds)"),
                {
                    "who": self._key(kind, who),
                    "free": free,
                    "after": profile.lock_after_failures if profile else 0,
                    "seconds": profile.lock_seconds if profile else 0,
                },
            )
            wait = float(waited.scalar_one())
        if wait > 0:
            seconds = int(wait) + 1
            raise SignInDelayed(f"too many failures; try again in {seconds} s", retry_after_seconds=seconds)

    async def _undo(self, kind: str, who: str) -> None:
        async with anonymous_transaction(self._database) as session:
            await session.execute(text("SELECT app.signin_undo(:who)"), {"who": self._key(kind, who)})

    def _key(self, kind: str, value: str) -> bytes:
        return hmac.new(self._pepper, f"{kind}|{value}".encode(errors="replace"), sha256).digest()
