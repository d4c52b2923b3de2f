"""
The seam between receivers (which speak a wire protocol) and the pipeline (which stores and matches).

A receiver authenticates nothing and stores nothing: it frames bytes, calls `Intake.accept` once per
batch and translates the receipt into its protocol's acknowledgement. What each transport acknowledges
is written in docs/telemetry.md.
"""

from enum import StrEnum
from typing import Protocol

import msgspec


class Durability(StrEnum):
    """Where an acknowledged batch lies."""

    COMMITTED = "committed"  # HTTP 201: in the database, matched
    NODE = "node"  # HTTP 202: fsynced in this node's spool, matched and stored later, exactly once
    CLUSTER = "cluster"  # HTTP 202: so, and in another node's, which stores it if this one is lost


class Submission(msgspec.Struct, frozen=True):
    """
    One batch as it came off the wire.

    Attributes:
        credential: The source token as sent; "" for transports without one (`listener` names the source).
        listener: The name of the configured listener it came through, such as "syslog-udp"; "" for HTTP.
        source: The source named in the request path; "" where the token alone says it.
        body: The uncompressed bytes, exactly as sent.
        format: The decoder's name ("auto" lets the source's setting decide).
        batch_id: The client's idempotency key; "" if it sends none.
        peer: The sender's address, for records without a host.
        signature: Hex HMAC-SHA256 the client sent over the body; "" if none.
    """

    body: bytes
    credential: str = ""
    listener: str = ""
    source: str = ""
    format: str = "auto"
    batch_id: str = ""
    peer: str = ""
    signature: str = ""


class Receipt(msgspec.Struct, frozen=True):
    """What became of a batch. `repeated`: it had been stored before, and the counts are of that time."""

    batch_id: str
    durability: Durability
    received: int = 0
    stored: int = 0
    duplicates: int = 0
    quarantined: int = 0
    findings: int = 0
    repeated: bool = False


class Intake(Protocol):
    """
    Takes batches.

    Raises (all in `appliance.telemetry.errors`):
        SourceUnknown: The credential or listener names no enabled source. HTTP 401.
        BodyTooLarge: HTTP 413.
        IntakeFull: A physical limit is reached; carries `retry_after_seconds`. HTTP 429, or 503 when
            neither database nor spool can take it.
    """

    async def accept(self, submission: Submission) -> Receipt: ...
