"""Who may be invited and suspended, and that somebody is always left to do it."""

import asyncio

import pytest
from sqlalchemy import text

from appliance.composition import open_services
from appliance.foundation.actors import appliance
from appliance.foundation.database import transaction
from appliance.foundation.errors import Invalid, NotPermitted
from appliance.identity.errors import EmailTaken, LastSuperAdmin, UserNotFound
from appliance.identity.schemas import NewUser

ADMIN = appliance("tests")


@pytest.fixture
def suspend(database, sealer, organisation):
    async def run(user_id, *, by=ADMIN):
        async with open_services(database, organisation, sealer) as services:
            await services.identity.suspend(user_id, by=by)

    return run


async def test_the_last_super_administrator_cannot_be_suspended(crowd, suspend, organisation):
    one, other = [await crowd.member(organisation, "super_admin") for _ in range(2)]

    await suspend(one.id)
    with pytest.raises(LastSuperAdmin):
        await suspend(other.id)

    assert ("user.suspended", "success") in await crowd.audited(organisation, one.id)
    assert ("user.suspended", "success") not in await crowd.audited(organisation, other.id)


@pytest.mark.parametrize("attempt", range(10))
async def test_of_two_administrators_who_suspend_each_other_one_stays(crowd, suspend, organisation, attempt):
    one, other = [await crowd.member(organisation, "super_admin") for _ in range(2)]

    outcomes = await asyncio.gather(
        suspend(one.id, by=other.actor), suspend(other.id, by=one.actor), return_exceptions=True
    )

    assert sorted(type(outcome) for outcome in outcomes if outcome) == [LastSuperAdmin]
    assert outcomes.count(None) == 1


async def test_one_whose_role_has_expired_is_nobody_to_rely_on(crowd, suspend, database, organisation):
    one, expired = [await crowd.member(organisation, "super_admin") for _ in range(2)]
    async with transaction(database, organisation) as session:
        await session.execute(
            text("UPDATE role_assignments SET expires_at = now() - interval '1 day' WHERE user_id = :id"),
            {"id": expired.id},
        )

    with pytest.raises(LastSuperAdmin):
        await suspend(one.id)


async def test_others_can_be_suspended_while_the_only_administrator_is_on_the_node(
    crowd, suspend, organisation
):
    member = await crowd.member(organisation, "soc_analyst")

    await suspend(member.id)

    assert ("user.suspended", "success") in await crowd.audited(organisation, member.id)


async def test_another_organisations_user_is_not_found(crowd, suspend, organisation, other_organisation):
    foreign = await crowd.member(other_organisation)

    with pytest.raises(UserNotFound):
        await suspend(foreign.id)


@pytest.mark.parametrize("roles", [[], ["emperor"], ["soc_analyst", "emperor"]])
async def test_a_role_nobody_knows_is_refused(services, roles):
    with pytest.raises(Invalid):
        await services.identity.invite(NewUser(email="a@example.test", name="a", roles=roles), by=ADMIN)


@pytest.mark.parametrize("email", ["", "nobody", "a\x00@example.test", "a@\u202eexample.test"])
async def test_what_is_no_address_is_refused(services, email):
    with pytest.raises(Invalid):
        await services.identity.invite(NewUser(email=email, name="a", roles=["soc_analyst"]), by=ADMIN)


async def test_an_address_is_taken_once_in_an_organisation_whatever_its_case(
    crowd, database, sealer, organisation, other_organisation
):
    member = await crowd.member(organisation)
    again = NewUser(email=member.email.upper(), name="a", roles=["soc_analyst"])

    async with open_services(database, organisation, sealer) as services:
        with pytest.raises(EmailTaken):
            await services.identity.invite(again, by=ADMIN)
    async with open_services(database, other_organisation, sealer) as services:
        assert await services.identity.invite(again, by=ADMIN)


@pytest.mark.parametrize("role", ["security_admin", "incident_responder", "soc_analyst", "read_only_analyst"])
async def test_only_super_administrators_invite(crowd, organisation, role):
    member = await crowd.member(organisation, role)

    with pytest.raises(NotPermitted):
        await crowd.invite(organisation, "read_only_analyst", by=member.actor)
