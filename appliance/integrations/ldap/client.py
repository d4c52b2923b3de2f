"""The directory port: questions to the worker process, which is started when first needed."""

import asyncio
import contextlib
import os
import sys
from itertools import count

import msgspec
import structlog

from appliance.identity.federation_errors import DirectoryUnavailable
from appliance.identity.federation_schemas import LdapConfig, Person, Step
from appliance.identity.ports import Checked
from appliance.integrations.ldap.messages import LENGTH, MOST_FRAME_BYTES, Answer, Ask, framed

log = structlog.get_logger()

_LONGEST_SECONDS = 60.0
_ENVIRONMENT = ("PATH", "PYTHONPATH", "LANG", "LC_ALL")  # nothing that names settings or credentials


class DirectoryWorker:
    """
    One worker process for all directories of this process. Close it at the end.

    Args:
        before: What stands before the worker's command, such as what puts it into a network namespace.
    """

    def __init__(self, *before: str) -> None:
        self._command = (*before, sys.executable, "-m", "appliance.integrations.ldap.worker")
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._ids, self._starting = count(1), asyncio.Lock()

    async def authenticate(self, config: LdapConfig, secret: str, login: str, password: str) -> Checked:
        said = await self._asked(
            Ask(next(self._ids), "authenticate", config, secret, login=login, password=password)
        )
        return Checked(person=said.person, refused=said.refused)

    async def look_up(self, config: LdapConfig, secret: str, subjects: list[str]) -> dict[str, Person]:
        return (await self._asked(Ask(next(self._ids), "look_up", config, secret, subjects=subjects))).people

    async def probe(self, config: LdapConfig, secret: str) -> list[Step]:
        return (await self._asked(Ask(next(self._ids), "probe", config, secret))).steps

    async def close(self) -> None:
        """End the worker; whoever still waits is told that it went away."""
        process, reading, self._process = self._process, self._reading, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if reading is not None:
            await reading

    async def _asked(self, ask: Ask) -> Answer:
        process = await self._running()
        waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[ask.id] = waiting
        try:
            assert process.stdin is not None
            process.stdin.write(framed(ask))
            await process.stdin.drain()
            said: Answer = await asyncio.wait_for(waiting, _LONGEST_SECONDS)
        except TimeoutError as error:
            raise DirectoryUnavailable("the directory did not answer in time") from error
        except OSError as error:
            raise DirectoryUnavailable("the directory worker went away; try again") from error
        finally:
            self._waiting.pop(ask.id, None)
        if said.failure:
            raise DirectoryUnavailable(said.failure)
        return said

    async def _running(self) -> asyncio.subprocess.Process:
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    env=environment,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                )
                self._reading = asyncio.create_task(self._read(self._process))
                log.info("directory_worker_started", pid=self._process.pid)
            return self._process

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        decode = msgspec.msgpack.Decoder(Answer).decode
        try:
            while True:
                (size,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
                if size > MOST_FRAME_BYTES:
                    break
                said = decode(await process.stdout.readexactly(size))
                waiting = self._waiting.get(said.id)
                if waiting is not None and not waiting.done():
                    waiting.set_result(said)
        except (asyncio.IncompleteReadError, msgspec.MsgspecError):
            pass
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError("the directory worker ended"))
