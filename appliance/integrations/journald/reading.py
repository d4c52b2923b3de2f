"""
Reads the journal of each node through a process of its own: `journalctl`, there or over ssh.

Invariants:
- A node that cannot be read is told, and does not stop the others.
- No line longer than `_LONGEST` is held.
- No process outlives its reader.
"""

import shlex
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from queue import Queue
from threading import Thread
from typing import IO, Self

import msgspec

from appliance.cluster.timeline import Entry, Level
from appliance.integrations.journald.parsing import FIELDS, entry

# journalctl bounds each field, so that a longer line comes from something else.
_LONGEST = 1_048_576
_SAID = 2_000
_HELD = 1_000
# What journalctl says where no unit matches a pattern; that is an answer, and no failure.
_NOTHING_MATCHES = "Failed to add filter for units: No data available"


class Wanted(msgspec.Struct, frozen=True):
    """
    Which entries.

    Attributes:
        units: Names or patterns such as `xdr-*`; all without any.
        level: This one and the graver ones.
        follow: Go on with what is written from now on.
    """

    since: datetime | None = None
    until: datetime | None = None
    units: tuple[str, ...] = ()
    level: Level | None = None
    follow: bool = False


def asking(wanted: Wanted, directory: str = "") -> list[str]:
    """
    The `journalctl` that prints them.

    Args:
        directory: Of journal files, in the place of the machine's own.
    """
    words = [
        "/usr/bin/journalctl",
        "--quiet",
        "--no-pager",
        "--output=json",
        f"--output-fields={','.join(FIELDS)}",
    ]
    words += [f"--directory={directory}"] if directory else []
    words += [f"--since=@{wanted.since.timestamp():.6f}"] if wanted.since else []
    words += [f"--until=@{wanted.until.timestamp():.6f}"] if wanted.until else []
    words += [f"--unit={unit}" for unit in wanted.units]
    words += [f"--priority={wanted.level}"] if wanted.level else []
    return [*words, *(["--follow"] if wanted.follow else [])]


def quoted(words: list[str]) -> str:
    """For the shell at the other end of ssh."""
    return shlex.join(words)


class Reader:
    """
    One node's journal. As a context it starts and ends its process.

    Args:
        tell: Told why the journal could not be read, or not to its end.

    Attributes:
        failed: Whether that happened.
    """

    def __init__(self, node: str, command: list[str], tell: Callable[[str], None]) -> None:
        self.node, self.failed = node, False
        self._command, self._tell = command, tell
        # A pipe that nobody empties would stop the process.
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 — closed in __exit__
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._process = subprocess.Popen(  # noqa: S603 — commands of this module and of `cli.reaching`
                self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._errors
            )
        except OSError as error:
            self._fail(str(error))
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
        self._errors.close()

    def entries(self) -> Iterator[Entry]:
        """As they come; what is no entry is counted and told at the end."""
        if self._process is None or self._process.stdout is None:
            return
        unreadable = 0
        for line in _lines(self._process.stdout):
            try:
                yield entry(line, self.node)
            except ValueError:
                unreadable += 1
        if unreadable:
            self._fail(f"{unreadable} entries could not be read")
        self._ended(self._process.wait())

    def _ended(self, status: int) -> None:
        if not status:
            return
        self._errors.seek(0)
        said = self._errors.read(_SAID).decode("utf-8", "backslashreplace").strip()
        if said != _NOTHING_MATCHES:
            self._fail(said or f"{self._command[0]} ended with {status}")

    def _fail(self, why: str) -> None:
        self.failed = True
        self._tell(f"{self.node}: {why}")


def following(readers: Iterable[Reader]) -> Iterator[Entry]:
    """
    The entries of all as they are written, until every process has ended.

    A merge by time would wait for the quietest node before it shows anything.
    """
    arrived: Queue[Entry | None] = Queue(_HELD)
    open_ends = [Thread(target=_pour, args=(reader, arrived), daemon=True) for reader in readers]
    for each in open_ends:
        each.start()
    left = len(open_ends)
    while left:
        found = arrived.get()
        if found is None:
            left -= 1
        else:
            yield found


def _pour(reader: Reader, into: Queue[Entry | None]) -> None:
    try:
        # Closed under the thread when the command ends.
        with suppress(ValueError):
            for found in reader.entries():
                into.put(found)
    finally:
        into.put(None)


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Each line; of one that is too long its beginning, which is no entry."""
    while line := stream.readline(_LONGEST):
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = stream.readline(_LONGEST)
        yield line
