"""
Breached passwords, offline: a sorted file of hash prefixes that an administrator imports.

Input is what Have I Been Pwned publishes, lines of `SHA1[:count]` in any order, or plain passwords, one a
line. Ten bytes of each SHA-1 are kept: among a billion entries one password in 10^15 is refused wrongly.
The file is looked up by bisection in a memory map, so its size costs no memory.
"""

import mmap
import os
import re
import tempfile
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from hashlib import sha1
from heapq import merge
from itertools import groupby, islice
from pathlib import Path
from typing import BinaryIO

from appliance.foundation.errors import Invalid
from appliance.identity.passwords import normal

_WIDTH = 10
_CHUNK = 2_000_000  # entries sorted at once: about 150 MB
_HASH = re.compile(rb"([0-9A-Fa-f]{40})(:\d+)?")
_LONGEST_LINE = 1_024


class BreachedPasswords:
    """
    Args:
        path: The imported file; while it is absent nothing is known.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __contains__(self, password: str) -> bool:
        if not self.entries:
            return False
        wanted = _key(normal(password).encode(errors="surrogatepass"))
        with self._path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as stored:
            rows = range(len(stored) // _WIDTH)
            place = bisect_left(rows, wanted, key=lambda row: stored[row * _WIDTH : (row + 1) * _WIDTH])
            return stored[place * _WIDTH : (place + 1) * _WIDTH] == wanted

    @property
    def entries(self) -> int:
        """How many are known; 0 if none was imported."""
        return self._path.stat().st_size // _WIDTH if self._path.exists() else 0


def import_list(source: BinaryIO, path: Path) -> int:
    """
    Replace the file at `path` by what `source` lists; the old one stays until the new one is whole.

    Returns:
        How many different passwords it holds.

    Raises:
        Invalid: Nothing is listed, or a line is too long to be a password; names the line.
    """
    with tempfile.TemporaryDirectory(dir=path.parent) as folder, ExitStack() as stack:
        parts = list(_sorted_parts(_keys(source), Path(folder)))
        streams = [_rows(stack.enter_context(part.open("rb"))) for part in parts]
        made = Path(folder) / "whole"
        with made.open("wb") as out:
            count = sum(1 for key, _ in groupby(merge(*streams)) if out.write(key))
            out.flush()
            os.fsync(out.fileno())
        if not count:
            raise Invalid("the list is empty; it holds `SHA1:count` or one password a line")
        made.replace(path)
    return count


def _keys(source: BinaryIO) -> Iterator[bytes]:
    for number, line in enumerate(source, start=1):
        bare = line.rstrip(b"\r\n")
        if len(bare) > _LONGEST_LINE:
            raise Invalid(f"line {number} has {len(bare)} bytes; this is no list of passwords or hashes")
        if match := _HASH.fullmatch(bare):
            yield bytes.fromhex(match[1].decode())[:_WIDTH]
        elif bare:
            yield _key(bare)


def _sorted_parts(keys: Iterable[bytes], folder: Path) -> Iterator[Path]:
    entries = iter(keys)
    number = 0
    while chunk := sorted(islice(entries, _CHUNK)):
        part = folder / str(number)
        part.write_bytes(b"".join(chunk))
        yield part
        number += 1


def _rows(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.read(_WIDTH), b"")


def _key(password: bytes) -> bytes:
    # S324: the published lists are of SHA-1; nothing is protected by it.
    return sha1(password, usedforsecurity=False).digest()[:_WIDTH]
