"""
Mail to people about their account: links, and word that a credential changed.

Where no relay is configured nothing is queued and the answer says so; links are then handed over by an
administrator. What is queued is sealed: a link is a secret until it is used.
"""

from typing import Any, Protocol
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.foundation.actors import Scope, appliance
from appliance.foundation.clock import Clock
from appliance.foundation.errors import Invalid
from appliance.foundation.ids import new_id
from appliance.foundation.queue import JobKind, Queue
from appliance.foundation.sealing import Place, Sealer
from appliance.identity.models import User

MAIL_JOB = JobKind("mail.send", permission=None)


class Message(msgspec.Struct, frozen=True):
    """Plain text to one person. No header can be smuggled in: a line break is refused."""

    to: str
    subject: str
    text: str

    def __post_init__(self) -> None:
        if not (self.to.isprintable() and self.subject.isprintable()):
            raise Invalid("a mail's address and subject are one printable line each")

    def __repr__(self) -> str:
        return f"Message(to={self.to!r})"


class Mailer(Protocol):
    """Hands a message to the site's relay. Raises Unavailable if it does not take it; the queue retries."""

    async def send(self, message: Message) -> None: ...


class Post:
    """
    Queues messages within one transaction.

    Args:
        public_url: Where links lead; "" where no relay is configured.
    """

    def __init__(
        self, session: AsyncSession, scope: Scope, *, clock: Clock, sealer: Sealer, public_url: str
    ) -> None:
        self._queue, self._scope = Queue(session, scope, clock), scope
        self._clock, self._sealer, self._public_url = clock, sealer, public_url

    async def send_link(self, user: User, token: str) -> bool:
        """Whether the link is on its way by mail."""
        return await self._send(
            user.email,
            "Set your password",
            f"Set your password for the Mini-XDR Appliance within 24 hours:\n\n"
            f"{self._public_url}/welcome/{token}\n\n"
            f"If you did not expect this, tell your administrator.\n",
        )

    async def tell(self, user: User, subject: str, text: str) -> bool:
        """Whether word of a change is on its way."""
        return await self._send(user.email, subject, text)

    async def _send(self, to: str, subject: str, text: str) -> bool:
        if not self._public_url:
            return False
        mail_id = new_id(self._clock)
        payload = sealed_payload(Message(to, subject, text), self._scope, mail_id, self._sealer)
        await self._queue.enqueue(MAIL_JOB, payload, by=appliance("mail"), key=f"mail:{mail_id}")
        return True


def sealed_payload(message: Message, scope: Scope, mail_id: UUID, sealer: Sealer) -> dict[str, Any]:
    """A message as a queued job carries it; only a job of the same organisation opens it."""
    sealed = sealer.seal(msgspec.json.encode(message), **_place(scope, mail_id))
    return {"id": str(mail_id), "sealed": sealed.hex()}


def opened(payload: dict[str, Any], scope: Scope, sealer: Sealer) -> Message:
    """The message of a queued job."""
    plain = sealer.open(bytes.fromhex(payload["sealed"]), **_place(scope, UUID(payload["id"])))
    return msgspec.json.decode(plain, type=Message)


def _place(scope: Scope, mail_id: UUID) -> Place:
    return Place(table="jobs", column="payload", org_id=scope.org_id, row_id=mail_id)
