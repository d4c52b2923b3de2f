"""
Provisioning by SCIM 2.0 (RFC 7644) at /scim/v2, with a token of the provider's own.

The token opens this and nothing else; errors are SCIM's own documents.
"""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, delete, get, patch, post, put
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath
from scim2_models import (
    Context,
    Group,
    NotFoundException,
    PreconditionFailedException,
    ResponseParameters,
)

from appliance.foundation.errors import Invalid
from appliance.identity.provisioning import MOST_PER_PAGE, Provisioning
from appliance.web.api import scim_documents as documents
from appliance.web.api.scim_access import HANDLERS, answer, base_of, provisioning
from appliance.web.api.scim_documents import Account

Bound = NamedDependency[Provisioning]


class ScimController(Controller):
    path = "/scim/v2"
    include_in_schema = False
    dependencies = {"bound": Provide(provisioning)}  # noqa: RUF012 — Litestar's own contract
    exception_handlers = HANDLERS

    @get("/Users", public=True)
    async def users(self, request: Request[Any, Any, Any], bound: Bound) -> Response[Any]:
        wanted = documents.filtered(request.query_params.get("filter", ""), Account)
        start, count = _paging(request)
        total, found = await bound.accounts(wanted, start=start, count=count)
        shown = [documents.shown_account(one, base_of(request)) for one in found]
        return _answer(request, documents.listed(Account, shown, total, start), Account)

    @post("/Users", public=True)
    async def create_user(self, request: Request[Any, Any, Any], bound: Bound) -> Response[Any]:
        sent = Account.model_validate(await _body(request), scim_ctx=Context.RESOURCE_CREATION_REQUEST)
        made = await bound.create(documents.new_account(sent))
        shown = documents.shown_account(made, base_of(request))
        return _answer(request, shown, Account, Context.RESOURCE_CREATION_RESPONSE, status=201)

    @get("/Users/{user_id:str}", public=True)
    async def user(
        self, request: Request[Any, Any, Any], bound: Bound, user_id: FromPath[str]
    ) -> Response[Any]:
        shown = documents.shown_account(await bound.account(_id(user_id)), base_of(request))
        return _answer(request, shown, Account)

    @put("/Users/{user_id:str}", public=True)
    async def replace_user(
        self, request: Request[Any, Any, Any], bound: Bound, user_id: FromPath[str]
    ) -> Response[Any]:
        before = await bound.account(_id(user_id))
        _check_version(request, documents.version_of(before))
        sent = Account.model_validate(await _body(request), scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST)
        sent.replace(documents.shown_account(before, base_of(request)))
        after = await bound.replace(before.id, documents.new_account(sent))
        shown = documents.shown_account(after, base_of(request))
        return _answer(request, shown, Account, Context.RESOURCE_REPLACEMENT_RESPONSE)

    @patch("/Users/{user_id:str}", public=True)
    async def patch_user(
        self, request: Request[Any, Any, Any], bound: Bound, user_id: FromPath[str]
    ) -> Response[Any]:
        before = await bound.account(_id(user_id))
        _check_version(request, documents.version_of(before))
        current = documents.shown_account(before, base_of(request))
        wanted = documents.patched(await _body(request), current)
        after = await bound.replace(before.id, documents.new_account(wanted))
        shown = documents.shown_account(after, base_of(request))
        return _answer(request, shown, Account, Context.RESOURCE_PATCH_RESPONSE)

    @delete("/Users/{user_id:str}", public=True)
    async def remove_user(
        self, request: Request[Any, Any, Any], bound: Bound, user_id: FromPath[str]
    ) -> None:
        _check_version(request, documents.version_of(await bound.account(_id(user_id))))
        await bound.remove(_id(user_id))

    @get("/Groups", public=True)
    async def groups(self, request: Request[Any, Any, Any], bound: Bound) -> Response[Any]:
        wanted = documents.filtered(request.query_params.get("filter", ""), Group)
        start, count = _paging(request)
        total, found = await bound.groups(wanted, start=start, count=count)
        shown = [documents.shown_group(one, base_of(request)) for one in found]
        return _answer(request, documents.listed(Group, shown, total, start), Group)

    @post("/Groups", public=True)
    async def create_group(self, request: Request[Any, Any, Any], bound: Bound) -> Response[Any]:
        sent = Group.model_validate(await _body(request), scim_ctx=Context.RESOURCE_CREATION_REQUEST)
        made = await bound.create_group(
            sent.display_name or "", sent.external_id or "", documents.members_of(sent)
        )
        shown = documents.shown_group(made, base_of(request))
        return _answer(request, shown, Group, Context.RESOURCE_CREATION_RESPONSE, status=201)

    @get("/Groups/{group_id:str}", public=True)
    async def group(
        self, request: Request[Any, Any, Any], bound: Bound, group_id: FromPath[str]
    ) -> Response[Any]:
        shown = documents.shown_group(await bound.group(_id(group_id)), base_of(request))
        return _answer(request, shown, Group)

    @put("/Groups/{group_id:str}", public=True)
    async def replace_group(
        self, request: Request[Any, Any, Any], bound: Bound, group_id: FromPath[str]
    ) -> Response[Any]:
        before = await bound.group(_id(group_id))
        _check_version(request, documents.version_of(before))
        sent = Group.model_validate(await _body(request), scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST)
        sent.replace(documents.shown_group(before, base_of(request)))
        return await _changed_group(request, bound, before.id, sent, Context.RESOURCE_REPLACEMENT_RESPONSE)

    @patch("/Groups/{group_id:str}", public=True)
    async def patch_group(
        self, request: Request[Any, Any, Any], bound: Bound, group_id: FromPath[str]
    ) -> Response[Any]:
        before = await bound.group(_id(group_id))
        _check_version(request, documents.version_of(before))
        wanted = documents.patched(await _body(request), documents.shown_group(before, base_of(request)))
        return await _changed_group(request, bound, before.id, wanted, Context.RESOURCE_PATCH_RESPONSE)

    @delete("/Groups/{group_id:str}", public=True)
    async def remove_group(
        self, request: Request[Any, Any, Any], bound: Bound, group_id: FromPath[str]
    ) -> None:
        _check_version(request, documents.version_of(await bound.group(_id(group_id))))
        await bound.remove_group(_id(group_id))


