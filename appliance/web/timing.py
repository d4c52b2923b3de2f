"""Middleware that measures each request, by route and not by path: ids would make a series each."""

import time

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from appliance.foundation.observability import HTTP_SECONDS


class Timing:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started, status = time.perf_counter(), "500"

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, observed)
        finally:
            if scope["type"] == ScopeType.HTTP:
                route = str(scope.get("path_template", ""))
                HTTP_SECONDS.labels(scope["method"], route, status).observe(time.perf_counter() - started)
