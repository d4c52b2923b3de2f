"""What `xdr ingest` is given: files, folders, standard input, cut into batches."""

import os
import select
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from tarfile import TarError

from zstandard import ZstdError

from appliance.cli.failures import invalid
from appliance.telemetry.carrying import Piece

# What unpacking a damaged or encrypted file may raise; a bad file must not end the import.
UNREADABLE = (OSError, EOFError, RuntimeError, zlib.error, ZstdError, TarError, zipfile.BadZipFile)

_STREAM_BYTES = 1_048_576
_STREAM_SECONDS = 1.0
_WHOLE_BYTES = 64 * 1_048_576
_EVTX = b"ElfFile\x00"
_PACKED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04")

# Waits up to that many seconds for bytes: some, none yet (None), or no more at all (b"").
Read = Callable[[float], bytes | None]


def files_of(paths: list[Path]) -> list[Path]:
    """
    The files meant, folders walked in order of path; links and hidden files inside folders are left out.

    Raises:
        CommandFailure: One of the paths is not there, or there is no file at all.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += [one for one in sorted(path.rglob("*")) if _is_meant(one, path)]
        elif path.exists():
            found.append(path)
        else:
            raise invalid(f"there is no {path}")
    if not found:
        raise invalid(f"there is no file in {', '.join(str(path) for path in paths)}")
    return found


def _is_meant(path: Path, below: Path) -> bool:
    is_hidden = any(part.startswith(".") for part in path.relative_to(below).parts)
    return not is_hidden and path.is_file() and not path.is_symlink() and path.stat().st_size > 0


def standard_input() -> Read:
    """Standard input as a `Read`."""
    stream = sys.stdin.buffer
    try:
        handle = stream.fileno()
    except OSError:
        return lambda _seconds: stream.read(_STREAM_BYTES)  # no descriptor to wait on: it is in memory

    def read(seconds: float) -> bytes | None:
        ready, _, _ = select.select([handle], [], [], seconds)
        return os.read(handle, _STREAM_BYTES) if ready else None

    return read


def stream_pieces(read: Read) -> Iterator[Piece]:
    """
    Whole lines as they come: a batch each second or each megabyte. EVTX and JSON arrays stay whole.

    Raises:
        CommandFailure: It is packed, or one document larger than a batch may be.
    """
    held, offset = _first(read), 0
    if held.startswith(_PACKED):
        raise invalid("standard input is compressed", "unpack it on the way: zcat FILE | xdr ingest -")
    if held.startswith(_EVTX) or held.lstrip()[:1] == b"[":
        yield Piece("-", 0, _whole(read, held), "evtx" if held.startswith(_EVTX) else "auto")
        return
    due, is_open = time.monotonic() + _STREAM_SECONDS, True
    while held or is_open:
        more = read(max(0.0, due - time.monotonic())) if is_open and len(held) < _STREAM_BYTES else None
        is_open = is_open and more != b""
        held += more or b""
        if not is_open or len(held) >= _STREAM_BYTES or time.monotonic() >= due:
            cut = len(held) if not is_open else _cut(held)
            if cut:
                yield Piece("-", offset, held[:cut], "auto")
                held, offset = held[cut:], offset + cut
            due = time.monotonic() + _STREAM_SECONDS


def chained(previous: str, body: bytes) -> str:
    """
    The batch id of the next piece of a stream.

    It depends on all that came before: two equal seconds of a stream are two batches, yet the same file
    piped twice has the same ids.
    """
    return sha256(previous.encode() + b"\n" + body).hexdigest()


def _first(read: Read) -> bytes:
    while True:
        some = read(3600.0)
        if some is not None:
            return some


def _whole(read: Read, held: bytes) -> bytes:
    parts, size = [held], len(held)
    while (some := read(3600.0)) != b"":
        parts.append(some or b"")
        size += len(some or b"")
        if size > _WHOLE_BYTES:
            raise invalid(f"one document of more than {_WHOLE_BYTES} bytes", "send its events as lines")
    return b"".join(parts)


def _cut(held: bytes) -> int:
    cut = held.rfind(b"\n") + 1
    if not cut and len(held) > _WHOLE_BYTES:
        raise invalid(f"a line of more than {_WHOLE_BYTES} bytes")
    return cut
