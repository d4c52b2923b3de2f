"""
A short memory shared by the processes of a node: Valkey, where there is one.

Nothing in it is authoritative. Every answer can be made again from the database, and is, when Valkey is
not configured, does not answer, or has forgotten. Keys begin with the organisation: one cannot read
another's.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog
from valkey.asyncio import Valkey
from valkey.exceptions import ValkeyError

from appliance.foundation.actors import Scope
from appliance.foundation.observability import CACHE_HITS, CACHE_MISSES

log = structlog.get_logger()

_TIMEOUT_SECONDS = 0.25
_REST_SECONDS = 5.0  # after a failure it is left alone for so long: a dead cache must not slow every request


class Cache:
    """
    Args:
        url: Such as `valkey://localhost:6379/0`, or "" for none.
    """

    def __init__(self, url: str) -> None:
        self._valkey = (
            Valkey.from_url(url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS)
            if url
            else None
        )
        self._rest_until = 0.0

    async def get_or_make(
        self, scope: Scope, name: str, seconds: int, make: Callable[[], Awaitable[dict[str, Any]]]
    ) -> dict[str, Any]:
        """The remembered answer if it is younger than `seconds`; else a new one, remembered if possible."""
        key = f"xdr:{scope.org_id}:{name}"
        found = await self._try(lambda valkey: valkey.get(key))
        if found is not None:
            CACHE_HITS.inc()
            return msgspec.json.decode(found, type=dict[str, Any])
        CACHE_MISSES.inc()
        made = await make()
        await self._try(lambda valkey: valkey.set(key, msgspec.json.encode(made), ex=seconds))
        return made

    async def state(self) -> tuple[str, str]:
        """ok, down or not_configured, found out by asking; and what that means."""
        if self._valkey is None:
            return "not_configured", "not needed; without it some answers are computed more often"
        try:
            await self._valkey.ping()
        except (ValkeyError, OSError) as error:
            return "down", f"{error}; the appliance works on without it, slower"
        return "ok", "answers"

    async def close(self) -> None:
        if self._valkey is not None:
            await self._valkey.aclose()

    async def _try(self, ask: Callable[["Valkey"], Awaitable[Any]]) -> Any:
        if self._valkey is None or time.monotonic() < self._rest_until:
            return None
        try:
            return await ask(self._valkey)
        except (ValkeyError, OSError) as error:
            self._rest_until = time.monotonic() + _REST_SECONDS
            log.warning("cache_left_alone", cause=str(error), seconds=_REST_SECONDS)
            return None
