"""Profiles: what an organisation demands of passwords, sessions and factors."""

import asyncio

import pytest
from sqlalchemy import create_engine, text

from appliance.composition import open_services
from appliance.foundation.actors import appliance
from appliance.foundation.errors import Conflict, Invalid
from appliance.identity.errors import PasswordTooWeak, SessionEnded, SignInDelayed, SignInRefused
from appliance.identity.password_lists import import_list
from appliance.identity.schemas import FurtherStep, NewUser, PolicyChange, SignedIn
from tests.factories.people import PASSWORD, somewhere

ADMIN = appliance("tests")


@pytest.fixture
def choose(database, sealer, clock, organisation):
    async def run(**wanted):
        async with open_services(database, organisation, sealer, clock) as services:
            return await services.organisation.change(PolicyChange(**wanted), by=ADMIN)

    return run


@pytest.fixture
def link(database, sealer, clock, organisation):
    async def run(user_id):
        async with open_services(database, organisation, sealer, clock) as services:
            return (await services.identity.renew_link(user_id, by=ADMIN)).link_token

    return run


async def test_the_pci_profile_asks_everybody_for_a_factor_and_ends_idle_sessions_sooner(
    choose, gate, crowd, admission, clock, organisation
):
    policy = await choose(profile="pci")
    invited = await crowd.invite(organisation, "read_only_analyst")
    step = await gate.redeem(invited.link_token, "seven green boats under 3 bridges", **somewhere())
    assert isinstance(step, FurtherStep)
    signed_in, _, _ = await crowd.through(step)
    assert await admission.of_cookie(signed_in.token, address="")

    clock.advance(minutes=16)

    assert policy.mfa_required
    with pytest.raises(SessionEnded):
        await admission.of_cookie(signed_in.token, address="")


async def test_the_pci_profile_wants_letters_and_digits_and_none_of_the_last_four(
    choose, gate, crowd, link, clock, organisation
):
    await choose(profile="pci")
    invited = await crowd.invite(organisation, "soc_analyst")
    words = [f"green boats number {number} drift" for number in range(5)]

    with pytest.raises(PasswordTooWeak, match="digits"):
        await gate.redeem(invited.link_token, PASSWORD, **somewhere())
    for password in words[:4]:
        await gate.redeem(await link(invited.user.id), password, **somewhere())
        clock.advance(minutes=1)
    for password in words[:4]:
        with pytest.raises(PasswordTooWeak, match="last 4"):
            await gate.redeem(await link(invited.user.id), password, **somewhere())
    await gate.redeem(await link(invited.user.id), words[4], **somewhere())

    assert await gate.redeem(await link(invited.user.id), words[0], **somewhere())


async def test_after_ten_failures_the_pci_profile_waits_half_an_hour(
    choose, gate, crowd, owner_url, organisation
):
    await choose(profile="pci")
    invited = await crowd.invite(organisation, "soc_analyst")
    engine = create_engine(owner_url)

    for number in range(10):
        with pytest.raises(SignInRefused):
            await gate.sign_in(invited.user.email, "wrong", **somewhere())
        if number < 9:
            with engine.begin() as connection:  # the wait so far is over
                connection.execute(text("UPDATE signin_delays SET next_at = now() WHERE next_at > now()"))
    engine.dispose()

    with pytest.raises(SignInDelayed) as delayed:
        await gate.sign_in(invited.user.email, "wrong", **somewhere())
    assert 1790 < delayed.value.retry_after_seconds <= 1801


async def test_a_hundred_guesses_at_once_cost_as_much_as_in_a_row(gate, crowd, organisation):
    member = await crowd.member(organisation)

    outcomes = await asyncio.gather(
        *(gate.sign_in(member.email, f"guess {n}", **somewhere()) for n in range(40)), return_exceptions=True
    )

    judged = [one for one in outcomes if isinstance(one, SignInRefused)]
    assert len(judged) == 3  # two free, and the one that starts the first delay
    assert all(isinstance(one, SignInRefused | SignInDelayed) for one in outcomes)


async def test_a_stranger_cannot_lock_somebody_out_of_where_they_always_sign_in(gate, crowd, organisation):
    member, home = await crowd.member(organisation), somewhere()
    await gate.sign_in(member.email, PASSWORD, **home)

    for _ in range(3):
        with pytest.raises(SignInRefused):
            await gate.sign_in(member.email, "a stranger's guess", **somewhere())
    with pytest.raises(SignInDelayed):
        await gate.sign_in(member.email, PASSWORD, **somewhere())

    assert isinstance(await gate.sign_in(member.email, PASSWORD, **home), SignedIn)


async def test_a_breached_password_is_refused_once_the_list_is_imported(gate, crowd, tmp_path, organisation):
    leaked = "violet engines hum at noon"
    before = await crowd.invite(organisation, "soc_analyst")
    after = await crowd.invite(organisation, "soc_analyst")
    assert await gate.redeem(before.link_token, leaked, **somewhere())

    with (tmp_path / "list.txt").open("w+b") as source:
        source.write(f"{leaked}\nanother\n".encode())
        source.seek(0)
        assert import_list(source, tmp_path / "breached") == 2

    with pytest.raises(PasswordTooWeak, match="breached"):
        await gate.redeem(after.link_token, leaked, **somewhere())


async def test_demanding_a_factor_ends_sessions_that_have_none(choose, gate, crowd, admission, organisation):
    member = await crowd.member(organisation, "soc_analyst")

    await choose(mfa_required=True)

    with pytest.raises(SessionEnded):
        await admission.of_cookie(member.signed_in.token, address="")
    assert isinstance(await gate.sign_in(member.email, PASSWORD, **somewhere()), FurtherStep)


async def test_enforced_sign_on_leaves_only_break_glass_and_needs_one(
    choose, gate, crowd, database, sealer, clock, organisation
):
    member = await crowd.member(organisation, "soc_analyst")
    with pytest.raises(Conflict):
        await choose(sso_enforced=True)
    async with open_services(database, organisation, sealer, clock) as services:
        new = NewUser(email="glass@example.test", name="Glass", roles=["super_admin"], break_glass=True)
        invited = await services.identity.invite(new, by=ADMIN)
    glass, _, _ = await crowd.through(await gate.redeem(invited.link_token, PASSWORD, **somewhere()))

    chosen = await choose(sso_enforced=True)

    assert set(chosen.profiles) == {"nist", "pci"}
    with pytest.raises(SignInRefused):
        await gate.sign_in(member.email, PASSWORD, **somewhere())
    assert isinstance(await gate.sign_in(invited.user.email, PASSWORD, **somewhere()), FurtherStep)
    assert ("break_glass.used", "success") in await crowd.audited(organisation, glass.user_id)


async def test_there_is_no_other_profile(choose):
    with pytest.raises(Invalid, match="nist"):
        await choose(profile="none")
