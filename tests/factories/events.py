"""Events and segments as the pipeline would make them."""

from uuid import UUID, uuid4

from appliance.foundation.ids import segment_base
from appliance.telemetry.events import Event, Value
from appliance.telemetry.segments import EncodedSegment, SegmentWriter

# 2026-05-01T12:00:00Z
NOON = 1_777_636_800_000_000


def event(*, time: int = NOON, host: str = "wkstn-5", key: bytes | None = None, **fields: Value) -> Event:
    return Event(
        kind="windows", channel="Security", code="4688", fields=fields, time=time, host=host, key=key
    )


def segment(
    events: list[Event],
    *,
    received_ms: int = NOON // 1000,
    source: UUID | None = None,
    originals: list[bytes] | None = None,
) -> EncodedSegment:
    """A segment whose originals are the given bytes, or the repr of each event's fields."""
    bodies = originals or [repr(one.fields).encode() for one in events]
    at = 0
    for one, body in zip(events, bodies, strict=True):
        one.start, one.end = at, at + len(body)
        at += len(body)
    sources = [source or uuid4()] * len(events)
    return SegmentWriter().encode(
        segment_base(received_ms), events, sources, b"".join(bodies), rule_set="test", matched=len(events)
    )
