"""Incidents: the triage queue, one incident, and what analysts do to it."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, patch, post
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter

from appliance.foundation.errors import Invalid
from appliance.foundation.schema import Page
from appliance.incidents.lifecycle import Status
from appliance.incidents.schemas import (
    Acknowledgement,
    BulkRequest,
    BulkResult,
    EvidenceItem,
    FindingItem,
    IncidentChange,
    IncidentDetail,
    IncidentSummary,
    Merge,
    NewEvidence,
    NewNote,
    NoteItem,
    QueueCounts,
    QueueFilter,
    Sort,
    TimelineItem,
    Transition,
)
from appliance.web.dependencies import CurrentActor, OpenServices, page_limit

IfMatch = Annotated[str | None, HeaderParameter(name="If-Match")]
ListOf = Annotated[list[str] | None, QueryParameter()]


class IncidentController(Controller):
    path = "/incidents"
    tags = ("Incidents",)

    @get("/", permission="incidents:view")
    async def queue(  # noqa: PLR0917 — one argument per query parameter
        self,
        services: OpenServices,
        actor: CurrentActor,
        status: ListOf = None,
        severity: ListOf = None,
        owner: FromQuery[str | None] = None,
        tag: FromQuery[str | None] = None,
        q: FromQuery[str | None] = None,
        sort: FromQuery[str] = Sort.RISK.value,
        cursor: FromQuery[str | None] = None,
        limit: FromQuery[int] = 50,
    ) -> Page[IncidentSummary]:
        """The triage queue; filters may be repeated."""
        filters = {"status": status or [], "severity": severity or [], "owner": owner, "tag": tag, "q": q}
        wanted = _filter(filters | {"sort": sort})
        return await services.incidents.page(wanted, by=actor, cursor=cursor, limit=page_limit(limit))

    @get("/summary", permission="incidents:view")
    async def counts(self, services: OpenServices, actor: CurrentActor) -> QueueCounts:
        """How many there are, by status and severity."""
        return await services.incidents.counts(by=actor)

    @post("/bulk", permission="incidents:update", status_code=200)
    async def bulk(
        self, data: JSONBody[BulkRequest], services: OpenServices, actor: CurrentActor
    ) -> BulkResult:
        """One thing done to many; each succeeds or fails on its own."""
        return await services.incidents.bulk(data, by=actor)

    @get("/{incident_id:uuid}", permission="incidents:view")
    async def incident(
        self, incident_id: FromPath[UUID], services: OpenServices, actor: CurrentActor
    ) -> Response[IncidentDetail]:
        """One incident and why it is one."""
        return _tagged(await services.incidents.detail(incident_id, by=actor))

    @patch("/{incident_id:uuid}", permission="incidents:update")
    async def change(
        self,
        incident_id: FromPath[UUID],
        data: JSONBody[IncidentChange],
        services: OpenServices,
        actor: CurrentActor,
        if_match: IfMatch = None,
    ) -> Response[IncidentDetail]:
        """Change owner, severity or tags; with If-Match, only if nobody else changed it meanwhile."""
        expected = _version(if_match)
        return _tagged(
            await services.incidents.change(incident_id, data, by=actor, expected_version=expected)
        )

    @post("/{incident_id:uuid}/acknowledgement", permission="incidents:update", status_code=200)
    async def acknowledge(
        self, incident_id: FromPath[UUID], data: JSONBody[Acknowledgement], services: OpenServices,
        actor: CurrentActor,
    ) -> Response[IncidentDetail]:  # fmt: skip
        """Take a new incident in hand."""
        return _tagged(await services.incidents.acknowledge(incident_id, by=actor, note=data.note))

    @post("/{incident_id:uuid}/transition", permission="incidents:update", status_code=200)
    async def transition(
        self,
        incident_id: FromPath[UUID],
        data: JSONBody[Transition],
        services: OpenServices,
        actor: CurrentActor,
        if_match: IfMatch = None,
    ) -> Response[IncidentDetail]:
        """Move an incident to another state; closing and reopening want a reason."""
        done = await services.incidents.transition(
            incident_id, Status(data.to), by=actor, reason=data.reason, note=data.note,
            expected_version=_version(if_match),
        )  # fmt: skip
        return _tagged(done)

    @post("/{incident_id:uuid}/merge", permission="incidents:update", status_code=200)
    async def merge(
        self, incident_id: FromPath[UUID], data: JSONBody[Merge], services: OpenServices, actor: CurrentActor
    ) -> Response[IncidentDetail]:
        """Make other incidents part of this one."""
        return _tagged(await services.incidents.merge(incident_id, data.ids, by=actor, note=data.note))

    @post("/{incident_id:uuid}/split", permission="incidents:update", status_code=200)
    async def split(
        self, incident_id: FromPath[UUID], services: OpenServices, actor: CurrentActor
    ) -> Response[IncidentDetail]:
        """Take a merged incident out again."""
        return _tagged(await services.incidents.split(incident_id, by=actor))

    @get("/{incident_id:uuid}/timeline", permission="incidents:view")
    async def timeline(
        self,
        incident_id: FromPath[UUID],
        services: OpenServices,
        actor: CurrentActor,
        cursor: FromQuery[str | None] = None,
        limit: FromQuery[int] = 50,
    ) -> Page[TimelineItem]:
        """What rules found and what people did, in order of time."""
        return await services.incidents.timeline(
            incident_id, by=actor, cursor=cursor, limit=page_limit(limit)
        )

    @get("/{incident_id:uuid}/findings", permission="incidents:view")
    async def findings(
        self,
        incident_id: FromPath[UUID],
        services: OpenServices,
        actor: CurrentActor,
        cursor: FromQuery[str | None] = None,
        limit: FromQuery[int] = 50,
    ) -> Page[FindingItem]:
        """The findings, with rule author, rule version and set version."""
        return await services.incidents.findings(
            incident_id, by=actor, cursor=cursor, limit=page_limit(limit)
        )

    @get("/{incident_id:uuid}/notes", permission="incidents:view")
    async def notes(
        self,
        incident_id: FromPath[UUID],
        services: OpenServices,
        actor: CurrentActor,
        cursor: FromQuery[str | None] = None,
        limit: FromQuery[int] = 50,
    ) -> Page[NoteItem]:
        """What people wrote."""
        return await services.incidents.notes(incident_id, by=actor, cursor=cursor, limit=page_limit(limit))

    @post("/{incident_id:uuid}/notes", permission="incidents:update")
    async def add_note(
        self,
        incident_id: FromPath[UUID],
        data: JSONBody[NewNote],
        services: OpenServices,
        actor: CurrentActor,
    ) -> NoteItem:
        """Write a note."""
        return await services.incidents.add_note(incident_id, data.text, by=actor)

    @get("/{incident_id:uuid}/evidence", permission="incidents:view")
    async def evidence(
        self, incident_id: FromPath[UUID], services: OpenServices, actor: CurrentActor
    ) -> Page[EvidenceItem]:
        """Events pinned beyond retention."""
        return await services.incidents.evidence(incident_id, by=actor)

    @post("/{incident_id:uuid}/evidence", permission="events:pin")
    async def pin(
        self,
        incident_id: FromPath[UUID],
        data: JSONBody[NewEvidence],
        services: OpenServices,
        actor: CurrentActor,
    ) -> EvidenceItem:
        """Pin an event: its bytes are kept beyond retention."""
        return await services.incidents.pin_evidence(incident_id, data.event_id, reason=data.reason, by=actor)


def _filter(values: dict[str, Any]) -> QueueFilter:
    try:
        return msgspec.convert(values, QueueFilter)
    except msgspec.ValidationError as error:
        raise Invalid(f"filter: {error}") from error


def _tagged(detail: IncidentDetail) -> Response[IncidentDetail]:
    return Response(detail, headers={"ETag": f'"{detail.version}"'})


def _version(if_match: str | None) -> int | None:
    if if_match is None or if_match == "*":
        return None
    bare = if_match.removeprefix("W/").strip('"')
    if not bare.isdigit():
        raise Invalid("If-Match is the ETag the incident was read with")
    return int(bare)
