"""Follows the active rule set, for processes that match by it."""

from collections.abc import AsyncIterator
from uuid import UUID

from sqlalchemy import text

from appliance.detection.loading import RuleFile
from appliance.detection.sigma.rules import RuleSource
from appliance.foundation.database import Database, platform_transaction
from appliance.foundation.errors import Unavailable
from appliance.foundation.feed import wakeups

RULES_CHANNEL = "xdr_rules"


class RuleFollower:
    """Knows which set it gave out last."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._given: UUID | None = None

    async def current(self) -> RuleFile:
        """
        The active set's sources and the log sources seen so far, for compiling ahead.

        Raises:
            Unavailable: The database does not answer, or no set is loaded yet.
        """
        async with platform_transaction(self._database) as session:
            active = (
                await session.execute(text("SELECT id FROM rule_sets WHERE active"))
            ).scalar_one_or_none()
            if active is None:
                raise Unavailable("no rules are loaded yet")
            rows = await session.execute(
                text("SELECT path, body, owner_org_id FROM rules WHERE set_id = :id ORDER BY place"),
                {"id": active},
            )
            sources = {row.path: RuleSource(row.path, row.body, _owner(row.owner_org_id)) for row in rows}
            seen = await session.execute(
                text(
                    "SELECT kind, channel, code FROM routes_seen GROUP BY 1, 2, 3"
                    " ORDER BY sum(events) DESC LIMIT 500"
                )
            )
            routes = tuple((row.kind, row.channel, row.code) for row in seen)
        self._given = active
        # The order of precedence: starter pack first, then by path.
        return RuleFile(sources=tuple(sources.values()), expand={}, cache_key=b"", routes=routes)

    async def changes(self) -> AsyncIterator[RuleFile]:
        """Each new active set, for ever; an outage of the database is waited out."""
        async with wakeups(self._database, RULES_CHANNEL) as woken:
            while True:
                await woken.wait()
                try:
                    if await self._active() not in (None, self._given):
                        yield await self.current()
                except Unavailable:
                    continue

    async def _active(self) -> UUID | None:
        async with platform_transaction(self._database) as session:
            found: UUID | None = (
                await session.execute(text("SELECT id FROM rule_sets WHERE active"))
            ).scalar_one_or_none()
            return found


def _owner(org_id: UUID | None) -> str:
    return "" if org_id is None else org_id.hex
