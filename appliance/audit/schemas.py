"""What goes in and out of the trail's services."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from appliance.foundation.schema import Frozen, Inbound

Line = Annotated[str, msgspec.Meta(max_length=4_000)]


class EntryFilter(Inbound, frozen=True):
    """
    Which entries; what is left out does not restrict.

    Attributes:
        action: The whole of it, or its beginning up to a full stop, such as `user.`.
        start: From this moment on; `end` exclusive.
        seals: Also the entries by which segments of events were sealed, of which there are many.
    """

    actor: UUID | None = None
    action: str = ""
    subject: str = ""
    outcome: str = ""
    start: datetime | None = None
    end: datetime | None = None
    seals: bool = False


class ChainRecord(Frozen, frozen=True):
    """
    A record of the chain with its entry, as they are verified (docs/security/audit-format.md).

    Attributes:
        sealed_at_us: Microseconds since the epoch.
        body: The exact text that was hashed; None if the entry is not there.
        signature: Base64url without padding.
    """

    seq: int
    entry_id: str
    sealed_at_us: int
    leaf: str
    head: str
    signature: str
    body: str | None


class Entry(Frozen, frozen=True):
    """
    An entry for people: what is personal opened, where its key still exists.

    Attributes:
        actor: kind, id, name, address, session; name and address None once the person was erased.
        record: Its place in the chain; None until it is sealed.
    """

    id: str
    at: datetime
    action: str
    outcome: str
    subject: str | None
    actor: dict[str, Any]
    detail: dict[str, Any]
    body: str
    record: ChainRecord | None


class EntryPage(Frozen, frozen=True):
    items: list[Entry]
    next_cursor: str | None = None


class EntryProof(Frozen, frozen=True):
    """An entry and the proof (RFC 6962) that it is in the tree of the latest checkpoint that covers it."""

    entry: Entry
    checkpoint: dict[str, Any] | None
    proof: list[str]


class ChainPage(Frozen, frozen=True):
    """Records in order. `head` and `peaks` are the state before the first of them."""

    stream: str
    after: int
    head: str
    peaks: list[str]
    items: list[ChainRecord]
    next_after: int | None = None


class CheckpointView(Frozen, frozen=True):
    """A checkpoint: the exact text that is signed, its signature, and its most telling fields."""

    number: int
    size: int
    at: datetime
    key: str
    checkpoint: str
    signature: str


class PublicKeyView(Frozen, frozen=True):
    """`public_key` is the raw Ed25519 key in hex; WebCrypto takes those 32 bytes as "raw"."""

    fingerprint: str
    public_key: str
    state: str
    published_at: datetime
    activated_at: datetime | None
    retired_at: datetime | None


class VerificationOrder(Inbound, frozen=True):
    """
    How to verify.

    Attributes:
        fingerprint: Of a key that is known to be right.
        expect: Checkpoints that were kept elsewhere, as lines.
        events_from: Also verify the events received from then on, until `events_to`.
    """

    fingerprint: Annotated[str, msgspec.Meta(max_length=64)] = ""
    expect: Annotated[list[Line], msgspec.Meta(max_length=1_000)] = msgspec.field(default_factory=list)
    thorough: bool = False
    allow_clock_back: bool = False
    events_from: datetime | None = None
    events_to: datetime | None = None


class ExportOrder(Inbound, frozen=True):
    """
    What to export: the stream after record `after`; with a source, also its events of a period.

    Attributes:
        events_from: Of receipt; `events_to` exclusive.
    """

    after: Annotated[int, msgspec.Meta(ge=0)] = 0
    source_id: UUID | None = None
    events_from: datetime | None = None
    events_to: datetime | None = None
