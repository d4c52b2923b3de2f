"""
An import: batches of many files on their way at once, each file tallied, each acknowledgement journalled.

Invariants:
- A file's journal goes only when every batch of it was acknowledged.
- What is refused for good fails its batch; what nobody takes ends the import, which can then go on later.
"""

from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import NamedTuple

import msgspec

from appliance.cli import reading
from appliance.cli.failures import CommandFailure, ExitCode
from appliance.cli.progress import ImportProgress
from appliance.cli.resuming import Journal
from appliance.cli.sending import Receipt, Sender
from appliance.cli.session import Session
from appliance.cli.tallying import Tally
from appliance.telemetry.carrying import Piece, pieces
from appliance.telemetry.errors import BodyTooLarge

_GO_ON = "run the same command again; it goes on where it was"
_ENDS_ALL = (ExitCode.DENIED, ExitCode.UNAVAILABLE, ExitCode.CONFLICT)


class Import:
    """One file under way."""

    def __init__(self, name: str, size_bytes: int, journal: Journal | None) -> None:
        self.tally, self.journal = Tally(name), journal
        self.left_bytes, self.open_batches, self.is_read = size_bytes, 0, False

    def take(self, size_bytes: int) -> int:
        """How much of the file on disk a batch of that size stands for: packed files are smaller."""
        taken = min(size_bytes, self.left_bytes)
        self.left_bytes -= taken
        return taken


class _Job(NamedTuple):
    file: Import
    place: int
    piece: Piece
    batch_id: str


class Delivery:
    """
    Delivers files or a stream.

    Attributes:
        failure: What ended it early; None if it came to its end.
    """

    def __init__(
        self,
        session: Session,
        sender: Sender,
        journals: Path,
        *,
        parallel: int,
        restart: bool,
        meant_for: str,
    ) -> None:
        self._session, self._sender, self._journals = session, sender, journals
        self._parallel, self._restart, self._meant_for = parallel, restart, meant_for
        self._waiting: dict[Future[Receipt], _Job] = {}
        self._imports: list[Import] = []
        self.failure: CommandFailure | None = None

    def files(self, files: list[Path], progress: ImportProgress) -> list[Tally]:
        """Every batch of every file, but for those that an earlier run sent."""
        self._run(self._jobs(files, progress), progress)
        return [one.tally for one in self._imports]

    def stream(self, progress: ImportProgress) -> list[Tally]:
        """Standard input until it ends."""
        file = Import("-", 0, None)
        self._imports.append(file)
        self._run(self._stream_jobs(file), progress)
        return [file.tally]

    def _run(self, jobs: Iterator[_Job], progress: ImportProgress) -> None:
        pool = ThreadPoolExecutor(self._parallel)
        try:
            for job in jobs:
                while len(self._waiting) >= self._parallel:
                    self._settle(progress)
                job.file.open_batches += 1
                self._waiting[pool.submit(self._sender.send, job.piece, job.batch_id)] = job
            while self._waiting:
                self._settle(progress)
        except CommandFailure as failure:
            if failure.code is ExitCode.UNAVAILABLE or not failure.next_step:
                failure.next_step = _GO_ON
            self.failure = failure
        except KeyboardInterrupt:
            self.failure = CommandFailure(
                "interrupted",
                code=ExitCode.INTERRUPTED,
                next_step=_GO_ON,
            )
        finally:
            self._sender.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            self._keep_the_rest(progress)

    def _jobs(self, files: list[Path], progress: ImportProgress) -> Iterator[_Job]:
        for path in files:
            file = Import(str(path), path.stat().st_size, None)
            self._imports.append(file)
            try:
                file.journal = self._journal(path)
                yield from self._jobs_of(path, file, progress)
            except (BodyTooLarge, *reading.UNREADABLE) as error:
                file.tally.fail(f"cannot be read: {error}")
            file.is_read = True
            self._end(file, progress)

    def _jobs_of(self, path: Path, file: Import, progress: ImportProgress) -> Iterator[_Job]:
        for place, piece in enumerate(pieces(path)):
            known = file.journal.done.get(place) if file.journal else None
            if known is None:
                yield _Job(file, place, piece, "")
            else:
                file.tally.add(msgspec.convert(known, Receipt), len(piece.body), resumed=True)
                progress.came(file.tally.file, 0, file.take(len(piece.body)))

    def _stream_jobs(self, file: Import) -> Iterator[_Job]:
        batch_id = ""
        for place, piece in enumerate(reading.stream_pieces(reading.standard_input())):
            batch_id = reading.chained(batch_id, piece.body)
            yield _Job(file, place, piece, batch_id)

    def _journal(self, path: Path) -> Journal:
        journal = Journal(self._journals, path, self._meant_for)
        if self._restart:
            journal.finish()
            journal.done.clear()
        elif journal.done:
            self._session.say(f"{path}: goes on after {len(journal.done)} batches of an earlier run")
        return journal

    def _settle(self, progress: ImportProgress) -> None:
        """Wait for one batch at least; what ends all is raised."""
        for done in wait(self._waiting, return_when=FIRST_COMPLETED).done:
            self._account(done, self._waiting.pop(done), progress)

    def _account(self, done: Future[Receipt], job: _Job, progress: ImportProgress) -> None:
        size = len(job.piece.body)
        job.file.open_batches -= 1
        try:
            receipt = done.result()
        except CommandFailure as failure:
            job.file.tally.fail(f"{job.piece.name} at byte {job.piece.offset}: {failure}")
            if failure.code in _ENDS_ALL:
                raise
        else:
            job.file.tally.add(receipt, size)
            if job.file.journal:
                job.file.journal.add(job.place, msgspec.to_builtins(receipt))
            progress.came(job.file.tally.file, receipt.received, job.file.take(size))
        self._end(job.file, progress)

    def _end(self, file: Import, progress: ImportProgress) -> None:
        if file.is_read and not file.open_batches:
            progress.ended(file.tally, file.take(file.left_bytes))
            if file.journal and not file.tally.failed:
                file.journal.finish()

    def _keep_the_rest(self, progress: ImportProgress) -> None:
        """What was acknowledged while we stopped must not be sent again."""
        for future, job in list(self._waiting.items()):
            if future.done() and not future.cancelled() and future.exception() is None:
                self._account(future, job, progress)
        self._waiting.clear()
