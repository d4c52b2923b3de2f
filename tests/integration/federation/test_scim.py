"""Provisioning: what a SCIM client keeps, what it cannot, and whom its word signs out."""

import pytest
from sqlalchemy import select

from appliance.foundation.database import transaction
from appliance.identity.federation_schemas import GroupRole
from appliance.identity.models import RoleAssignment, Session, User
from appliance.identity.opening import Opening
from tests.factories.oidc import uploaded_config
from tests.integration.federation.conftest import ADMIN, opened, provider

ROLES = [
    GroupRole(group="bosses", role="super_admin"),
    GroupRole(group="guards", role="security_admin"),
    GroupRole(group="analysts", role="soc_analyst"),
]
USERS, GROUPS = "/scim/v2/Users", "/scim/v2/Groups"
CORE = "urn:ietf:params:scim:schemas:core:2.0:"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@pytest.fixture
async def made(context, organisation):
    return await provider(context, organisation, uploaded_config(group_roles=ROLES), "x")


@pytest.fixture
async def client(context, organisation, made, browser):
    async with opened(context, organisation) as services:
        token = (await services.providers.issue_scim_token(made.id, by=ADMIN)).token
    return browser(authorization=f"Bearer {token}")


def user(name="ada@example.test", **more):
    return {
        "schemas": [f"{CORE}User"], "userName": name, "displayName": "Ada", "externalId": f"x-{name}",
        "emails": [{"value": name, "primary": True}],
    } | more  # fmt: skip


def group(name, *members):
    listed = [{"value": one} for one in members]
    return {"schemas": [f"{CORE}Group"], "displayName": name} | ({"members": listed} if listed else {})


def change(*operations):
    return {"schemas": [PATCH], "Operations": list(operations)}


async def account_of(context, scope, email="ada@example.test"):
    async with transaction(context.database, scope) as session:
        found = (await session.execute(select(User).where(User.email == email))).scalar_one()
        roles = await session.execute(select(RoleAssignment.role).where(RoleAssignment.user_id == found.id))
        live = await session.execute(
            select(Session.id).where(Session.user_id == found.id, Session.revoked_at.is_(None))
        )
        return found, list(roles.scalars()), len(list(live.scalars()))


async def signed_in(context, scope, email="ada@example.test"):
    found, _, _ = await account_of(context, scope, email)
    opening = Opening(methods=frozenset({"oidc"}), address="", user_agent="")
    return await context.gate.open_session(scope, found.id, opening)


async def test_an_account_is_made_read_found_and_removed(client, context, organisation):
    made = await client.post(USERS, json=user())
    path = f"{USERS}/{made.json()['id']}"

    read = await client.get(path)
    found = await client.get(USERS, params={"filter": 'userName eq "ADA@example.test"'})
    nothing = await client.get(USERS, params={"filter": 'userName eq "nobody"'})
    gone = await client.delete(path)

    assert (made.status_code, gone.status_code) == (201, 204)
    assert made.headers["content-type"].startswith("application/scim+json")
    assert made.headers["location"].endswith(path)
    assert read.json()["userName"] == "ada@example.test"
    assert (found.json()["totalResults"], nothing.json()["totalResults"]) == (1, 0)
    assert (await client.get(path)).status_code == 404
    assert (await client.post(USERS, json=user())).status_code == 201


async def test_a_group_gives_its_members_the_mapped_role_and_takes_it_back(client, context, organisation):
    one = (await client.post(USERS, json=user())).json()["id"]
    made = (await client.post(GROUPS, json=group("analysts", one))).json()
    with_group = (await account_of(context, organisation))[1]

    remove = {"op": "remove", "path": f'members[value eq "{one}"]'}
    await client.patch(f"{GROUPS}/{made['id']}", json=change(remove))

    assert with_group == ["soc_analyst"]
    assert (await account_of(context, organisation))[1] == []


@pytest.mark.parametrize("name", ["bosses", "guards"])
async def test_a_token_gives_no_privileged_role(client, context, organisation, name):
    one = (await client.post(USERS, json=user())).json()["id"]

    made = await client.post(GROUPS, json=group(name, one))
    also = await client.patch(
        f"{USERS}/{one}", json=change({"op": "add", "path": "roles", "value": [{"value": "super_admin"}]})
    )

    assert (made.status_code, also.status_code) == (201, 200)
    assert (await account_of(context, organisation))[1] == []


@pytest.mark.parametrize(
    "value",
    [{"op": "replace", "path": "active", "value": False}, {"op": "Replace", "value": {"active": False}}],
)
async def test_deactivation_ends_sessions_at_once_and_can_be_taken_back(
    client, context, organisation, value, browser
):
    from appliance.web.authentication import COOKIE

    one = (await client.post(USERS, json=user())).json()["id"]
    await client.post(GROUPS, json=group("analysts", one))
    person = browser()
    person.cookies.set(COOKIE, (await signed_in(context, organisation)).token, domain="xdr.test")
    before = (await person.get("/api/v1/session")).status_code

    answer = await client.patch(f"{USERS}/{one}", json=change(value))
    after = (await person.get("/api/v1/session")).status_code
    found, roles, live = await account_of(context, organisation)
    back = await client.patch(
        f"{USERS}/{one}", json=change({"op": "replace", "path": "active", "value": True})
    )

    assert (before, after, answer.json()["active"]) == (200, 401, False)
    assert (found.status, roles, live) == ("deactivated", [], 0)
    assert back.json()["active"] is True
    assert (await account_of(context, organisation))[1] == ["soc_analyst"]


