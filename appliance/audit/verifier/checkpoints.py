"""A checkpoint: the state of a stream at one moment, signed, small enough to keep elsewhere or to print."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from .hashing import CHECKPOINT, from_text, is_signed, to_text

NO_CHECKPOINT = "0" * 64


@dataclass(frozen=True)
class Checkpoint:
    """
    Attributes:
        body: The exact bytes that are signed: RFC 8785 JSON of what follows.
        number: From 1, without gaps.
        size: How many records it covers.
        at: Microseconds since the epoch.
        key: Fingerprint of the key that signed.
        previous: SHA-256 of the body of the checkpoint before, in hex.
        segments: How many segments of events were sealed since then, `events_root` the root over them.
    """

    body: bytes
    signature: bytes
    stream: str
    number: int
    size: int
    head: str
    root: str
    at: int
    key: str
    previous: str
    segments: int
    events_root: str

    @property
    def digest(self) -> str:
        return sha256(self.body).hexdigest()

    def is_signed_by(self, key: bytes) -> bool:
        return is_signed(key, self.signature, CHECKPOINT + self.body)

    def as_json(self) -> str:
        """One line to keep; `parsed` reads it."""
        return json.dumps({"checkpoint": self.body.decode(), "signature": to_text(self.signature)})


def fields(
    *, stream: str, number: int, size: int, head: bytes, root: bytes, at: int, key: str, previous: str,
    segments: int, events_root: bytes,
) -> dict[str, Any]:  # fmt: skip
    """What a checkpoint's body says, to be written as RFC 8785 JSON."""
    return {
        "v": 1, "stream": stream, "n": number, "size": size, "head": head.hex(), "root": root.hex(),
        "at_us": at, "key": key, "previous": previous,
        "events": {"segments": segments, "root": events_root.hex()},
    }  # fmt: skip


def read(body: bytes, signature: bytes) -> Checkpoint:
    """
    A checkpoint from its two parts; the signature is not checked here.

    Raises:
        ValueError: It is none.
    """
    try:
        said = json.loads(body)
        events = said["events"]
        return Checkpoint(
            body=body, signature=signature, stream=said["stream"], number=said["n"], size=said["size"],
            head=said["head"], root=said["root"], at=said["at_us"], key=said["key"],
            previous=said["previous"], segments=events["segments"],
            events_root=events["root"],
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"this is no checkpoint: {body[:80]!r}") from error


def parsed(line: str | bytes) -> Checkpoint:
    """A checkpoint from the line that was kept; errors as in `read`."""
    try:
        said = json.loads(line)
        return read(said["checkpoint"].encode(), from_text(said["signature"]))
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"this is no checkpoint: {line[:80]!r}") from error


def parsed_all(lines: Iterable[str | bytes]) -> list[Checkpoint]:
    """All checkpoints of a file that was kept, one a line; a syslog header before the JSON is passed over."""
    found = []
    for raw in lines:
        line = raw.decode() if isinstance(raw, bytes) else raw
        if (start := line.find('{"checkpoint"')) >= 0:
            found.append(parsed(line[start:].strip()))
    return found
