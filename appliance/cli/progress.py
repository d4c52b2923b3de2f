"""Progress of an import: a bar on a terminal, a line for each file otherwise."""

import time
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from appliance.cli.inert import inert
from appliance.cli.session import Session
from appliance.cli.tallying import Tally

_LINE_SECONDS = 10.0


class ImportProgress:
    """
    Shown on standard error while an import runs.

    Args:
        size_bytes: Of all files as they lie on disk; None if nobody knows.
    """

    def __init__(self, session: Session, size_bytes: int | None) -> None:
        self._session, self._started, self._said = session, time.monotonic(), time.monotonic()
        self._events = 0
        is_live = session.stderr.is_terminal and not session.stderr.is_dumb_terminal
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=session.stderr,
            transient=True,
            disable=not is_live,
        )
        self._is_live = is_live
        self._task = self._bar.add_task("importing", total=size_bytes, rate="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._bar.stop()

    @property
    def seconds(self) -> float:
        return max(time.monotonic() - self._started, 0.001)

    def came(self, file: str, events: int, disk_bytes: int) -> None:
        """A batch of `file` was acknowledged; `disk_bytes` of what lies on disk are behind us."""
        self._events += events
        rate = f"{self._events / self.seconds:,.0f} events/s"
        self._bar.update(self._task, advance=disk_bytes, rate=rate, description=_short(file))
        if not self._is_live and time.monotonic() - self._said > _LINE_SECONDS:
            self._said = time.monotonic()
            self._session.say(f"{file}: {self._events:,} events so far, {rate}")

    def ended(self, tally: Tally, disk_bytes: int) -> None:
        """A file is done; `disk_bytes` of it had not been counted yet."""
        self._bar.update(self._task, advance=disk_bytes)
        if not self._is_live:
            self._said = time.monotonic()
            self._session.say(sentence(tally))


def sentence(tally: Tally) -> str:
    """One line about a file."""
    said = (
        f"{tally.file}: {tally.state}: {tally.received:,} received, {tally.stored:,} stored, "
        f"{tally.duplicates:,} duplicates, {tally.quarantined:,} quarantined, {tally.findings:,} findings"
    )
    if tally.spooled:
        said += f", {tally.spooled} batches spooled to be stored later"
    return f"{said}; {tally.reason}" if tally.reason else said


def _short(name: str) -> str:
    return Text(inert(name)[-40:]).markup