async def test_whom_an_administrator_suspended_the_client_does_not_resume(client, context, organisation):
    one = (await client.post(USERS, json=user())).json()["id"]
    found, _, _ = await account_of(context, organisation)
    async with opened(context, organisation) as services:
        await services.identity.suspend(found.id, by=ADMIN)

    for active in (False, True):
        await client.patch(
            f"{USERS}/{one}", json=change({"op": "replace", "path": "active", "value": active})
        )

    assert (await account_of(context, organisation))[0].status == "suspended"


async def test_a_local_account_is_out_of_reach(client, crowd, context, organisation):
    member = await crowd.member(organisation, "super_admin")

    taken = await client.post(USERS, json=user(member.email))
    listed = await client.get(USERS)
    by_id = [await client.get(f"{USERS}/{member.id}"), await client.delete(f"{USERS}/{member.id}")]
    made = (await client.post(USERS, json=user())).json()["id"]
    renamed = await client.put(f"{USERS}/{made}", json=user(member.email))
    joined = await client.post(GROUPS, json=group("analysts", str(member.id)))

    assert (taken.status_code, taken.json()["scimType"]) == (409, "uniqueness")
    assert listed.json()["totalResults"] == 0
    assert [answer.status_code for answer in by_id] == [404, 404]
    assert (renamed.status_code, joined.status_code) == (409, 404)


async def test_another_providers_token_sees_nothing(
    client, context, organisation, other_organisation, browser
):
    one = (await client.post(USERS, json=user())).json()["id"]
    tokens = []
    for scope in (organisation, other_organisation):
        other = await provider(context, scope, uploaded_config(group_roles=ROLES), "x")
        async with opened(context, scope) as services:
            tokens.append((await services.providers.issue_scim_token(other.id, by=ADMIN)).token)

    for token in tokens:
        stranger = browser(authorization=f"Bearer {token}")
        assert (await stranger.get(f"{USERS}/{one}")).status_code == 404
        assert (await stranger.get(USERS)).json()["totalResults"] == 0
        assert (await stranger.delete(f"{USERS}/{one}")).status_code == 404


@pytest.mark.parametrize("token", ["", "Bearer ", "Bearer xdr_scm_x", "Basic eDp5", "Bearer \x00"])
async def test_without_a_token_that_works_everything_is_refused(browser, token, client, crowd, organisation):
    stranger = browser(**({"authorization": token.replace("\x00", "x" * 5000)} if token else {}))

    answers = [
        await stranger.get(path)
        for path in (USERS, GROUPS, "/scim/v2/Schemas", "/scim/v2/ServiceProviderConfig", "/scim/v2/x")
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert "Error" in answers[0].json()["schemas"][0]


async def test_the_token_opens_nothing_else_and_a_session_opens_no_provisioning(
    client, browser, crowd, organisation
):
    member = await crowd.member(organisation, "super_admin")

    assert (await client.get("/api/v1/users")).status_code == 401
    assert (await browser(member).get(USERS)).status_code == 401


async def test_a_revoked_token_stops_at_once(client, context, organisation, made):
    async with opened(context, organisation) as services:
        await services.providers.revoke_scim_token(made.id, by=ADMIN)

    assert (await client.get(USERS)).status_code == 401


async def test_a_stale_version_is_refused(client):
    made = await client.post(USERS, json=user())
    path, tag = f"{USERS}/{made.json()['id']}", made.headers["etag"]

    right = await client.put(path, json=user(displayName="B"), headers={"if-match": tag})
    stale = await client.put(path, json=user(displayName="C"), headers={"if-match": tag})

    assert (right.status_code, stale.status_code) == (200, 412)
    assert right.headers["etag"] != tag


async def test_pages_follow_each_other(client):
    for place in range(5):
        await client.post(USERS, json=user(f"u{place}@example.test"))

    pages = [
        (await client.get(USERS, params={"startIndex": start, "count": 2})).json() for start in (1, 3, 5)
    ]

    assert [page["totalResults"] for page in pages] == [5, 5, 5]
    assert sorted(one["userName"][1] for page in pages for one in page["Resources"]) == list("01234")


@pytest.mark.parametrize(
    "wanted",
    [
        'userName co "a"',
        "userName",
        'password eq "x"',
        'userName eq "a" or id pr',
        "(" * 1000,
        'userName eq "\x00"',
    ],
)
async def test_what_cannot_be_looked_up_is_refused(client, wanted):
    answer = await client.get(USERS, params={"filter": wanted})

    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidFilter")


@pytest.mark.parametrize(
    "body",
    [
        {}, {"schemas": [f"{CORE}User"]}, user(userName=""), user(userName="a\x00b"), user(emails="x"),
        user(emails=[{"value": "no address"}]), user(displayName="x\x00y", userName="nul@example.test\x00"),
    ],
)  # fmt: skip
async def test_what_is_no_account_is_refused(client, body):
    assert (await client.post(USERS, json=body)).status_code == 400


@pytest.mark.parametrize("field", ["displayName", "externalId", "userName"])
async def test_text_that_cannot_be_stored_is_refused(client, field):
    refused = await client.post(USERS, json=user() | {field: "a\x00b"})
    looked_up = await client.get(USERS, params={"filter": f'userName eq "a\x00{field}"'})

    assert refused.status_code == 400
    assert looked_up.status_code in (200, 400)


async def test_a_password_is_never_kept(client, context, organisation):
    made = await client.post(USERS, json=user(password="a-password-sent-along"))

    from appliance.identity.federation_models import ExternalIdentity

    async with transaction(context.database, organisation) as session:
        kept = (await session.execute(select(ExternalIdentity.detail))).scalar_one()
    assert made.status_code == 201
    assert "a-password-sent-along" not in str(kept) + made.text
    assert (await account_of(context, organisation))[0].password_hash == ""
