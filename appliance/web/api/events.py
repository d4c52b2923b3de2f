"""Searching and reading stored events."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from appliance.telemetry.schemas import EventHistogram, EventList, EventSearch
from appliance.web.dependencies import CurrentActor, OpenServices


class EventController(Controller):
    path = "/events"
    tags = ("Events",)

    @post("/search", permission="events:view", status_code=200)
    async def search(
        self, data: JSONBody[EventSearch], services: OpenServices, actor: CurrentActor
    ) -> EventList:
        """Find events by a query tree; latest received first."""
        return await services.hunting.search(data, by=actor)

    @post("/histogram", permission="events:view", status_code=200)
    async def histogram(
        self, data: JSONBody[EventHistogram], services: OpenServices, actor: CurrentActor
    ) -> dict[str, Any]:
        """Count matching events over event time."""
        return await services.hunting.histogram(data, by=actor)

    @get("/fields", permission="events:view")
    async def fields(
        self, services: OpenServices, actor: CurrentActor, prefix: FromQuery[str] = ""
    ) -> dict[str, Any]:
        """Names of fields that recent events had, for completion."""
        return {"items": await services.hunting.fields(prefix, by=actor)}

    @get("/{event_id:uuid}", permission="events:view")
    async def event(
        self, event_id: FromPath[UUID], services: OpenServices, actor: CurrentActor
    ) -> dict[str, Any]:
        """One event with its entities, its original shown inert, and what rules said about it."""
        found = await services.hunting.event(event_id, by=actor)
        findings = await services.detection.findings_of(event_id, by=actor)
        return msgspec.structs.asdict(found) | {"findings": findings}

    @get("/{event_id:uuid}/original", permission="events:export", media_type="application/octet-stream")
    async def original(
        self, event_id: FromPath[UUID], services: OpenServices, actor: CurrentActor
    ) -> Response[bytes]:
        """The exact bytes received, as an attachment that no browser will render."""
        content = await services.hunting.original(event_id, by=actor)
        headers = {
            "Content-Disposition": f'attachment; filename="{event_id}.bin"',
            "Content-Security-Policy": "sandbox; default-src 'none'",
        }
        return Response(content, headers=headers)
