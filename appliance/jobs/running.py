"""How every job process starts and ends: settings, logs, a stop event set by SIGTERM and SIGINT."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog
import uvloop

import appliance.tables  # noqa: F401 — foreign keys are resolved by name, so every table must be known
from appliance.foundation import settings as configuration
from appliance.foundation.observability import PROCESS_STARTS, configure_logging
from appliance.foundation.settings import Settings

Job = Callable[[Settings, asyncio.Event], Awaitable[None]]


def run(name: str, job: Job, arguments: list[str] | None = None) -> None:
    """
    Run a job until it ends or a signal asks it to.

    Args:
        name: For the logs.
        job: Gets the settings, and an event that is set when it shall end gracefully.
        arguments: The settings file; the command line's by default.
    """
    path = (sys.argv[1:] if arguments is None else arguments)[0]
    settings = configuration.load(Path(path))
    configure_logging(json=settings.log_format == "json")
    structlog.contextvars.bind_contextvars(process=name, node=settings.node)
    PROCESS_STARTS.labels(name).inc()
    uvloop.run(_until_told(job, settings))


async def _until_told(job: Job, settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await job(settings, stop)
