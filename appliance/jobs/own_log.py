"""
This machine's own log as a source: journald where it is readable, else the files under /var/log.

What cannot be read says so on the source, with the command that grants it; nothing is made up.
"""

import asyncio
import contextlib
import os
import shutil
from pathlib import Path

import structlog

from appliance.foundation.errors import ApplianceError
from appliance.foundation.settings import Settings
from appliance.telemetry.intake import Intake, Submission
from appliance.telemetry.schemas import GRANT, NOT_READABLE, OWN_LOG_LISTENER

log = structlog.get_logger()

_FILES = ("syslog", "messages", "auth.log", "kern.log", "daemon.log", "dpkg.log")
_LOOK_SECONDS = 1.0
_MOST_BYTES = 1_048_576
_RETRY_SECONDS = 5.0


class OwnLog:
    """`reads` says what is followed: the journal, files, nothing since it is off, or nothing readable."""

    def __init__(self, settings: Settings, intake: Intake) -> None:
        self._settings, self._intake = settings, intake
        self.reads = "off"

    async def follow(self) -> None:
        """For ever, if the settings want it and something is readable."""
        if not self._settings.ingest.monitor_own_log:
            return
        if await journal_is_readable():
            self.reads = "journal"
            await _follow_journal(self._settings, self._intake)
        files = readable_files()
        if not files:
            self.reads = NOT_READABLE
            log.warning("own_log_not_readable", remedy=GRANT)
            return
        self.reads = "files"
        await asyncio.gather(*(_follow_file(path, self._settings, self._intake) for path in files))


async def journal_is_readable() -> bool:
    if shutil.which("journalctl") is None:
        return False
    asked = await asyncio.create_subprocess_exec(
        "journalctl", "--lines=1", "--output=json", "--quiet",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    said, _ = await asked.communicate()
    return asked.returncode == 0 and bool(said.strip())


def readable_files() -> list[Path]:
    paths = [Path("/var/log") / name for name in _FILES]
    return [path for path in paths if path.is_file() and os.access(path, os.R_OK)]


async def _follow_journal(settings: Settings, intake: Intake) -> None:
    """The journal's cursor is kept after each acknowledgement; a restart goes on behind it."""
    cursor = settings.state_dir / "own-log.cursor"
    while True:
        start = f"--after-cursor={cursor.read_text()}" if cursor.exists() else "--lines=2000"
        reader = await asyncio.create_subprocess_exec(
            "journalctl", "--follow", "--output=json", "--all", start,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, limit=_MOST_BYTES,
        )  # fmt: skip
        try:
            await _pump_journal(reader, cursor, intake)
        finally:
            with contextlib.suppress(ProcessLookupError):
                reader.terminate()
        await asyncio.sleep(_RETRY_SECONDS)


async def _pump_journal(reader: asyncio.subprocess.Process, cursor: Path, intake: Intake) -> None:
    assert reader.stdout is not None, "it was asked for"
    while line := await reader.stdout.readline():
        lines = [line]
        with contextlib.suppress(TimeoutError):
            while sum(map(len, lines)) < _MOST_BYTES:
                lines.append(await asyncio.wait_for(reader.stdout.readline(), _LOOK_SECONDS))
        last = _cursor_of(lines)
        await _submit(intake, b"".join(lines), "journald", last)
        cursor.write_text(last)


def _cursor_of(lines: list[bytes]) -> str:
    newest = next(line for line in reversed(lines) if line.strip())
    _, _, rest = newest.partition(b'"__CURSOR":"')
    return rest.partition(b'"')[0].decode()


async def _follow_file(path: Path, settings: Settings, intake: Intake) -> None:
    """New lines of a file, by offset; rotation starts a new one, and whole lines only are taken."""
    mark = settings.state_dir / f"own-log.{path.name}.offset"
    while True:
        status = path.stat()
        inode, offset = _mark(mark)
        if inode != status.st_ino or offset > status.st_size:
            inode, offset = status.st_ino, 0
        lines = await asyncio.to_thread(_whole_lines, path, offset)
        if lines:
            await _submit(intake, lines, _format_of(path), f"{path}:{inode}:{offset}")
            mark.write_text(f"{inode} {offset + len(lines)}")
        else:
            await asyncio.sleep(_LOOK_SECONDS)


def _format_of(path: Path) -> str:
    # dpkg writes a time and a sentence, which a syslog parser would take for a time and a host.
    return "lines" if path.name == "dpkg.log" else "syslog"


def _mark(mark: Path) -> tuple[int, int]:
    if not mark.exists():
        return 0, 0
    inode, offset = mark.read_text().split()
    return int(inode), int(offset)


def _whole_lines(path: Path, offset: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        found = file.read(_MOST_BYTES)
    return found[: found.rfind(b"\n") + 1]


async def _submit(intake: Intake, body: bytes, form: str, batch_id: str) -> None:
    """Until it is acknowledged: this log has no other sender who would try again."""
    while True:
        try:
            await intake.accept(
                Submission(body=body, listener=OWN_LOG_LISTENER, format=form, batch_id=batch_id[:200])
            )
        except ApplianceError as error:
            log.warning("own_log_waits", cause=str(error))
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return
