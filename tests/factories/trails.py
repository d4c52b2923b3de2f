"""A stream made by hand from known keys, to be exported honestly or forged; the same bytes at every run."""

import json
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.audit.service import canonical
from appliance.audit.verifier import checkpoints, merkle
from appliance.audit.verifier.evidence import event_leaf, segment_root, tallied
from appliance.audit.verifier.hashing import (
    CHECKPOINT,
    ORIGIN,
    fingerprint,
    leaf_hash,
    next_head,
    record_statement,
    rotation_statement,
    to_text,
)

STREAM = UUID("018f2b1e-0000-7000-8000-00000000000a")
NOON_US = 1_777_636_800_000_000
MINUTE_US, SECOND_US = 60_000_000, 1_000_000
KEY, NEXT_KEY, FOREIGN_KEY = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2, 3))
SOURCE, OTHER_SOURCE = UUID(int=0x50), UUID(int=0x51)


def raw(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


@dataclass(frozen=True)
class Line:
    """A record as it stands in an export; `body` None if the entry is gone."""

    seq: int
    at: int
    signature: bytes
    body: bytes | None
    leaf: bytes

    def text(self) -> bytes:
        signed = to_text(self.signature).encode()
        if self.body is None:
            return b"M %d %d %b %b %b" % (self.seq, self.at, signed, self.leaf.hex().encode(), b"gone")
        return b"E %d %d %b %b" % (self.seq, self.at, signed, self.body)


@dataclass(frozen=True)
class Mark:
    """A checkpoint as it stands in an export."""

    body: bytes
    signature: bytes

    def text(self) -> bytes:
        return b"C " + to_text(self.signature).encode() + b" " + self.body

    def kept(self) -> str:
        return json.dumps({"checkpoint": self.body.decode(), "signature": to_text(self.signature)})


@dataclass
class Stream:
    """Grows honestly; `lines` may then be forged."""

    key: Ed25519PrivateKey = KEY
    lines: list[Line | Mark] = field(default_factory=list)
    extra: list[bytes] = field(default_factory=list)
    period: dict[str, Any] | None = None
    now: int = NOON_US
    head: bytes = ORIGIN
    tree: merkle.Peaks = field(default_factory=merkle.Peaks)
    first_key: bytes = b""
    segments: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.first_key = self.first_key or raw(self.key)

    @property
    def size(self) -> int:
        return self.tree.size

    def entry(self, action: str = "test.done", **detail: Any) -> None:
        number = self.size + 1
        body = canonical(
            {
                "id": str(UUID(int=number)), "at": "2026-05-01T12:00:00.000000+00:00", "org": str(STREAM),
                "action": action, "outcome": "success", "subject": None,
                "actor": {"kind": "system", "id": None, "name": "vectors", "address": "", "session": None},
                "detail": detail or {"n": number},
            }
        )  # fmt: skip
        self.now += SECOND_US
        leaf = leaf_hash(body)
        self.head = next_head(self.head, leaf)
        self.tree.append(leaf)
        statement = record_statement(STREAM.bytes, self.size, self.now, self.head)
        self.lines.append(Line(self.size, self.now, self.key.sign(statement), body, leaf))

    def entries(self, count: int) -> "Stream":
        for _ in range(count):
            self.entry()
        return self

    def rotate(self, to: Ed25519PrivateKey) -> None:
        old, new = raw(self.key), raw(to)
        statement = rotation_statement(STREAM.bytes, old, new)
        self.entry(
            "audit.key_rotated", old=old.hex(), new=new.hex(), signed_by_old=to_text(self.key.sign(statement)),
            signed_by_new=to_text(to.sign(statement)),
        )  # fmt: skip
        self.key = to

    def checkpoint(self) -> "Stream":
        self.now += MINUTE_US
        marks = [one for one in self.lines if isinstance(one, Mark)]
        previous = checkpoints.read(marks[-1].body, b"").digest if marks else checkpoints.NO_CHECKPOINT
        body = canonical(
            checkpoints.fields(
                stream=str(STREAM), number=len(marks) + 1, size=self.size, head=self.head, root=self.tree.root(),
                at=self.now, key=fingerprint(raw(self.key)), previous=previous, segments=len(self.segments),
                events_root=merkle.root_of(self.segments),
            )
        )  # fmt: skip
        self.segments = []
        self.lines.append(Mark(body, self.key.sign(CHECKPOINT + body)))
        return self

    def segment(self, ms: int, events: list[tuple[UUID, bytes]]) -> list[tuple[bytes, bytes, bytes]]:
        """Seal a segment of events that was received at that millisecond: (source, original) each."""
        base = (ms << 80 | 0x8 << 76 | 0b10 << 62).to_bytes(16)
        made = [
            ((int.from_bytes(base) + n).to_bytes(16), source.bytes, body)
            for n, (source, body) in enumerate(events)
        ]
        sources = tallied((one, source, event_leaf(one, body)) for one, source, body in made)
        root = segment_root(sources)
        self.entry("events.sealed", segments=[[base.hex(), len(made), root.hex()]], lost=[])
        self.segments.append(leaf_hash(base + root))
        return made

    def show(self, made: list[tuple[bytes, bytes, bytes]], segment: bytes | None = None) -> None:
        """Put a segment's evidence into the export."""
        base = segment or (int.from_bytes(made[0][0]) >> 20 << 20).to_bytes(16)
        sources = tallied((one, source, event_leaf(one, body)) for one, source, body in made)
        listed = [[source.hex(), count, root.hex()] for source, count, root in sources]
        self.extra.append(b"S " + canonical({"segment": base.hex(), "sources": listed}))
        self.extra += [
            f"V {one.hex()} {to_text(body)}".encode() for one, source, body in made if source == SOURCE.bytes
        ]

    def export(self, keys: list[bytes] | None = None) -> bytes:
        head: dict[str, Any] = {
            "format": "xdr-audit-export", "v": 1, "stream": str(STREAM), "key": self.first_key.hex(),
            "keys": [key.hex() for key in keys or [self.first_key]],
            "start": {"size": 0, "head": ORIGIN.hex(), "peaks": []},
        }  # fmt: skip
        if self.period is not None:
            head["period"] = self.period
        records = sum(isinstance(one, Line) for one in self.lines)
        lines = [b"H " + canonical(head), *(one.text() for one in self.lines), *self.extra]
        return b"\n".join([*lines, b'Z {"records":%d}' % records, b""])

    def place(self, seq: int) -> int:
        """Where the record of that number stands in `lines`."""
        return next(n for n, one in enumerate(self.lines) if isinstance(one, Line) and one.seq == seq)

    def renumber(self) -> None:
        """Close gaps, as somebody would who has no key."""
        seq = 0
        for place, one in enumerate(self.lines):
            if isinstance(one, Line):
                seq += 1
                self.lines[place] = replace(one, seq=seq)

    def change(self, seq: int, **fields: Any) -> None:
        place = self.place(seq)
        self.lines[place] = replace(self.lines[place], **fields)


def honest() -> Stream:
    """Ten records, a checkpoint, ten more, a checkpoint."""
    return Stream().entries(10).checkpoint().entries(10).checkpoint()
