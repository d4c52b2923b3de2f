"""Sources, their tokens, and the quarantine."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody

from appliance.foundation.schema import Inbound
from appliance.telemetry.schemas import BatchSummary, IssuedToken, NewSource, SourceChange, SourceSummary
from appliance.web.context import WebContext
from appliance.web.dependencies import CurrentActor, OpenServices, id_cursor, page_limit


class TokenRequest(Inbound, frozen=True):
    signed: bool = False


class SourceController(Controller):
    path = "/sources"
    tags = ("Sources",)

    @get("/", permission="sources:view")
    async def sources(self, services: OpenServices, actor: CurrentActor) -> dict[str, Any]:
        """Every source and what it did in the last 24 hours."""
        return {"items": await services.telemetry.sources(by=actor), "next_cursor": None}

    @post("/", permission="sources:edit")
    async def create(
        self, data: JSONBody[NewSource], services: OpenServices, actor: CurrentActor
    ) -> SourceSummary:
        """Set up a source; give it a token next."""
        return await services.telemetry.create_source(data, by=actor)

    @patch("/{source_id:uuid}", permission="sources:edit")
    async def change(
        self,
        source_id: FromPath[UUID],
        data: JSONBody[SourceChange],
        services: OpenServices,
        actor: CurrentActor,
    ) -> SourceSummary:
        """Switch a source on or off, or change how it is read."""
        return await services.telemetry.change_source(source_id, data, by=actor)

    @post("/{source_id:uuid}/tokens", permission="sources:edit")
    async def issue_token(
        self,
        request: Request[Any, Any, Any],
        source_id: FromPath[UUID],
        data: JSONBody[TokenRequest],
        services: OpenServices,
        actor: CurrentActor,
    ) -> IssuedToken:
        """A token for shippers, and where they send to; shown this once."""
        context: WebContext = request.app.state.context
        issued = await services.telemetry.issue_token(source_id, by=actor, signed=data.signed)
        return msgspec.structs.replace(issued, ingest_url=context.settings.ingest.url)

    @post("/{source_id:uuid}/tokens/revocation", permission="sources:edit", status_code=200)
    async def revoke_tokens(
        self, source_id: FromPath[UUID], services: OpenServices, actor: CurrentActor
    ) -> dict[str, int]:
        """Stop all tokens of a source."""
        return {"revoked": await services.telemetry.revoke_tokens(source_id, by=actor)}


class QuarantineController(Controller):
    path = "/quarantine"
    tags = ("Sources",)

    @get("/", permission="quarantine:view")
    async def entries(
        self,
        services: OpenServices,
        actor: CurrentActor,
        source: FromQuery[UUID | None] = None,
        cursor: FromQuery[str | None] = None,
        limit: FromQuery[int] = 50,
    ) -> dict[str, Any]:
        """Pieces that were no event, latest first, with the reason."""
        items = await services.telemetry.quarantine(
            by=actor, source_id=source, before=id_cursor(cursor), limit=page_limit(limit)
        )
        return {"items": items, "next_cursor": items[-1].id.hex if len(items) == limit else None}

    @post("/{entry_id:uuid}/replay", permission="quarantine:replay", status_code=202)
    async def replay(
        self, entry_id: FromPath[UUID], services: OpenServices, actor: CurrentActor
    ) -> dict[str, Any]:
        """Have it read again, by the source's format of now."""
        job_id = await services.telemetry.replay(entry_id, by=actor)
        return {"job_id": job_id, "state": "queued"}


class BatchController(Controller):
    path = "/ingest/batches"
    tags = ("Ingest",)

    @get("/{batch_id:uuid}", permission="sources:view")
    async def batch(
        self, batch_id: FromPath[UUID], services: OpenServices, actor: CurrentActor
    ) -> BatchSummary | dict[str, Any]:
        """Whether a batch is committed, or still to come."""
        found = await services.telemetry.batch(batch_id, by=actor)
        return found or {"id": batch_id, "state": "unknown_or_spooled"}
