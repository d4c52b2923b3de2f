"""What takes a second person, and the reviews of who has access."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath, JSONBody

from appliance.foundation.schema import Inbound
from appliance.identity.schemas import ProposalSummary, ReviewDecision, ReviewDetail
from appliance.web.dependencies import CurrentActor, OpenServices

Comment = Annotated[str, msgspec.Meta(max_length=2000)]


class NewProposal(Inbound, frozen=True):
    action: Annotated[str, msgspec.Meta(max_length=100)]
    payload: dict[str, Any]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


class Approval(Inbound, frozen=True):
    """`payload_hash` as the proposal shows it: what was read is what is approved."""

    payload_hash: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    comment: Comment = ""


class Rejection(Inbound, frozen=True):
    comment: Comment = ""


class Decisions(Inbound, frozen=True):
    decisions: Annotated[list[ReviewDecision], msgspec.Meta(min_length=1, max_length=1000)]


class ProposalController(Controller):
    """Which permission is needed depends on the action; the service asks for it."""

    path = "/proposals"
    tags = ("Four eyes",)

    @get("/", signed_in=True)
    async def open(self, services: OpenServices, actor: CurrentActor) -> dict[str, Any]:
        """Those that wait and concern you."""
        return {"items": await services.proposals.open(by=actor), "next_cursor": None}

    @post("/", signed_in=True, step_up=True)
    async def propose(
        self, data: JSONBody[NewProposal], services: OpenServices, actor: CurrentActor
    ) -> ProposalSummary:
        """Ask for a second person."""
        return await services.proposals.propose(data.action, data.payload, data.reason, by=actor)

    @post("/{proposal_id:uuid}/approval", signed_in=True, step_up=True, status_code=200)
    async def approve(
        self,
        proposal_id: FromPath[UUID],
        data: JSONBody[Approval],
        services: OpenServices,
        actor: CurrentActor,
    ) -> ProposalSummary:
        """Agree to what somebody else proposed; it is done at once."""
        return await services.proposals.approve(
            proposal_id, data.payload_hash, by=actor, comment=data.comment
        )

    @post("/{proposal_id:uuid}/rejection", signed_in=True, status_code=200)
    async def reject(
        self,
        proposal_id: FromPath[UUID],
        data: JSONBody[Rejection],
        services: OpenServices,
        actor: CurrentActor,
    ) -> ProposalSummary:
        """Say no, or take back your own."""
        return await services.proposals.reject(proposal_id, by=actor, comment=data.comment)


class ReviewController(Controller):
    path = "/access-reviews"
    tags = ("Access reviews",)

    @get("/", permission="access_reviews:sign")
    async def all(self, services: OpenServices, actor: CurrentActor) -> dict[str, Any]:
        """Every review, newest first."""
        return {"items": await services.reviews.all(by=actor), "next_cursor": None}

    @post("/", permission="access_reviews:sign")
    async def open(self, services: OpenServices, actor: CurrentActor) -> ReviewDetail:
        """Begin a review of everybody who may sign in now."""
        return await services.reviews.open(by=actor)

    @post("/{review_id:uuid}/decisions", permission="access_reviews:sign", status_code=200)
    async def decide(
        self,
        review_id: FromPath[UUID],
        data: JSONBody[Decisions],
        services: OpenServices,
        actor: CurrentActor,
    ) -> ReviewDetail:
        """Keep or remove people's access."""
        return await services.reviews.decide(review_id, data.decisions, by=actor)

    @post("/{review_id:uuid}/closure", permission="access_reviews:sign", step_up=True, status_code=200)
    async def close(
        self, review_id: FromPath[UUID], services: OpenServices, actor: CurrentActor
    ) -> ReviewDetail:
        """Take away what was not kept, and sign."""
        return await services.reviews.close(review_id, by=actor)
