"""Status of the appliance, health for load balancers, metrics for Prometheus."""

import asyncio
from typing import Any

from litestar import Controller, Request, Response, get
from prometheus_client import CONTENT_TYPE_LATEST

from appliance.foundation.observability import exposition
from appliance.foundation.probes import Probes, Readiness
from appliance.integrations.patroni.component import component
from appliance.web.context import WebContext
from appliance.web.dependencies import CurrentActor


def _probes(request: Request[Any, Any, Any]) -> Probes:
    probes: Probes = request.app.state.probes
    return probes


def _health(readiness: Readiness) -> Response[dict[str, Any]]:
    return Response(
        {"status": "ok" if readiness.ok else "failing", "checks": readiness.checks},
        status_code=200 if readiness.ok else 503,
    )


class StatusController(Controller):
    path = "/api/v1/status"
    tags = ("Status",)

    @get("/", permission="status:view")
    async def status(self, request: Request[Any, Any, Any], actor: CurrentActor) -> dict[str, Any]:
        """Each component, tested now, and what the pipeline did."""
        found = await _probes(request).status(request.state.walls, by=actor)
        context: WebContext = request.app.state.context
        found["components"].append(await asyncio.to_thread(component, context.settings.cluster))
        return found


class HealthController(Controller):
    path = "/health"
    include_in_schema = False

    @get("/live", public=True)
    async def live(self) -> dict[str, str]:
        """This process answers."""
        return {"status": "ok"}

    @get("/ready", public=True)
    async def ready(self, request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        """It can do its work: the database answers, is writable and has this release's schema and walls."""
        return _health(await _probes(request).ready())

    @get("/serving", public=True)
    async def serving(self, request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        """This process answers, and its node is not in maintenance: the virtual address may be here."""
        return _health(await _probes(request).serving())

    @get("/startup", public=True)
    async def startup(self, request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        """All it needs was there once: as ready, and rules are loaded."""
        return _health(await _probes(request).startup())


@get("/metrics", permission="status:view", include_in_schema=False)
async def metrics() -> Response[bytes]:
    """For Prometheus, with an API token."""
    return Response(exposition(), media_type=CONTENT_TYPE_LATEST)
