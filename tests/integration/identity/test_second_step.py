"""The second factor: nothing is open before it, and each proof counts once."""

import asyncio

import pytest
from sqlalchemy import text

from appliance.composition import open_services
from appliance.foundation.actors import appliance
from appliance.foundation.database import transaction
from appliance.identity.errors import (
    FactorRefused,
    FurtherStepEnded,
    SessionEnded,
    SignInDelayed,
)
from appliance.identity.schemas import FurtherStep, RoleGrant, SignedIn
from tests.factories.people import PASSWORD, somewhere

ADMIN = appliance("tests")


async def begin(gate, member) -> FurtherStep:
    step = await gate.sign_in(member.email, PASSWORD, **somewhere())
    assert isinstance(step, FurtherStep)
    return step


async def test_an_administrator_gets_no_session_for_a_password_alone(gate, crowd, organisation):
    member = await crowd.member(organisation, "super_admin")

    step = await begin(gate, member)

    assert (step.step, step.factors) == ("second_factor", ["recovery_code", "totp"])


async def test_an_analyst_without_a_factor_needs_none(gate, crowd, organisation):
    member = await crowd.member(organisation, "soc_analyst")

    assert isinstance(await gate.sign_in(member.email, PASSWORD, **somewhere()), SignedIn)


async def test_a_pending_sign_in_is_no_session(gate, crowd, admission, organisation):
    step = await begin(gate, await crowd.member(organisation, "super_admin"))

    with pytest.raises(SessionEnded):
        await admission.of_cookie(step.token, address="")


async def test_the_right_code_opens_a_session_that_says_how_it_was_proved(
    gate, crowd, second_step, clock, database, organisation
):
    member = await crowd.member(organisation, "super_admin")
    step = await begin(gate, member)
    clock.advance(seconds=30)

    signed_in = await second_step.by_code(step.token, crowd.code(member), **somewhere())

    async with transaction(database, organisation) as session:
        methods = await session.execute(
            text("SELECT methods FROM sessions WHERE id = :id"), {"id": signed_in.session_id}
        )
        assert methods.scalar_one() == ["mfa", "otp", "pwd"]


@pytest.mark.parametrize("attempt", range(10))
async def test_of_two_sign_ins_with_one_code_at_once_one_succeeds(
    gate, crowd, second_step, clock, organisation, attempt
):
    member = await crowd.member(organisation, "super_admin")
    steps = [await begin(gate, member) for _ in range(2)]
    clock.advance(seconds=30)
    code = crowd.code(member)

    outcomes = await asyncio.gather(
        *(second_step.by_code(step.token, code, **somewhere()) for step in steps), return_exceptions=True
    )

    assert sorted(type(one).__name__ for one in outcomes) == ["FactorRefused", "SignedIn"]


async def test_a_code_is_refused_the_second_time_and_an_older_one_too(
    gate, crowd, second_step, clock, organisation
):
    member = await crowd.member(organisation, "super_admin")
    older = crowd.code(member)
    clock.advance(seconds=30)
    code = crowd.code(member)
    await second_step.by_code((await begin(gate, member)).token, code, **somewhere())

    for used in (code, older):
        with pytest.raises(FactorRefused):
            await second_step.by_code((await begin(gate, member)).token, used, **somewhere())


@pytest.mark.parametrize("attempt", range(10))
async def test_a_recovery_code_is_burned_by_one_of_two_who_use_it_at_once(
    gate, crowd, second_step, organisation, attempt
):
    member = await crowd.member(organisation, "super_admin")
    steps = [await begin(gate, member) for _ in range(2)]
    written = member.recovery_codes[attempt].upper().replace("-", " ")

    outcomes = await asyncio.gather(
        *(second_step.by_recovery_code(step.token, written, **somewhere()) for step in steps),
        return_exceptions=True,
    )

    assert sorted(type(one).__name__ for one in outcomes) == ["FactorRefused", "SignedIn"]


async def test_wrong_codes_are_audited_slow_down_and_end_the_sign_in(
    gate, crowd, second_step, clock, organisation
):
    member = await crowd.member(organisation, "super_admin")
    step = await begin(gate, member)
    refusals = []

    for _ in range(4):
        try:
            await second_step.by_code(step.token, "000000", **somewhere())
        except (FactorRefused, SignInDelayed) as error:
            refusals.append(type(error))

    assert refusals == [FactorRefused] * 3 + [SignInDelayed]
    audited = await crowd.audited(organisation, member.id)
    assert audited.count(("session.refused", "denied")) == 3


async def test_a_pending_sign_in_works_once_and_for_ten_minutes(
    gate, crowd, second_step, clock, organisation
):
    member = await crowd.member(organisation, "super_admin")
    used, late = await begin(gate, member), await begin(gate, member)
    clock.advance(seconds=30)
    await second_step.by_code(used.token, crowd.code(member), **somewhere())
    clock.advance(minutes=11)

    for step in (used, late):
        with pytest.raises(FurtherStepEnded):
            await second_step.by_code(step.token, crowd.code(member), **somewhere())


async def test_a_new_link_sets_the_password_and_still_asks_for_the_factor(
    gate, crowd, database, sealer, clock, organisation
):
    member = await crowd.member(organisation, "super_admin")
    async with open_services(database, organisation, sealer, clock) as services:
        link = await services.identity.renew_link(member.id, by=ADMIN)

    done = await gate.redeem(link.link_token, "another long and green sentence", **somewhere())

    assert isinstance(done, FurtherStep)
    assert done.step == "second_factor"


async def test_who_becomes_an_administrator_meanwhile_signs_in_again_with_a_factor(
    gate, crowd, admission, database, sealer, clock, organisation
):
    member = await crowd.member(organisation, "soc_analyst")
    async with open_services(database, organisation, sealer, clock) as services:
        await services.identity.set_roles(member.id, [RoleGrant(role="security_admin")], by=ADMIN)

    with pytest.raises(SessionEnded, match="second factor"):
        await admission.of_cookie(member.signed_in.token, address="")

    done = await gate.sign_in(member.email, PASSWORD, **somewhere())
    assert isinstance(done, FurtherStep)
    assert done.step == "enrolment"


async def test_the_secret_of_an_enrolment_stays_until_it_is_confirmed_and_is_stored_sealed(
    gate, crowd, second_step, database, organisation
):
    invited = await crowd.invite(organisation, "super_admin")
    step = await gate.redeem(invited.link_token, PASSWORD, **somewhere())

    one, two = [await second_step.begin_enrolment(step.token) for _ in range(2)]

    async with transaction(database, organisation) as session:
        stored = (await session.execute(text("SELECT secret FROM totp_factors"))).scalar_one()
    assert one.secret == two.secret
    assert one.secret.encode() not in stored
    assert one.secret not in repr(one)


async def test_who_has_a_factor_cannot_enrol_another_by_the_password_alone(
    gate, crowd, second_step, organisation
):
    step = await begin(gate, await crowd.member(organisation, "super_admin"))

    with pytest.raises(FactorRefused):
        await second_step.begin_enrolment(step.token)
