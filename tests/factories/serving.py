"""The application as it is served: uvicorn on a port of the loopback, in a thread with its own loop."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import uvicorn

from appliance.web.serving import config


class Unlimited:
    """In place of the flood limits, which have tests of their own and would end this one at once."""

    async def take(self, *_: object) -> None:
        return

    async def close(self) -> None:
        return


@contextmanager
def served(make: Callable[[], Any], *, proxies: Sequence[str] = ()) -> Iterator[str]:
    """
    The address of the application that `make` makes within the serving thread.

    Raises:
        RuntimeError: It does not start.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    started: list[uvicorn.Server] = []
    thread = threading.Thread(
        target=lambda: asyncio.run(_serve(make, listener, started, proxies)), daemon=True
    )
    thread.start()
    deadline = time.monotonic() + 30
    while not (started and started[0].started):
        if time.monotonic() > deadline or not thread.is_alive():
            listener.close()
            raise RuntimeError("the application did not start")
        time.sleep(0.05)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    started[0].should_exit = True
    thread.join(40)
    listener.close()


async def _serve(
    make: Callable[[], Any], listener: socket.socket, started: list[uvicorn.Server], proxies: Sequence[str]
) -> None:
    application = make()
    server = uvicorn.Server(config(application, proxies=proxies))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # the test's own process
    started.append(server)
    await server.serve(sockets=[listener])
    if (context := getattr(getattr(application, "state", None), "context", None)) is not None:
        await context.close()
