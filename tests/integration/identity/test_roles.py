"""Roles of one's own, roles that expire, and the last administrator."""

import asyncio
from datetime import timedelta

import pytest

from appliance.composition import open_services
from appliance.foundation.actors import Actor, ActorKind, Permission, appliance
from appliance.foundation.errors import Conflict, Invalid, NotPermitted
from appliance.identity.errors import LastSuperAdmin, RoleNotFound, RoleTaken
from appliance.identity.schemas import NewRole, NewUser, RoleGrant

ADMIN = appliance("tests")
NIGHT = NewRole(name="night_shift", title="Night shift", permissions=["events:view", "incidents:view"])


@pytest.fixture
def verb(database, sealer, clock, organisation):
    """One verb of one service in a transaction of its own."""

    async def run(service, name, *arguments, **keywords):
        async with open_services(database, organisation, sealer, clock) as services:
            return await getattr(getattr(services, service), name)(*arguments, **keywords)

    return run


def who(*permissions):
    return Actor(ActorKind.USER, None, "a deputy", frozenset(permissions))


async def test_a_custom_role_allows_what_it_says_from_the_next_request(verb, crowd, admission, organisation):
    await verb("roles", "create", NIGHT, by=ADMIN)
    member = await crowd.member(organisation, "night_shift")
    assert member.actor.permissions == {Permission.EVENTS_VIEW, Permission.INCIDENTS_VIEW}

    narrower = NewRole(name="night_shift", title="Night shift", permissions=["events:view"])
    await verb("roles", "change", "night_shift", narrower, by=ADMIN)

    actor, _, _ = await admission.of_cookie(member.signed_in.token, address="")
    assert actor.permissions == {Permission.EVENTS_VIEW}
    with pytest.raises(Conflict):
        await verb("roles", "remove", "night_shift", by=ADMIN)


async def test_nobody_makes_or_changes_a_role_beyond_what_they_hold(verb):
    deputy = who(Permission.ROLES_EDIT, Permission.EVENTS_VIEW)
    mightier = NewRole(name="mighty", title="Mighty", permissions=["users:edit"])
    await verb("roles", "create", mightier, by=ADMIN)

    for call in (("create", NIGHT), ("change", "mighty", NIGHT)):
        with pytest.raises(NotPermitted):
            await verb("roles", *call, by=deputy)


async def test_names_are_checked_and_taken_once(verb):
    await verb("roles", "create", NIGHT, by=ADMIN)

    with pytest.raises(RoleTaken):
        await verb("roles", "create", NIGHT, by=ADMIN)
    with pytest.raises(RoleTaken):
        await verb("roles", "create", NewRole(name="super_admin", title="x", permissions=[]), by=ADMIN)
    for name in ("", "Night", "a b", "x" * 60, "../x"):
        with pytest.raises(Invalid):
            await verb("roles", "create", NewRole(name=name, title="x", permissions=[]), by=ADMIN)
    with pytest.raises(Invalid):
        await verb("roles", "create", NewRole(name="odd", title="x", permissions=["no:such"]), by=ADMIN)
    with pytest.raises(RoleNotFound):
        await verb("roles", "change", "soc_analyst", NIGHT, by=ADMIN)


async def test_the_matrix_is_the_permission_file_and_ones_own_roles(verb):
    await verb("roles", "create", NIGHT, by=ADMIN)

    matrix = await verb("roles", "matrix", by=ADMIN)

    assert matrix.permissions == [permission.value for permission in Permission]
    assert [role.name for role in matrix.roles if not role.built_in] == ["night_shift"]
    assert "privacy:erase" in matrix.four_eyes


async def test_a_role_that_expires_allows_nothing_afterwards(verb, crowd, admission, clock, organisation):
    member = await crowd.member(organisation, "read_only_analyst")
    grants = [
        RoleGrant(role="read_only_analyst"),
        RoleGrant(role="soc_analyst", expires_at=clock.now() + timedelta(minutes=30)),
    ]
    await verb("identity", "set_roles", member.id, grants, by=ADMIN)
    during, _, _ = await admission.of_cookie(member.signed_in.token, address="")

    listed = {one.id: one for one in await verb("identity", "users", by=ADMIN)}[member.id]
    clock.advance(minutes=31)

    after, _, _ = await admission.of_cookie(member.signed_in.token, address="")
    assert [(one.role, one.expires_at, one.origin) for one in listed.grants] == [
        ("read_only_analyst", None, "local"), ("soc_analyst", grants[1].expires_at, "local"),
    ]  # fmt: skip
    assert during.may(Permission.INCIDENTS_UPDATE)
    assert not after.may(Permission.INCIDENTS_UPDATE)


@pytest.mark.parametrize("attempt", range(10))
async def test_of_two_administrators_who_demote_each_other_one_stays(verb, crowd, organisation, attempt):
    one, other = [await crowd.member(organisation, "super_admin") for _ in range(2)]
    lesser = [RoleGrant(role="soc_analyst")]

    outcomes = await asyncio.gather(
        verb("identity", "set_roles", one.id, lesser, by=other.actor),
        verb("identity", "set_roles", other.id, lesser, by=one.actor),
        return_exceptions=True,
    )

    assert [type(one) for one in outcomes].count(LastSuperAdmin) == 1


async def test_the_last_administrators_role_cannot_be_made_to_expire(verb, crowd, clock, organisation):
    member = await crowd.member(organisation, "super_admin")
    soon = [RoleGrant(role="super_admin", expires_at=clock.now() + timedelta(minutes=1))]

    with pytest.raises(LastSuperAdmin):
        await verb("identity", "set_roles", member.id, soon, by=ADMIN)


async def test_a_deputy_cannot_touch_somebody_mightier(verb, crowd, organisation):
    admin = await crowd.member(organisation, "super_admin")
    await crowd.member(organisation, "super_admin")
    deputy = who(Permission.USERS_EDIT, Permission.EVENTS_VIEW)

    for name, *arguments in (
        ("renew_link",),
        ("reset_factors",),
        ("set_roles", [RoleGrant(role="soc_analyst")]),
    ):
        with pytest.raises(NotPermitted):
            await verb("identity", name, admin.id, *arguments, by=deputy)
    with pytest.raises(NotPermitted):
        await verb(
            "identity", "invite", NewUser(email="x@x.test", name="x", roles=["soc_analyst"]), by=deputy
        )


async def test_resetting_factors_ends_sessions_and_asks_for_a_new_one(
    verb, gate, crowd, admission, organisation
):
    from appliance.identity.errors import SessionEnded
    from tests.factories.people import PASSWORD, somewhere

    member = await crowd.member(organisation, "super_admin")

    await verb("identity", "reset_factors", member.id, by=ADMIN)

    with pytest.raises(SessionEnded):
        await admission.of_cookie(member.signed_in.token, address="")
    assert (await gate.sign_in(member.email, PASSWORD, **somewhere())).step == "enrolment"


async def test_roles_of_another_origin_stay_when_local_ones_are_set(verb, crowd, database, organisation):
    from sqlalchemy import text

    from appliance.foundation.database import transaction

    member = await crowd.member(organisation, "soc_analyst")
    async with transaction(database, organisation) as session:
        await session.execute(
            text(
                "INSERT INTO role_assignments (org_id, user_id, role, origin)"
                " VALUES (:org, :id, 'incident_responder', 'a-directory')"
            ),
            {"org": organisation.org_id, "id": member.id},
        )

    after = await verb("identity", "set_roles", member.id, [RoleGrant(role="read_only_analyst")], by=ADMIN)

    assert after.roles == ["incident_responder", "read_only_analyst"]
