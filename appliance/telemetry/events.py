"""
The normalised event: what every decoder produces and everything later reads.

Invariants:
- `fields` is flat, under Sigma taxonomy names (Sysmon names for Windows). Its values are `str`, `int`,
  `float`, `None` or a tuple of `str | int | float`. Booleans are spelled "true" and "false", because
  True == 1 would share a place in every memo; nested JSON is flattened with dots.
- Nothing in `fields` replaces the original: `start` and `end` point at the event's exact bytes in the
  body it arrived in, and those bytes are stored unchanged.
- Time is microseconds since the Unix epoch, UTC: a million datetimes a minute would cost more than
  matching does.
"""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import msgspec

Value = str | int | float | tuple[str | int | float, ...] | None


class LogSource(NamedTuple):
    """A Sigma log source. None means "not stated": a rule with None matches any."""

    category: str | None = None
    product: str | None = None
    service: str | None = None


class Event(msgspec.Struct, gc=False):
    """
    One event, decoded and normalised.

    Attributes:
        kind: What wrote it: "windows", "suricata.http", "zeek.dns", "cowrie.command", "linux.sshd" …
        channel: The Windows channel or other stream within the kind; "" where there is none.
        code: The event id within the channel, as text; "" where there is none.
        fields: Flat map under Sigma names.
        time: Microseconds since the epoch as the event itself says; 0 if it does not.
        host: The machine it happened on, lower case; "" if unknown.
        key: Natural key, 16 bytes, equal for a resent copy (host, channel, record id; or file, offset);
            None where the format carries nothing that identifies a record.
        start, end: Where the original lies in the body it arrived in, in bytes.
    """

    kind: str
    channel: str
    code: str
    fields: dict[str, Value]
    time: int = 0
    host: str = ""
    key: bytes | None = None
    start: int = 0
    end: int = 0

    @property
    def route(self) -> tuple[str, str, str]:
        """What decides which rules can match at all."""
        return (self.kind, self.channel, self.code)


class Malformed(msgspec.Struct, frozen=True):
    """A piece of a body that is no event: goes to the quarantine, never stops its batch."""

    start: int
    end: int
    reason: str


class Decoded(msgspec.Struct):
    """What a decoder made of one body."""

    events: list[Event]
    malformed: list[Malformed]


class Bounds(msgspec.Struct, frozen=True):
    """What a decoder accepts. Beyond it an event is malformed, with the bound named."""

    event_bytes: int = 1_048_576
    depth: int = 32
    fields: int = 1_024
    events: int = 100_000
    body_bytes: int = 64 * 1_048_576


class Decoder(Protocol):
    """
    Turns one body into events: a pure function without network, database or clock.

    It never raises on hostile input: what it cannot read it reports as malformed.
    """

    def __call__(self, body: bytes, bounds: Bounds, options: Mapping[str, str]) -> Decoded: ...
