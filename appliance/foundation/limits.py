"""
Flood limits, per node: a leaky bucket (GCRA) for each address, account and kind of work.

Valkey counts for all processes of the node in one atomic script; without it each process counts for
itself, so a node with N processes lets N times as much through. Nothing authoritative is decided here:
sign-in delays are exact and live in Postgres (identity/delays.py).
"""

import time
from collections import OrderedDict
from collections.abc import Callable

import msgspec
from valkey.asyncio import Valkey
from valkey.exceptions import ValkeyError

from appliance.foundation.errors import Exhausted

_TIMEOUT_SECONDS = 0.25
_REST_SECONDS = 5.0
_MOST_KEYS = 50_000
_ROUNDING_SECONDS = 1e-6  # sums of floats are not exact

# KEYS[1]: the bucket. ARGV: seconds per request, burst in seconds. Answers 0, or milliseconds to wait.
_SCRIPT = """
local now = redis.call('TIME'); now = now[1] + now[2] / 1000000
local step, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
if due - now > burst + 0.000001 then return math.ceil((due - now - burst) * 1000) end
redis.call('SET', KEYS[1], tostring(due + step), 'PX', math.ceil((due + step - now) * 1000) + 1000)
return 0
"""


class Limit(msgspec.Struct, frozen=True):
    """So many a second in the long run, and so many at once."""

    name: str
    per_second: float
    burst: int


class Limits:
    """
    Args:
        valkey_url: Such as `valkey://localhost:6379/0`, or "" to count in this process.
        monotonic: Seconds that only grow; tests move them.
    """

    def __init__(self, valkey_url: str = "", *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._valkey = (
            Valkey.from_url(
                valkey_url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS
            )
            if valkey_url
            else None
        )
        self._now, self._rest_until = monotonic, 0.0
        self._due: OrderedDict[str, float] = OrderedDict()

    async def take(self, limit: Limit, who: str) -> None:
        """
        Count one request of `who`.

        Raises:
            Exhausted: Too many; says when to come back.
        """
        key = f"limit:{limit.name}:{who}"
        wait = await self._shared(key, limit)
        if wait is None:
            wait = self._own(key, limit, self._now())
        if wait > 0:
            seconds = max(1, round(wait + 0.5))
            raise Exhausted(
                f"too many requests ({limit.name}); try again in {seconds} s", retry_after_seconds=seconds
            )

    async def close(self) -> None:
        if self._valkey is not None:
            await self._valkey.aclose()

    async def _shared(self, key: str, limit: Limit) -> float | None:
        if self._valkey is None or self._now() < self._rest_until:
            return None
        step = 1 / limit.per_second
        try:
            waits = await self._valkey.eval(_SCRIPT, 1, key, repr(step), repr(step * (limit.burst - 1)))
            return float(waits) / 1000
        except (ValkeyError, OSError, TimeoutError):
            self._rest_until = self._now() + _REST_SECONDS
            return None

    def _own(self, key: str, limit: Limit, now: float) -> float:
        step = 1 / limit.per_second
        due = max(self._due.pop(key, now), now)
        over = due - now - step * (limit.burst - 1) - _ROUNDING_SECONDS
        self._due[key] = due if over > 0 else due + step
        while len(self._due) > _MOST_KEYS:
            self._due.popitem(last=False)
        return max(0.0, over)
