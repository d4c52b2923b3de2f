"""Rules and load reports."""

from typing import Annotated, Any

from litestar import Controller, Request, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from appliance.detection.archives import from_zip
from appliance.detection.schemas import (
    LoadSummary,
    RuleChange,
    RuleDetail,
    RuleFilter,
    RuleTest,
    RuleTestResult,
)
from appliance.foundation.errors import Invalid
from appliance.foundation.severity import Severity
from appliance.web.dependencies import CurrentActor, OpenServices, page_limit

_MOST_UPLOAD_BYTES = 64 * 1_048_576


class RuleController(Controller):
    path = "/rules"
    tags = ("Rules",)

    @get("/", permission="rules:view")
    async def rules(  # noqa: PLR0917 — one argument per query parameter
        self,
        services: OpenServices,
        actor: CurrentActor,
        only: Annotated[str, QueryParameter(name="state")] = "",
        level: FromQuery[str] = "",
        q: FromQuery[str] = "",
        cursor: FromQuery[str | None] = None,
        limit: FromQuery[int] = 50,
    ) -> dict[str, Any]:
        """Rules of the active set, by title."""
        wanted = RuleFilter(
            state=only,
            level=Severity.named(level) if level else None,
            text=q,
            after=_after(cursor),
            limit=page_limit(limit),
        )
        items, next_cursor = await services.detection.rules(wanted, by=actor)
        return {"items": items, "next_cursor": next_cursor}

    @get("/loads/latest", permission="rules:view")
    async def latest_load(self, services: OpenServices, actor: CurrentActor) -> LoadSummary:
        """What became of every document of the active set; each that is not active has a reason."""
        return await services.detection.latest_load(by=actor)

    @post("/imports", permission="rules:edit", status_code=201, request_max_body_size=_MOST_UPLOAD_BYTES)
    async def import_rules(
        self, request: Request[Any, Any, Any], services: OpenServices, actor: CurrentActor
    ) -> LoadSummary:
        """Replace the imported rules by those of a ZIP archive; all of it, or nothing."""
        sources = from_zip(await request.body())
        origin = request.headers.get("x-rules-origin", "upload")[:200]
        return await services.detection.import_rules(sources, origin=origin, by=actor)

    @post("/test", permission="rules:test", status_code=200)
    async def test(
        self, data: JSONBody[RuleTest], services: OpenServices, actor: CurrentActor
    ) -> RuleTestResult:
        """Whether a rule matches an event, by the decoder and matcher that ingest uses."""
        return await services.detection.test(data, by=actor)

    @get("/{rule_id:str}", permission="rules:view")
    async def rule(self, rule_id: FromPath[str], services: OpenServices, actor: CurrentActor) -> RuleDetail:
        """One rule with its text."""
        return await services.detection.rule(rule_id, by=actor)

    @patch("/{rule_id:str}", permission="rules:edit")
    async def change(
        self, rule_id: FromPath[str], data: JSONBody[RuleChange], services: OpenServices, actor: CurrentActor
    ) -> RuleDetail:
        """Switch a rule on or off in this organisation."""
        return await services.detection.switch(rule_id, enabled=data.enabled, by=actor)


def _after(cursor: str | None) -> tuple[str, int] | None:
    if not cursor:
        return None
    title, mark, place = cursor.rpartition("\x1f")
    if not mark or not place.isdigit():
        raise Invalid("the cursor is none of ours; start again without it")
    return title, int(place)
