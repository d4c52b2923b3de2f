"""SCIM documents (RFC 7643) to what the service takes, and back."""

import re
from hashlib import sha256
from typing import Any
from uuid import UUID

import email_validator
import msgspec
from scim2_models import AuthenticationScheme as Scheme
from scim2_models import (
    Bulk,
    ChangePassword,
    Context,
    EnterpriseUser,
    ETag,
    Filter,
    Group,
    ListResponse,
    Meta,
    Patch,
    PatchOp,
    ResourceType,
    Schema,
    ServiceProviderConfig,
    Sort,
    User,
)
from scim2_models import InvalidFilterException as InvalidFilter
from scim2_models import InvalidValueException as InvalidValue

from appliance.identity.provisioning import MOST_PER_PAGE, NewAccount, Provisioned, ProvisionedGroup

Account = User[EnterpriseUser]
_EQUALS = re.compile(r'\s*([A-Za-z]+)\s+eq\s+"((?:[^"\\]|\\["\\/])*)"\s*', re.IGNORECASE)
# Never kept: a password is the provider's affair; the others are ours to say.
_NOT_KEPT = ("password", "id", "meta", "groups", "schemas")
_USER_FILTERS, _GROUP_FILTERS = (
    frozenset({"username", "externalid"}),
    frozenset({"displayname", "externalid"}),
)


def accept_internal_domains() -> None:
    """
    Let addresses in `.local`, `.internal` and the like be addresses: closed sites have such.

    The library refuses them since nothing could be delivered there from the Internet.
    """
    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()


def filtered(text: str, kind: type[Any]) -> tuple[str, str] | None:
    """
    An attribute and the value it must have; None without a filter.

    Raises:
        InvalidFilter: Anything but `attribute eq "value"` of an attribute that can be looked up.
    """
    if not text:
        return None
    found = _EQUALS.fullmatch(text)
    allowed = _GROUP_FILTERS if kind is Group else _USER_FILTERS
    if found is None or found[1].lower() not in allowed or not found[2].isprintable():
        raise InvalidFilter(detail=f'write {" or ".join(sorted(allowed))} eq "value"')
    return found[1].lower(), re.sub(r"\\(.)", r"\1", found[2])


def new_account(user: Any) -> NewAccount:
    """What of a user's document decides something here, and the document to keep."""
    document = user.model_dump(scim_ctx=Context.DEFAULT)
    kept = {name: value for name, value in document.items() if name not in _NOT_KEPT}
    emails = [one for one in user.emails or [] if one.value]
    primary = next((one.value for one in emails if one.primary), emails[0].value if emails else None)
    formatted = user.name.formatted if user.name else None
    parts = [user.name.given_name, user.name.family_name] if user.name else []
    name = user.display_name or formatted or " ".join(filter(None, parts)) or user.user_name
    if not user.user_name or not str(user.user_name).isprintable():
        raise InvalidValue(detail="userName must be text that can be shown")
    address = primary or (user.user_name if "@" in user.user_name else "")
    return NewAccount(
        user_name=user.user_name, external_id=user.external_id or "", email=str(address), name=str(name),
        active=user.active is not False, document=kept,
    )  # fmt: skip


def shown_account(one: Provisioned, base: str) -> Any:
    groups = [
        {"value": str(id_), "display": name, "type": "direct", "$ref": f"{base}/Groups/{id_}"}
        for id_, name in one.groups
    ]
    meta = _meta("User", f"{base}/Users/{one.id}", one)
    return Account.model_validate(
        one.document
        | {"id": str(one.id), "meta": meta.model_dump()}
        | ({"active": one.active} if "active" in one.document or not one.active else {})
        | ({"groups": groups} if groups else {})
    )


def shown_group(one: ProvisionedGroup, base: str) -> Any:
    members = [
        {"value": str(id_), "type": "User", "$ref": f"{base}/Users/{id_}"}
        | ({"display": display} if display else {})
        for id_, display in one.members.items()
    ]
    meta = _meta("Group", f"{base}/Groups/{one.id}", one)
    document: dict[str, Any] = {"id": str(one.id), "displayName": one.name, "meta": meta.model_dump()}
    if one.external_id:
        document["externalId"] = one.external_id
    if members:
        document["members"] = members
    return Group.model_validate(document)


def members_of(group: Any) -> dict[UUID, str]:
    """
    The members' ids, and how the client calls each.

    Raises:
        InvalidValue: A member is no account's id.
    """
    try:
        return {UUID(str(one.value)): str(one.display or "") for one in group.members or []}
    except ValueError as error:
        raise InvalidValue(detail="a member is the id of a user") from error


def listed(kind: type[Any], found: list[Any], total: int, start: int) -> Any:
    return ListResponse[kind](  # type: ignore[valid-type]  # a class made for each kind
        total_results=total, start_index=start, items_per_page=len(found), resources=found
    )


def patched(payload: dict[str, Any], current: Any) -> Any:
    """
    The resource after a PATCH.

    Raises:
        ValidationError, SCIMException: The operations are none, or cannot be applied.
    """
    kind = type(current)
    PatchOp[kind].model_validate(payload, scim_ctx=Context.RESOURCE_PATCH_REQUEST).patch(current)  # type: ignore[valid-type]  # as above
    return current


def version_of(one: Provisioned | ProvisionedGroup) -> str:
    """A weak tag (RFC 7644 3.14): it changes with whatever of the resource can."""
    said = msgspec.json.encode(msgspec.to_builtins(one, str_keys=True), order="sorted")
    return f'W/"{sha256(said).hexdigest()[:32]}"'


def _meta(kind: str, location: str, one: Provisioned | ProvisionedGroup) -> Any:
    return Meta(
        resource_type=kind, location=location, created=one.created_at, last_modified=one.changed_at,
        version=version_of(one),
    )  # fmt: skip


def configuration(base: str) -> Any:
    """What of SCIM is spoken here."""
    return ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=Filter(supported=True, max_results=MOST_PER_PAGE),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=False),
        etag=ETag(supported=True),
        authentication_schemes=[
            Scheme(
                type=Scheme.Type.oauthbearertoken, name="Bearer token", primary=True,
                description="The provider's token, from `xdr idp scim-token`.",
            )
        ],
        meta=Meta(resource_type="ServiceProviderConfig", location=f"{base}/ServiceProviderConfig"),
    )  # fmt: skip


def resource_types(base: str) -> list[Any]:
    made = [ResourceType.from_resource(kind) for kind in (Account, Group)]
    for one in made:
        one.meta = Meta(resource_type="ResourceType", location=f"{base}/ResourceTypes/{one.id}")
    return made


def schemas(base: str) -> list[Any]:
    made: list[Schema] = [kind.to_schema() for kind in (User, EnterpriseUser, Group)]
    for one in made:
        one.meta = Meta(resource_type="Schema", location=f"{base}/Schemas/{one.id}")
    return made
