"""
Files that people carry in: plain, gzip, zstd, ZIP and tar archives, cut into batches of whole lines.

Bounded: an archive is refused before it is unpacked beyond what its size could honestly hold.
"""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import zstandard

from appliance.telemetry.errors import BodyTooLarge

PIECE_BYTES = 4 * 1_048_576
_MOST_RATIO = 200
_LEAST_UNPACKED = 64 * 1_048_576
_EVTX_MAGIC = b"ElfFile\x00"


class Piece(msgspec.Struct, frozen=True):
    """A batch: `name` and `offset` say where it came from, `form` is the decoder's name or "auto"."""

    name: str
    offset: int
    body: bytes
    form: str


def pieces(path: Path) -> Iterator[Piece]:
    """
    The batches of a file.

    Raises:
        BodyTooLarge: It unpacks to more than its size can honestly hold.
        OSError: It cannot be read.
    """
    for name, stream in _members(path):
        yield from _cut(name, stream)


def _members(path: Path) -> Iterator[tuple[str, io.BufferedIOBase]]:
    limit = max(_LEAST_UNPACKED, path.stat().st_size * _MOST_RATIO)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            _check(sum(entry.file_size for entry in archive.infolist()), limit, path)
            for entry in archive.infolist():
                # macOS puts a shadow of each file into its archives; it holds no telemetry.
                if not entry.is_dir() and not entry.filename.startswith("__MACOSX/"):
                    yield entry.filename, io.BytesIO(archive.read(entry))
    elif path.suffix in (".tar", ".tgz") or path.name.endswith((".tar.gz", ".tar.zst")):
        with tarfile.open(path) as tar:
            for member in tar:
                if member.isfile() and (found := tar.extractfile(member)) is not None:
                    _check(member.size, limit, path)
                    yield member.name, io.BytesIO(found.read())
    else:
        with path.open("rb") as file:
            yield path.name, _Bounded(_unpacked(path, file), limit, path)


def _check(size: int, limit: int, path: Path) -> None:
    if size > limit:
        raise BodyTooLarge(
            f"{path.name} unpacks to more than {limit} bytes; unpack it yourself if you trust it"
        )


def _unpacked(path: Path, file: io.BufferedReader) -> io.BufferedIOBase:
    if path.suffix == ".gz":
        return gzip.GzipFile(fileobj=file)
    if path.suffix == ".zst":
        return io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(file))
    return file


class _Bounded(io.BufferedIOBase):
    """Reads on until more came out than may."""

    def __init__(self, stream: io.BufferedIOBase, limit: int, path: Path) -> None:
        self._stream, self._limit, self._path, self._read = stream, limit, path, 0

    def read(self, size: int | None = -1, /) -> bytes:
        found = self._stream.read(size)
        self._read += len(found)
        _check(self._read, self._limit, self._path)
        return found


def _cut(name: str, stream: io.BufferedIOBase) -> Iterator[Piece]:
    """Whole lines up to the size of a piece; EVTX and JSON arrays stay whole."""
    head = stream.read(PIECE_BYTES)
    if head.startswith(_EVTX_MAGIC):
        yield Piece(name, 0, head + stream.read(), "evtx")
        return
    if head.lstrip()[:1] == b"[" or (head.lstrip()[:1] == b"{" and b"\n" not in head.strip()):
        yield Piece(name, 0, head + stream.read(), "auto")
        return
    offset = 0
    while head:
        cut = head.rfind(b"\n") + 1
        while not cut and (more := stream.read(PIECE_BYTES)):
            head += more
            cut = head.rfind(b"\n") + 1
        body = head[: cut or len(head)]
        yield Piece(name, offset, body, "auto")
        offset += len(body)
        head = head[len(body) :] + stream.read(PIECE_BYTES - (len(head) - len(body)))
