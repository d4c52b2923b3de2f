"""The parser processes of ingest: started, fed one unit at a time each, replaced when they die."""

import asyncio
import contextlib
import socket
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
import structlog

from appliance.detection.pipeline import PreparationFailed, Prepared, Unit
from appliance.foundation.errors import Unavailable
from appliance.jobs.worker import READY, unpacked

log = structlog.get_logger()

_START_SECONDS = 120.0
_TRY_AGAIN_SECONDS = 1.0
_UNIT_SECONDS = 120.0  # far beyond the worst unit; a worker this slow is stuck
_decode = msgspec.msgpack.Decoder(Prepared).decode
_encode = msgspec.msgpack.Encoder().encode


class Worker:
    """One confined process and the pipe to it."""

    def __init__(self, rules: Path, cache: Path) -> None:
        ours, theirs = socket.socketpair()
        self._process = subprocess.Popen(  # noqa: S603 — our own module, no shell
            [sys.executable, "-m", "appliance.jobs.worker", str(theirs.fileno()), str(rules), str(cache)],
            pass_fds=(theirs.fileno(),),
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONPATH": ":".join(sys.path[1:])},
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        self._pipe = Connection(ours.detach())
        self.rule_set = ""

    async def ready(self) -> None:
        """
        Wait until it has loaded and confined itself.

        Raises:
            Unavailable: It did not come up; its own message is in the journal.
        """
        try:
            said = await asyncio.wait_for(asyncio.to_thread(self._pipe.recv_bytes), _START_SECONDS)
        except (EOFError, OSError, TimeoutError) as error:
            self.kill()
            raise Unavailable("a matching worker did not start; see the journal") from error
        self.rule_set = said.removeprefix(READY).decode()

    async def prepare(self, unit: Unit) -> Prepared:
        """
        The prepared unit.

        Raises:
            PreparationFailed: The worker gave up, died or got stuck; in the last two cases it is gone.
        """
        try:
            answer = await asyncio.wait_for(asyncio.to_thread(self._ask, _encode(unit)), _UNIT_SECONDS)
        except (EOFError, OSError, TimeoutError) as error:
            self.kill()
            raise PreparationFailed(f"the worker was lost: {type(error).__name__}") from error
        return _decode(unpacked(answer))

    def _ask(self, request: bytes) -> bytes:
        self._pipe.send_bytes(request)
        return self._pipe.recv_bytes()

    @property
    def is_alive(self) -> bool:
        return not self._pipe.closed and self._process.poll() is None

    def close(self) -> None:
        """Let it end by itself."""
        self._pipe.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._pipe.close()


class Workers:
    """
    A pool whose rule set can be exchanged while it works.

    Args:
        count: How many run side by side.
        cache: The directory of the compiled-rule cache.
    """

    def __init__(self, count: int, cache: Path) -> None:
        self._count, self._cache = count, cache
        self._rules: Path | None = None
        self._idle: asyncio.Queue[Worker] = asyncio.Queue()
        self._replacing: set[asyncio.Task[None]] = set()
        self.rule_set = ""

    async def exchange(self, rules: Path) -> None:
        """
        Start workers with this rule set; those that run finish their unit and end.

        Raises:
            Unavailable: They do not start; the old ones go on.
        """
        fresh = [Worker(rules, self._cache) for _ in range(self._count)]
        await asyncio.gather(*(worker.ready() for worker in fresh))
        self._rules, self.rule_set = rules, fresh[0].rule_set
        while not self._idle.empty():
            await asyncio.to_thread(self._idle.get_nowait().close)
        for worker in fresh:
            self._idle.put_nowait(worker)
        log.info("rule_set_exchanged", version=self.rule_set, workers=self._count)

    async def prepare(self, unit: Unit) -> Prepared:
        """
        Have a worker prepare the unit; a lost worker is replaced.

        Raises:
            PreparationFailed: The unit is poison.
        """
        worker = await self._idle.get()
        try:
            return await worker.prepare(unit)
        finally:
            await self._give_back(worker)

    async def _give_back(self, worker: Worker) -> None:
        if not worker.is_alive:
            # In the background: who waits for the lost one's unit need not wait for its successor too.
            task = asyncio.create_task(self._replace())
            self._replacing.add(task)
            task.add_done_callback(self._replacing.discard)
        elif worker.rule_set == self.rule_set:
            self._idle.put_nowait(worker)
        else:
            await asyncio.to_thread(worker.close)  # an older rule set: `exchange` has put others in its place

    async def _replace(self) -> None:
        """Until one comes up: a pool without workers would never answer again."""
        while True:
            assert self._rules is not None, "a worker ran, so there was a rule set"
            wanted, worker = self.rule_set, Worker(self._rules, self._cache)
            try:
                await worker.ready()
            except Unavailable:
                log.exception("worker_not_replaced", remedy="memory or the rule set; see the lines above")
                await asyncio.sleep(_TRY_AGAIN_SECONDS)
                continue
            if wanted == self.rule_set:
                self._idle.put_nowait(worker)
            else:
                worker.close()
            return

    async def close(self) -> None:
        for task in self._replacing:
            task.cancel()
        while not self._idle.empty():
            await asyncio.to_thread(self._idle.get_nowait().close)