async def _changed_group(
    request: Request[Any, Any, Any], bound: Provisioning, group_id: UUID, wanted: Any, context: Context
) -> Response[Any]:
    after = await bound.replace_group(
        group_id, wanted.display_name or "", wanted.external_id or "", documents.members_of(wanted)
    )
    return _answer(request, documents.shown_group(after, base_of(request)), Group, context)


def _answer(
    request: Request[Any, Any, Any],
    shown: Any,
    kind: Any = None,
    context: Context = Context.RESOURCE_QUERY_RESPONSE,
    *,
    status: int = 200,
) -> Response[Any]:
    asked: dict[str, Any] = {}
    if kind is not None:
        named = {
            name: request.query_params[name].split(",")
            for name in ("attributes", "excludedAttributes")
            if request.query_params.get(name)
        }
        parameters = ResponseParameters[kind].model_validate(named)
        asked = {"response_parameters": parameters}
    return answer(shown, context, status=status, **asked)


async def _body(request: Request[Any, Any, Any]) -> dict[str, Any]:
    body = await request.json()
    if not isinstance(body, dict):
        raise Invalid("the body is a JSON object")
    return body


def _paging(request: Request[Any, Any, Any]) -> tuple[int, int]:
    try:
        start = int(request.query_params.get("startIndex", "1"))
        count = int(request.query_params.get("count", str(MOST_PER_PAGE)))
    except ValueError as error:
        raise Invalid("startIndex and count are whole numbers") from error
    return min(max(start, 1), 2**31), min(max(count, 0), MOST_PER_PAGE)


def _check_version(request: Request[Any, Any, Any], version: str) -> None:
    wanted = request.headers.get("if-match", "*")
    if wanted != "*" and version not in [one.strip() for one in wanted.split(",")]:
        raise PreconditionFailedException(detail="the resource was changed meanwhile; read it again")


def _id(said: str) -> UUID:
    try:
        return UUID(said)
    except ValueError as error:
        raise NotFoundException(detail=f"there is nothing with the id {said[:100]!r}") from error
