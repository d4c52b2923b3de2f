"""Refresh tokens: one successor whatever happens at once, and none for a copy."""

import asyncio

import pytest
from sqlalchemy import text

from appliance.foundation.database import transaction
from appliance.identity.access_tokens import Claim
from appliance.identity.errors import RefreshReused, SessionEnded
from appliance.identity.refreshing import Refreshing
from tests.factories.people import PASSWORD, somewhere


@pytest.fixture
async def program(gate, crowd, organisation):
    """An analyst's program, signed in."""
    member = await crowd.member(organisation)
    return await gate.sign_in(member.email, PASSWORD, kind="api", **somewhere())


async def rows(database, organisation, session_id):
    async with transaction(database, organisation) as session:
        found = await session.execute(
            text("SELECT count(*) FROM refresh_tokens WHERE session_id = :id"), {"id": session_id}
        )
        return found.scalar_one()


async def test_a_refresh_token_is_replaced_and_its_session_goes_on(refreshing, program):
    renewed = await refreshing.renew(program.token, address="")

    assert renewed.token != program.token
    assert renewed.session_id == program.session_id
    assert program.token not in repr(renewed)


@pytest.mark.parametrize("attempt", range(10))
async def test_fifty_refreshes_at_once_make_one_successor(
    refreshing, program, database, organisation, attempt
):
    outcomes = await asyncio.gather(*(refreshing.renew(program.token, address="") for _ in range(50)))

    assert len({one.token for one in outcomes}) == 1
    assert await rows(database, organisation, program.session_id) == 2


async def test_who_lost_the_answer_may_ask_again_at_once_and_gets_the_same(
    database, clock, program, refreshing
):
    """The process was killed between the commit and the answer; another one is asked."""
    lost = await refreshing.renew(program.token, address="")
    another_process = Refreshing(database, clock, b"pepper of the tests")
    clock.advance(seconds=5)

    again = await another_process.renew(program.token, address="")

    assert again.token == lost.token


async def test_a_token_that_comes_again_later_ends_the_session_for_everybody(
    refreshing, program, crowd, clock, organisation, access_tokens, admission
):
    token, _ = await access_tokens.issue(Claim(program.org_id, program.session_id, program.user_id))
    stolen, renewed = program.token, await refreshing.renew(program.token, address="")
    clock.advance(seconds=11)

    with pytest.raises(RefreshReused):
        await refreshing.renew(stolen, address="203.0.113.9")

    with pytest.raises(SessionEnded):
        await refreshing.renew(renewed.token, address="")
    with pytest.raises(SessionEnded):
        await admission.of_access_token(token, address="")
    assert ("session.refresh_reused", "denied") in await crowd.audited(organisation, program.session_id)


async def test_the_grace_is_over_once_the_successor_was_used(refreshing, program):
    renewed = await refreshing.renew(program.token, address="")
    await refreshing.renew(renewed.token, address="")

    with pytest.raises(RefreshReused):
        await refreshing.renew(program.token, address="")


async def test_a_refresh_token_rests_a_week_and_the_session_ends_after_thirty_days(
    refreshing, program, clock
):
    token = program.token
    for _ in range(5):
        clock.advance(days=6)
        token = (await refreshing.renew(token, address="")).token
    clock.advance(hours=1)

    with pytest.raises(SessionEnded):
        await refreshing.renew(token, address="")


async def test_a_rested_refresh_token_is_over(refreshing, program, clock):
    clock.advance(days=8)

    with pytest.raises(SessionEnded):
        await refreshing.renew(program.token, address="")


@pytest.mark.parametrize("made_up", ["", "xdr_ref_x", "xdr_ses_x", "\ud800"])
async def test_what_we_did_not_issue_renews_nothing(refreshing, made_up):
    with pytest.raises(SessionEnded):
        await refreshing.renew(made_up, address="")


async def test_a_programs_session_has_no_cookie(admission, program):
    with pytest.raises(SessionEnded):
        await admission.of_cookie(program.token, address="")
