"""
What is acknowledged while the database cannot commit: fsynced on this node, stored later exactly once.

A record is written whole to a temporary file, fsynced, renamed, and its directory fsynced, before the
sender hears 202. Ids and receive time were fixed before that, so storing a record twice changes
nothing. A record whose checksum is wrong is set aside and counted, never guessed at.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

import structlog

from appliance.telemetry.errors import IntakeUnavailable

log = structlog.get_logger()

_MAGIC = b"XDRSPL1\n"
_DIGEST_BYTES = 32


class SpoolPeer(Protocol):
    """
    The second copy of a spooled record, on another node.

    `copy` says whether one has fsynced it; without one the answer is `durability: node`.
    """

    async def copy(self, name: str, record: bytes) -> bool: ...

    async def forget(self, name: str) -> None: ...


class Spool:
    """
    A directory of records in order of receipt.

    Args:
        directory: Owned by this process alone.
        limit_bytes: Beyond it `append` refuses.
    """

    def __init__(self, directory: Path, limit_bytes: int) -> None:
        self._directory, self._limit = directory, limit_bytes
        directory.mkdir(parents=True, exist_ok=True)
        for leftover in directory.glob("*.tmp"):
            leftover.unlink()  # never acknowledged: the rename had not happened
        self.size_bytes = sum(path.stat().st_size for path in directory.glob("*.spool"))
        self.damaged = len(list(directory.glob("*.damaged")))

    def append(self, name: str, record: bytes) -> None:
        """
        Keep a record; when this returns it survives a power loss.

        Args:
            name: Sorts in order of receipt; the same name twice is the same record.
            record: Any bytes.

        Raises:
            IntakeUnavailable: The spool is full, or the disk refuses; nothing was kept.
        """
        if self.size_bytes + len(record) > self._limit:
            raise IntakeUnavailable(
                f"the spool holds {self.size_bytes} of {self._limit} bytes and the database does not answer"
            )
        temporary, final = self._directory / f"{name}.tmp", self._directory / f"{name}.spool"
        before = final.stat().st_size if final.exists() else 0
        try:
            _write_durably(temporary, _MAGIC + blake2b(record, digest_size=_DIGEST_BYTES).digest() + record)
            temporary.rename(final)
            _sync_directory(self._directory)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise IntakeUnavailable(f"the spool cannot be written: {error.strerror}") from error
        self.size_bytes += final.stat().st_size - before

    def records(self, *, older_than: float = 0.0) -> Iterator[tuple[str, bytes]]:
        """
        Records in order of receipt; damaged ones are set aside with a warning.

        Others may remove records meanwhile.

        Args:
            older_than: Seconds since a record was written; younger ones are left out.
        """
        latest = time.time() - older_than
        for path in sorted(self._directory.glob("*.spool")):
            try:
                if older_than and path.stat().st_mtime > latest:
                    continue
                record = _verified(path.read_bytes())
            except FileNotFoundError:
                continue  # forgotten since it was listed: its owner has stored it
            if record is None:
                self._set_aside(path)
            else:
                yield path.stem, record

    def read(self, name: str) -> bytes | None:
        """A record; None if it is not there, or damaged."""
        try:
            return _verified((self._directory / f"{name}.spool").read_bytes())
        except FileNotFoundError:
            return None

    def remove(self, name: str) -> None:
        """Forget a record, once the database has acknowledged its commit, or if it is not there."""
        path = self._directory / f"{name}.spool"
        with contextlib.suppress(FileNotFoundError):
            size = path.stat().st_size
            path.unlink()
            self.size_bytes -= size

    def is_empty(self) -> bool:
        return next(self._directory.glob("*.spool"), None) is None

    def _set_aside(self, path: Path) -> None:
        self.size_bytes -= path.stat().st_size
        self.damaged += 1
        kept = path.rename(path.with_suffix(".damaged"))
        log.error("spool_record_damaged", path=str(kept), remedy="restore it from the peer or ask the sender")


def _verified(stored: bytes) -> bytes | None:
    head = len(_MAGIC) + _DIGEST_BYTES
    digest, record = stored[len(_MAGIC) : head], stored[head:]
    if not stored.startswith(_MAGIC) or blake2b(record, digest_size=_DIGEST_BYTES).digest() != digest:
        return None
    return record


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
