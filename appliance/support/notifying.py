"""Hands waiting notifications to their receivers, each by itself, again and again until it took them."""

import asyncio
import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from appliance.foundation.errors import ApplianceError
from appliance.support.alerting import Book, Notification

log = structlog.get_logger()

_FIRST_SECONDS, _MOST_SECONDS = 5.0, 300.0
_SECONDS = 30.0


class Receiver(Protocol):
    """Somebody who is told: mail, syslog, a webhook, SNMP."""

    async def tell(self, notification: Notification) -> None:
        """
        Hand it over; when this returns the receiver has it, as far as its protocol says so.

        Raises:
            Unavailable: It has not, and may later.
            ApplianceError: The settings do not allow it; names what to change.
        """
        ...


class Notifying:
    """
    Args:
        receivers: By their names in the settings.
        save: Called when the book changed.
    """

    def __init__(self, receivers: Mapping[str, Receiver], save: Callable[[], None]) -> None:
        self._receivers, self._save = receivers, save

    async def step(self, book: Book, now: datetime) -> int:
        """Try what is due, all receivers at once; how many were taken."""
        done = await asyncio.gather(*(self._serve(name, book, now) for name in self._receivers))
        # A receiver that was taken out of the settings will never take what waits for it.
        kept = [each for each in book.waiting if each.receiver in self._receivers]
        if len(kept) < len(book.waiting):
            book.waiting = kept
            self._save()
        return sum(done)

    async def _serve(self, name: str, book: Book, now: datetime) -> int:
        """In order, until one is not taken: what comes after it would be told before it."""
        taken = 0
        for waiting in [each for each in book.waiting if each.receiver == name]:
            if waiting.not_before is not None and waiting.not_before > now:
                break
            try:
                await asyncio.wait_for(self._receivers[name].tell(waiting.notification), _SECONDS)
            except (ApplianceError, TimeoutError, OSError) as error:
                waiting.attempts += 1
                waiting.cause = str(error) or f"no answer within {_SECONDS:.0f} s"
                waiting.not_before = now + _pause(waiting.attempts)
                self._save()
                log.warning("alert_not_taken", receiver=name, attempts=waiting.attempts, cause=waiting.cause)
                break
            # By identity: evaluation may have put the list together anew meanwhile.
            book.waiting = [each for each in book.waiting if each is not waiting]
            self._save()
            taken += 1
        return taken


def _pause(attempts: int) -> timedelta:
    longest = min(_MOST_SECONDS, _FIRST_SECONDS * 2 ** min(attempts - 1, 10))
    # Spread, so that three nodes do not come back to a relay at the same moment.
    return timedelta(seconds=longest * random.uniform(0.5, 1.0))  # noqa: S311 — no secret
