"""Sessions: fresh on each sign-in, and over when they should be."""

import pytest

from appliance.composition import open_services
from appliance.foundation.actors import appliance
from appliance.foundation.tokens import new_token
from appliance.identity.admission import SESSION_PREFIX
from appliance.identity.errors import SessionEnded, SignInRefused
from tests.factories.people import PASSWORD, somewhere


async def is_signed_in(admission, token):
    try:
        await admission.of_cookie(token, address="")
    except SessionEnded:
        return False
    return True


async def test_each_sign_in_has_an_id_and_a_token_of_its_own(admission, gate, crowd, organisation):
    member = await crowd.member(organisation)

    again = await gate.sign_in(member.email, PASSWORD, **somewhere())

    assert again.token != member.signed_in.token
    assert again.session_id != member.signed_in.session_id
    assert again.token not in repr(again)


@pytest.mark.parametrize("planted", [new_token(SESSION_PREFIX), "xdr_ses_chosen", "", "\ud800"])
async def test_a_token_we_did_not_issue_is_no_session(admission, gate, planted):
    with pytest.raises(SessionEnded):
        await admission.of_cookie(planted, address="")


async def test_an_idle_session_ends_and_a_used_one_goes_on(
    admission, gate, crowd, clock, settings, organisation
):
    used, idle = await crowd.member(organisation), await crowd.member(organisation)
    half = settings.web.session_idle_minutes / 2 + 1

    clock.advance(minutes=half)
    assert await is_signed_in(admission, used.signed_in.token)
    clock.advance(minutes=half)

    assert await is_signed_in(admission, used.signed_in.token)
    assert not await is_signed_in(admission, idle.signed_in.token)


async def test_no_session_outlives_its_absolute_end(admission, gate, crowd, clock, settings, organisation):
    member = await crowd.member(organisation)
    step = settings.web.session_idle_minutes - 1

    for _ in range(int(settings.web.session_absolute_hours * 60 / step)):
        clock.advance(minutes=step)
        assert await is_signed_in(admission, member.signed_in.token)
    clock.advance(minutes=step)

    assert not await is_signed_in(admission, member.signed_in.token)


async def test_a_suspended_users_session_is_over_with_the_next_request(
    admission, gate, crowd, database, sealer, organisation
):
    member = await crowd.member(organisation)

    async with open_services(database, organisation, sealer) as services:
        await services.identity.suspend(member.id, by=appliance("tests"))

    assert not await is_signed_in(admission, member.signed_in.token)
    with pytest.raises(SignInRefused):
        await gate.sign_in(member.email, PASSWORD, **somewhere())


async def test_signing_out_ends_this_session_and_no_other(admission, gate, crowd, organisation):
    member = await crowd.member(organisation)
    other = await gate.sign_in(member.email, PASSWORD, **somewhere())

    await gate.sign_out(member.actor, organisation)

    assert not await is_signed_in(admission, member.signed_in.token)
    assert await is_signed_in(admission, other.token)
    assert await crowd.audited(organisation, member.signed_in.session_id) == [
        ("session.started", "success"),
        ("session.ended", "success"),
    ]
