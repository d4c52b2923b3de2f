"""What time does to accounts."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from appliance.composition import open_services
from appliance.foundation.actors import appliance
from appliance.foundation.database import platform_transaction, transaction
from appliance.identity.access_tokens import Claim
from appliance.identity.errors import SignInRefused
from appliance.identity.housekeeping import Housekeeping
from appliance.identity.schemas import PolicyChange
from tests.factories.people import PASSWORD, somewhere

ADMIN = appliance("tests")


@pytest.fixture
def keep_house(database, clock, sealer, organisation):
    async def run():
        await Housekeeping(database, clock, sealer).run(organisation)

    return run


async def count(database, organisation, table):
    async with transaction(database, organisation) as session:
        return (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()


async def test_what_is_over_goes_and_what_is_not_stays(
    keep_house, gate, crowd, clock, database, organisation
):
    member = await crowd.member(organisation, "super_admin")
    await gate.sign_in(member.email, PASSWORD, **somewhere())
    clock.advance(minutes=5)
    await keep_house()
    before = [await count(database, organisation, table) for table in ("sessions", "pending_sign_ins")]

    clock.advance(days=45)
    await keep_house()

    after = [await count(database, organisation, table) for table in ("sessions", "pending_sign_ins")]
    assert before == [1, 2]  # the sign-in that is half done, and the one that was completed
    assert after == [0, 0]


async def test_the_pci_profile_suspends_who_was_away_for_ninety_days(
    keep_house, gate, crowd, clock, database, sealer, organisation
):
    away = await crowd.member(organisation)
    async with open_services(database, organisation, sealer, clock) as services:
        await services.organisation.change(PolicyChange(profile="pci"), by=ADMIN)
    clock.advance(days=89)
    await keep_house()
    assert ("user.suspended", "success") not in await crowd.audited(organisation, away.id)

    clock.advance(days=2)
    await keep_house()

    assert ("user.suspended", "success") in await crowd.audited(organisation, away.id)
    with pytest.raises(SignInRefused):
        await gate.sign_in(away.email, PASSWORD, **somewhere())


@pytest.fixture
async def no_signing_keys_yet(database):
    """Other tests leave keys of days that this one's clock has not reached."""
    async with platform_transaction(database) as session:
        await session.execute(text("DELETE FROM signing_keys"))


@pytest.mark.usefixtures("no_signing_keys_yet")
async def test_an_old_signing_key_is_replaced(keep_house, access_tokens, clock, database, organisation):
    claim = Claim(organisation.org_id, organisation.org_id, organisation.org_id)
    await access_tokens.issue(claim)
    async with platform_transaction(database) as session:  # other tests' clocks may have been ahead
        await session.execute(text("UPDATE signing_keys SET activated_at = :now"), {"now": clock.now()})

    async def active():
        async with platform_transaction(database) as session:
            found = await session.execute(text("SELECT id FROM signing_keys WHERE state = 'active'"))
            return found.scalar_one()

    young = await active()
    await keep_house()
    same = await active()
    clock.advance(days=timedelta(days=31).days)
    await keep_house()

    assert same == young
    assert await active() != young
