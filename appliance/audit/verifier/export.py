"""
Reads an export: lines of UTF-8, each beginning with a letter and a space.

    H {"format":"xdr-audit-export","v":1,…}             first: the stream, its key, where it is taken up
    E seq sealed_at signature body                       a record with its entry, exact bytes
    M seq sealed_at signature leaf entry_id              a record whose entry is not there
    C signature body                                     a checkpoint, after the last record it covers
    S {"segment":…,"sources":[[source,events,root],…]}   a segment of events of the period that was asked for
    V event_id original                                  an event of the source that was asked for
    Z {"records":…}                                      last

Signatures and originals are base64url without padding; RFC 8785 text holds no line break, so a body is the
rest of its line.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain as joined
from typing import IO
from uuid import UUID

from .chain import Chain, Start
from .checkpoints import Checkpoint, read
from .evidence import Period
from .hashing import from_text
from .localising import Record
from .verdicts import Kind, Problem, Verdict

FORMAT, VERSION = "xdr-audit-export", 1
MOST_LINE_BYTES = 32 * 1_048_576
_DROPPED = b'{"action":"events.day_dropped"'


class NotAnExport(ValueError):
    """The file is none of ours, or it was cut off or damaged so that it cannot be read."""


@dataclass(frozen=True)
class Header:
    """
    Attributes:
        key: The raw public key that signs the first record of the export.
        keys: All that the appliance has published.
    """

    stream: UUID
    key: bytes
    keys: tuple[bytes, ...]
    start: Start
    period: tuple[bytes, int, int] | None


def verify(
    file: IO[bytes],
    *,
    pin: str = "",
    expected: Iterable[Checkpoint] = (),
    thorough: bool = False,
    allow_clock_back: bool = False,
) -> Verdict:
    """
    The verdict on an export.

    Args:
        pin: Fingerprint of a key that is known to be right.
        expected: Checkpoints kept elsewhere.
        thorough: Look at every signature.
        allow_clock_back: Go on where the clock went back.

    Raises:
        NotAnExport: It cannot be read as one.
    """
    lines = _lines(file)
    header = _header(next(lines, b""))
    chain = Chain(
        header.stream, header.key, pin=pin, others=header.keys, start=header.start, expected=expected,
        thorough=thorough, allow_clock_back=allow_clock_back,
    )  # fmt: skip
    reading = _Reading(chain, header)
    return reading.run(lines)


class _Reading:
    def __init__(self, chain: Chain, header: Header) -> None:
        self._chain, self._period = chain, None if header.period is None else Period(*header.period)
        if self._period is not None:
            chain.keep_segments_between(self._period.start_ms, self._period.end_ms)
        self._dropped: dict[str, int] = {}
        self._ended = False
        self._waiting: bytes | None = None

    def run(self, lines: Iterator[bytes]) -> Verdict:
        try:
            self._through(lines)
        except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
            raise NotAnExport(f"a line after record {self._chain.size} cannot be read: {error}") from error
        if not self._ended and self._chain.problem is None:
            message = f"the file ends after record {self._chain.size} without its last line: it was cut off"
            self._chain.fail(Problem(Kind.TRUNCATED, self._chain.size + 1, message))
        return self._verdict()

    def _through(self, lines: Iterator[bytes]) -> None:
        for line in lines:
            if self._ended:
                raise NotAnExport("there are lines after the last one")
            kind = line[:2]
            if kind in {b"E ", b"M "}:
                # Records come by the thousand: they are taken in without coming back here.
                if not self._chain.extend(self._records(joined((line,), lines))):
                    self._ended = True
                    return
                if self._waiting is None:
                    return
                line, self._waiting = self._waiting, None  # noqa: PLW2901 — the line that ended the records
            if not self._other(line):
                return

    def _records(self, lines: Iterator[bytes]) -> Iterator[Record]:
        made = tuple.__new__  # a named tuple at half the price
        for line in lines:
            kind = line[:2]
            if kind == b"E ":
                _, seq, at, signature, body = line.split(b" ", 4)
                if body.startswith(_DROPPED):
                    self._note_dropped(body)
                yield made(Record, (int(seq), int(at), signature, body, None, "", None))
            elif kind == b"M ":
                _, seq, at, signature, leaf, entry = line.split(b" ", 5)
                yield Record(
                    int(seq),
                    int(at),
                    from_text(signature),
                    None,
                    bytes.fromhex(leaf.decode()),
                    entry.decode(),
                )
            else:
                self._waiting = line
                return

    def _other(self, line: bytes) -> bool:
        kind, rest = line[:2], line[2:]
        if kind == b"C ":
            signature, body = rest.split(b" ", 1)
            return self._chain.checkpoint(read(body, from_text(signature)))
        if kind == b"Z ":
            self._ended = True
            return True
        if self._period is None:
            raise NotAnExport(f"a line begins with {kind!r}, which is no kind of ours")
        if kind == b"S ":
            self._period.segment(rest, self._chain.sealed)
        elif kind == b"V ":
            event_id, original = rest.split(b" ", 1)
            self._period.event(bytes.fromhex(event_id.decode()), from_text(original))
        else:
            raise NotAnExport(f"a line begins with {kind!r}, which is no kind of ours")
        return True

    def _note_dropped(self, body: bytes) -> None:
        detail = json.loads(body)["detail"]
        self._dropped[detail["day"]] = detail.get("segments", 0)

    def _verdict(self) -> Verdict:
        period = self._period
        verdict = self._chain.finish()
        if period is None or not verdict.ok:
            return verdict
        period.finish(self._chain.sealed, self._dropped)
        proved = {"segments": period.segments, "events": period.events}
        return replace(verdict, problem=period.problem, events=proved)


def _header(line: bytes) -> Header:
    if not line.startswith(b"H "):
        raise NotAnExport("this is no audit export: its first line is no header")
    try:
        said = json.loads(line[2:])
        start, asked = said["start"], said.get("period")
        known = (said["format"], said["v"]) == (FORMAT, VERSION)
        header = Header(
            stream=UUID(said["stream"]),
            key=bytes.fromhex(said["key"]),
            keys=tuple(bytes.fromhex(one) for one in said["keys"]),
            start=Start(
                int(start["size"]), bytes.fromhex(start["head"]), tuple(map(bytes.fromhex, start["peaks"]))
            ),
            period=None
            if asked is None
            else (UUID(asked["source"]).bytes, int(asked["from_ms"]), int(asked["to_ms"])),
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise NotAnExport(f"the first line is no header of an audit export: {error}") from error
    if not known:
        raise NotAnExport("this is an audit export of a version that this verifier does not know")
    return header


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    while line := file.readline(MOST_LINE_BYTES):
        if not line.endswith(b"\n"):
            if len(line) == MOST_LINE_BYTES:
                raise NotAnExport(f"a line is longer than {MOST_LINE_BYTES} bytes")
            return  # cut off in the middle: what is missing is named by whoever finds no last line
        yield line[:-1]
