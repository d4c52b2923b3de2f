"""Signing in by name and password: who gets in, who waits, and what is told."""

import asyncio

import pytest

from appliance.identity import passwords
from appliance.identity.errors import SignInDelayed, SignInRefused
from tests.factories.people import PASSWORD, somewhere

WRONG = "not the password at all"


async def fail(gate, email, *, times, **where):
    for _ in range(times):
        with pytest.raises(SignInRefused):
            await gate.sign_in(email, WRONG, **(where or somewhere()))


async def test_the_right_password_opens_a_session_and_is_audited(admission, gate, crowd, organisation):
    member = await crowd.member(organisation)

    signed_in = await gate.sign_in(f"  {member.email.upper()} ", PASSWORD, **somewhere())

    actor, scope, _ = await admission.of_cookie(signed_in.token, address="")
    assert (actor.id, scope) == (member.id, organisation)
    assert await crowd.audited(organisation, signed_in.session_id) == [("session.started", "success")]


async def test_a_wrong_password_is_refused_and_audited(gate, crowd, organisation):
    member = await crowd.member(organisation)

    await fail(gate, member.email, times=1)

    assert ("session.refused", "denied") in await crowd.audited(organisation, member.id)


async def test_an_unknown_name_is_answered_and_delayed_like_a_known_one(gate, crowd, organisation):
    member = await crowd.member(organisation)
    said = []

    for email in (member.email, "nobody@example.test"):
        where = somewhere()
        with pytest.raises(SignInRefused) as refused:
            await gate.sign_in(email, WRONG, **where)
        await fail(gate, email, times=2, **where)
        with pytest.raises(SignInDelayed) as delayed:
            await gate.sign_in(email, PASSWORD, **where)
        said.append((str(refused.value), refused.value.code, str(delayed.value)))

    assert said[0] == said[1]


@pytest.mark.parametrize("name", ["a\x00b@example.test", "\x1b[31m", "a\u2028b", "\ud800", "", " "])
async def test_a_name_that_can_be_nobodys_is_an_unknown_name(gate, crowd, organisation, name):
    where = somewhere()

    await fail(gate, f"{name}{where['address']}", times=3, **where)

    with pytest.raises(SignInDelayed):
        await gate.sign_in(f"{name}{where['address']}", PASSWORD, **where)


async def test_a_name_that_can_be_nobodys_takes_as_long_as_one_that_is_nobodys(gate, monkeypatch):
    hashed = []
    verified = passwords.verified

    async def counted(*asked):
        hashed.append(asked)
        return await verified(*asked)

    monkeypatch.setattr(passwords, "verified", counted)
    for name in ("nobody@example.test", "nobody\x00@example.test"):
        await fail(gate, name, times=1)

    assert hashed == [("", WRONG), ("", WRONG)]


async def test_two_failures_are_free_and_the_third_delays_even_the_right_password(gate, crowd, organisation):
    member = await crowd.member(organisation)
    await fail(gate, member.email, times=3)

    with pytest.raises(SignInDelayed) as delayed:
        await gate.sign_in(member.email, PASSWORD, **somewhere())

    assert 1 <= delayed.value.retry_after_seconds <= 2


async def test_the_delay_grows(gate, crowd, organisation):
    member = await crowd.member(organisation)
    waits = []

    await fail(gate, member.email, times=2)
    for seconds in (1, 2):
        await fail(gate, member.email, times=1)
        with pytest.raises(SignInDelayed) as delayed:
            await gate.sign_in(member.email, PASSWORD, **somewhere())
        waits.append(delayed.value.retry_after_seconds)
        await asyncio.sleep(seconds)

    assert waits[0] < waits[1]


async def test_an_address_that_tries_many_names_is_delayed(gate, crowd, organisation):
    member, where = await crowd.member(organisation), somewhere()
    for number in range(11):
        await fail(gate, f"guess-{number}@example.test", times=1, **where)

    with pytest.raises(SignInDelayed):
        await gate.sign_in(member.email, PASSWORD, **where)

    assert await gate.sign_in(member.email, PASSWORD, **somewhere())


async def test_a_success_forgives_the_name(gate, crowd, organisation):
    member = await crowd.member(organisation)
    await fail(gate, member.email, times=2)
    await gate.sign_in(member.email, PASSWORD, **somewhere())

    await fail(gate, member.email, times=2)

    assert await gate.sign_in(member.email, PASSWORD, **somewhere())


async def test_a_success_does_not_forgive_the_address(gate, crowd, organisation):
    """Else whoever has an account could go on guessing others' passwords for ever."""
    member, where = await crowd.member(organisation), somewhere()
    for number in range(10):
        await fail(gate, f"guess-{number}@example.test", times=1, **where)
    await gate.sign_in(member.email, PASSWORD, **where)

    await fail(gate, "guess-10@example.test", times=1, **where)

    with pytest.raises(SignInDelayed):
        await gate.sign_in(member.email, PASSWORD, **where)


async def test_somebody_invited_has_no_password_yet(gate, crowd, organisation):
    invited = await crowd.invite(organisation, "soc_analyst")

    with pytest.raises(SignInRefused):
        await gate.sign_in(invited.user.email, "", **somewhere())
