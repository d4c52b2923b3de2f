"""
Identifiers that sort by the moment they were made.

An event's id is its segment's first id plus its place: 48 bits of milliseconds, version 8, 54 random
bits and 20 bits of place (RFC 9562). Thus a page of events in id order is a page in order of receipt,
and an id names its event without an index of ids.
"""

import os
from uuid import UUID

from appliance.foundation.clock import Clock

PLACE_BITS = 20
EVENTS_PER_SEGMENT = 1 << PLACE_BITS


def uuid7(unix_ms: int) -> UUID:
    """A version 7 UUID (RFC 9562) for that millisecond."""
    rand = int.from_bytes(os.urandom(10))
    value = (
        (unix_ms & (2**48 - 1)) << 80
        | 0x7 << 76
        | (rand >> 68 & 0xFFF) << 64
        | 0b10 << 62
        | rand & (2**62 - 1)
    )
    return UUID(int=value)


def segment_base(unix_ms: int) -> int:
    """The first event id of a new segment, as an integer with a zero place."""
    rand = int.from_bytes(os.urandom(7))
    high = (unix_ms & (2**48 - 1)) << 80 | 0x8 << 76 | (rand & 0xFFF) << 64 | 0b10 << 62
    return high | (rand >> 12 & (2**42 - 1)) << PLACE_BITS


def new_id(clock: Clock) -> UUID:
    return uuid7(int(clock.now().timestamp() * 1000))
