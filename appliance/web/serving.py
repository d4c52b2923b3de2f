"""
Runs the web application on a port, for browsers and integrators.

    python -m appliance.web.serving SETTINGS
"""

import asyncio
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog
import uvicorn
import uvloop

from appliance.foundation import settings as configuration
from appliance.foundation.heartbeat import beat
from appliance.foundation.observability import PROCESS_STARTS, configure_logging
from appliance.foundation.settings import Settings
from appliance.web.app import create_application
from appliance.web.context import WebContext

log = structlog.get_logger()

_DRAIN_SECONDS = 30


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are finished."""
    application = create_application(settings)
    context: WebContext = application.state.context
    web = settings.web
    server = uvicorn.Server(config(application, proxies=web.proxies, host=web.host, port=web.port))
    beating = asyncio.create_task(beat(context.database, settings.node, "web", dict))
    log.info("web_listening", url=settings.web.public_url)
    await server.serve()
    beating.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await beating
    await context.close()


def config(application: Any, *, proxies: Sequence[str] = (), **where: Any) -> uvicorn.Config:
    """
    How both doors serve: no banner, no access log, a graceful end.

    Args:
        proxies: Who may say where a request comes from; whoever else sends such a header is not heeded.
    """
    options = {"http": "httptools", "lifespan": "off"} | where
    return uvicorn.Config(
        application,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        timeout_graceful_shutdown=_DRAIN_SECONDS,
        **options,
    )


def main() -> None:
    settings = configuration.load(Path(sys.argv[1]))
    configure_logging(json=settings.log_format == "json")
    structlog.contextvars.bind_contextvars(process="web", node=settings.node)
    PROCESS_STARTS.labels("web").inc()
    uvloop.run(serve(settings))


if __name__ == "__main__":
    main()
