"""One-time links: once, for a day, and not used up by a weak password."""

import pytest

from appliance.foundation.actors import appliance
from appliance.identity.errors import LinkRefused, PasswordTooWeak, SessionEnded
from tests.factories.people import PASSWORD, somewhere

ADMIN = appliance("tests")


async def test_a_link_works_once(gate, crowd, organisation):
    invited = await crowd.invite(organisation, "soc_analyst")
    await gate.redeem(invited.link_token, PASSWORD, **somewhere())

    with pytest.raises(LinkRefused):
        await gate.redeem(invited.link_token, PASSWORD, **somewhere())

    assert await crowd.audited(organisation, invited.user.id) == [
        ("user.invited", "success"),
        ("user.password_set", "success"),
    ]


async def test_a_link_works_for_a_day(gate, crowd, clock, organisation):
    in_time, late = [await crowd.invite(organisation, "soc_analyst") for _ in range(2)]

    clock.advance(hours=23, minutes=59)
    assert await gate.redeem(in_time.link_token, PASSWORD, **somewhere())
    clock.advance(minutes=2)

    with pytest.raises(LinkRefused):
        await gate.redeem(late.link_token, PASSWORD, **somewhere())


async def test_a_link_stays_good_after_a_weak_password(gate, crowd, organisation):
    invited = await crowd.invite(organisation, "soc_analyst")
    with pytest.raises(PasswordTooWeak):
        await gate.redeem(invited.link_token, "password", **somewhere())

    assert await gate.redeem(invited.link_token, PASSWORD, **somewhere())


async def test_a_link_nobody_was_given_is_refused(gate):
    with pytest.raises(LinkRefused):
        await gate.redeem("xdr_otl_made_up", PASSWORD, **somewhere())


async def test_a_new_link_ends_the_old_one_and_its_password_ends_open_sessions(
    admission, gate, crowd, organisation
):
    member = await crowd.member(organisation)
    links = []
    for _ in range(2):
        async with crowd.open(organisation) as services:
            links.append(await services.identity.renew_link(member.id, by=ADMIN))

    with pytest.raises(LinkRefused):
        await gate.redeem(links[0].link_token, PASSWORD, **somewhere())
    await gate.redeem(links[1].link_token, PASSWORD, **somewhere())

    with pytest.raises(SessionEnded):
        await admission.of_cookie(member.signed_in.token, address="")
    assert ("user.link_renewed", "success") in await crowd.audited(organisation, member.id)


async def test_a_suspended_user_cannot_come_back_by_a_link_left_over(gate, crowd, organisation):
    invited = await crowd.invite(organisation, "soc_analyst")

    async with crowd.open(organisation) as services:
        await services.identity.suspend(invited.user.id, by=ADMIN)

    with pytest.raises(LinkRefused):
        await gate.redeem(invited.link_token, PASSWORD, **somewhere())
