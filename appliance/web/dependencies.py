"""What handlers ask for: the actor, the services of one transaction, a page's bounds."""

from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID

from litestar import Request
from litestar.di import NamedDependency, Provide

from appliance.composition import Services, open_services
from appliance.foundation.actors import Actor
from appliance.foundation.errors import Invalid
from appliance.web.context import WebContext

OpenServices = NamedDependency[Services]
CurrentActor = NamedDependency[Actor]

MOST_PER_PAGE = 200


async def services(request: Request[Any, Any, Any]) -> AsyncGenerator[Services]:
    """Committed before the answer is sent: a commit that fails is a 500 or 503, never a 200."""
    context: WebContext = request.app.state.context
    async with open_services(
        context.database, request.state.walls, context.sealer, context.clock, context.site
    ) as opened:
        yield opened


def actor(request: Request[Any, Any, Any]) -> Actor:
    found: Actor = request.state.actor
    return found


PROVIDED = {"services": Provide(services), "actor": Provide(actor, sync_to_thread=False)}


def page_limit(limit: int) -> int:
    if not 1 <= limit <= MOST_PER_PAGE:
        raise Invalid(f"limit is 1 to {MOST_PER_PAGE}")
    return limit


def id_cursor(cursor: str | None) -> UUID | None:
    """A cursor that is the last id seen."""
    try:
        return None if not cursor else UUID(cursor)
    except ValueError as error:
        raise Invalid("the cursor is none of ours; start again without it") from error
