"""
A forgotten password: a link by mail, where there is a relay. The answer never tells whether there is such
an account, and takes as long; asking is slowed down like guessing.
"""

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Actor, ActorKind, Scope
from appliance.foundation.clock import Clock
from appliance.foundation.database import Database, transaction
from appliance.foundation.ids import new_id
from appliance.foundation.sealing import Sealer
from appliance.foundation.tokens import hash_of, new_token
from appliance.identity.delays import Delays
from appliance.identity.doors import ask
from appliance.identity.mail import Post
from appliance.identity.models import OneTimeLink, User
from appliance.identity.policies import PROFILES
from appliance.identity.signin import LINK_LIFE_BY_MAIL, LINK_PREFIX
from appliance.identity.site import Site


class ForgottenPasswords:
    """Sends links to whoever can read the account's mail. Second factors stay as they are."""

    def __init__(
        self, database: Database, clock: Clock, *, pepper: bytes, sealer: Sealer, site: Site
    ) -> None:
        self._database, self._clock, self._sealer, self._site = database, clock, sealer, site
        self._delays = Delays(database, pepper)

    @property
    def is_configured(self) -> bool:
        return bool(self._site.mail_url)

    async def ask(self, email: str, *, address: str) -> None:
        """
        Send a link if there is such an active local account.

        Raises:
            SignInDelayed: Asked too often for this name or from this address.
        """
        email = email.strip().lower()
        await self._delays.attempt(f"forgotten|{email}", address, known_here=False, profile=PROFILES["nist"])
        for owner in await ask(self._database, "app.user_owner", email):
            await self._send(Scope(org_id=owner.org_id), owner.id, address)

    async def _send(self, scope: Scope, user_id: object, address: str) -> None:
        async with transaction(self._database, scope) as session:
            user = await session.get(User, (scope.org_id, user_id))
            if user is None or user.status != "active" or user.origin != "local":
                return
            token = new_token(LINK_PREFIX)
            session.add(
                OneTimeLink(
                    org_id=scope.org_id, id=new_id(self._clock), user_id=user.id, token_hash=hash_of(token),
                    expires_at=self._clock.now() + LINK_LIFE_BY_MAIL,
                )
            )  # fmt: skip
            post = Post(
                session, scope, clock=self._clock, sealer=self._sealer, public_url=self._site.mail_url
            )
            await post.send_link(user, token)
            asked = Actor(ActorKind.USER, user.id, user.email, frozenset(), address=address)
            AuditTrail(session, scope, self._clock).record("user.link_asked_for", by=asked, subject=user.id)
