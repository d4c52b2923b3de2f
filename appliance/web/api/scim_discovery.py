"""What of SCIM is spoken here (RFC 7644 section 4): told to whoever may provision."""

from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.params import FromPath
from scim2_models import Context, NotFoundException, NotImplementedException, ResourceType, Schema

from appliance.web.api import scim_documents as documents
from appliance.web.api.scim_access import HANDLERS, answer, base_of, owner_of

_QUERY = Context.RESOURCE_QUERY_RESPONSE


class ScimDiscoveryController(Controller):
    path = "/scim/v2"
    include_in_schema = False
    exception_handlers = HANDLERS

    @get("/ServiceProviderConfig", public=True)
    async def configuration(self, request: Request[Any, Any, Any]) -> Response[Any]:
        await owner_of(request)
        return answer(documents.configuration(base_of(request)), _QUERY)

    @get("/ResourceTypes", public=True)
    async def resource_types(self, request: Request[Any, Any, Any]) -> Response[Any]:
        await owner_of(request)
        found = documents.resource_types(base_of(request))
        return answer(documents.listed(ResourceType, found, len(found), 1), _QUERY)

    @get("/ResourceTypes/{name:str}", public=True)
    async def resource_type(self, request: Request[Any, Any, Any], name: FromPath[str]) -> Response[Any]:
        await owner_of(request)
        return answer(_named(documents.resource_types(base_of(request)), name), _QUERY)

    @get("/Schemas", public=True)
    async def schemas(self, request: Request[Any, Any, Any]) -> Response[Any]:
        await owner_of(request)
        found = documents.schemas(base_of(request))
        return answer(documents.listed(Schema, found, len(found), 1), _QUERY)

    @get("/Schemas/{name:str}", public=True)
    async def schema(self, request: Request[Any, Any, Any], name: FromPath[str]) -> Response[Any]:
        await owner_of(request)
        return answer(_named(documents.schemas(base_of(request)), name), _QUERY)

    @post(["/.search", "/Users/.search", "/Groups/.search"], public=True)
    async def search(self, request: Request[Any, Any, Any]) -> None:
        await owner_of(request)
        raise NotImplementedException(detail="searching by POST is not spoken here; use GET with a filter")

    @get("/{rest:path}", public=True)
    async def nothing(self, request: Request[Any, Any, Any], rest: FromPath[str]) -> None:
        await owner_of(request)
        raise NotFoundException(detail=f"there is nothing at {rest[:100]}")


def _named(found: list[Any], name: str) -> Any:
    for one in found:
        if name in (str(one.id), getattr(one, "name", None)):
            return one
    raise NotFoundException(detail=f"there is none named {name[:100]!r}")
