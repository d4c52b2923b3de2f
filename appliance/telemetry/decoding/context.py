"""What every part of a decoder needs to know about the body at hand, read from the options once."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo
from hashlib import blake2b
from typing import Any

from appliance.telemetry.decoding.times import day_of, from_anything, zone_named
from appliance.telemetry.events import Bounds, Event

# A log line inside a JSON document inside a syslog message is real; deeper nesting is an attack.
DEEPEST_NESTING = 4

_NOT_IN_A_KIND = re.compile(r"[^a-z0-9_.-]+")
_LONGEST_KIND_PART = 40


class Context:
    """
    One decoding run.

    Attributes:
        bounds: What is accepted.
        options: The source's settings as given.
        host: Stands in for a record that names no host: the option `host`, else `peer`.
        zone: For timestamps without an offset: the option `timezone`, else UTC.
        received_day: Days from the epoch to receipt (option `received`, microseconds or ISO); 0 if not given.
        object_event, text_event: Decode what is nested in a message; set by `dispatch`.
        nesting: How many messages deep the decoder is at the moment.
    """

    __slots__ = (
        "bounds",
        "host",
        "nesting",
        "object_event",
        "options",
        "received_day",
        "text_event",
        "zone",
    )

    def __init__(self, bounds: Bounds, options: Mapping[str, str]) -> None:
        self.bounds = bounds
        self.options = options
        self.host = (options.get("host") or options.get("peer") or "").lower()
        self.zone: tzinfo = zone_named(options.get("timezone", "")) if options.get("timezone") else UTC
        self.received_day = day_of(from_anything(options.get("received", "")))
        self.nesting = 0
        self.object_event: ObjectBuilder | None = None
        self.text_event: TextBuilder | None = None


ObjectBuilder = Callable[[dict[str, Any], Context, bytes], Event]
TextBuilder = Callable[[str, Context, bytes], Event]


def natural_key(*parts: bytes | str) -> bytes:
    """
    16 bytes equal for a resent copy of the same record and for nothing else.

    The whole original goes in beside what identifies it: two records confused would lose one of them,
    two copies kept only show one twice.
    """
    digest = blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(data).to_bytes(4, "big"))
        digest.update(data)
    return digest.digest()


def record_key(piece: bytes) -> bytes:
    """As `natural_key`, for a record whose own text holds all that identifies it."""
    return blake2b(piece, digest_size=16, person=b"record").digest()


def kind_part(text: object) -> str:
    """A piece of a kind out of what the sender wrote: short, lower case, without surprises."""
    if not isinstance(text, str):
        return "unknown"
    return _NOT_IN_A_KIND.sub("_", text[: 2 * _LONGEST_KIND_PART].lower())[:_LONGEST_KIND_PART] or "unknown"


def text_of(value: object) -> str:
    """A field's text where it is text, else ""."""
    return value if isinstance(value, str) else ""
