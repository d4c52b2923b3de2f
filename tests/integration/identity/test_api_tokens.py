"""API tokens: never more than their maker may, and only as long as they should."""

import pytest
from sqlalchemy import text

from appliance.composition import open_services
from appliance.foundation.actors import Permission, appliance
from appliance.foundation.database import transaction
from appliance.foundation.errors import Invalid, NotPermitted
from appliance.identity.errors import TokenNotFound, TokenRefused
from appliance.identity.schemas import NewToken, NewUser


@pytest.fixture
def identity(database, sealer, clock, organisation):
    """One verb of the identity service in a transaction of its own."""
    return _verbs(database, sealer, clock, organisation, "identity")


@pytest.fixture
def tokens(database, sealer, clock, organisation):
    """One verb of the token service in a transaction of its own."""
    return _verbs(database, sealer, clock, organisation, "tokens")


def _verbs(database, sealer, clock, organisation, service):
    async def run(verb, *arguments, scope=organisation, **keywords):
        async with open_services(database, scope, sealer, clock) as services:
            return await getattr(getattr(services, service), verb)(*arguments, **keywords)

    return run


def wanted(*permissions, days=30):
    return NewToken(name="ci", permissions=list(permissions), days=days)


async def test_a_token_may_what_it_was_given_and_no_more(admission, gate, crowd, tokens, organisation):
    member = await crowd.member(organisation, "security_admin")

    issued = await tokens("create", wanted("events:view", "rules:view"), by=member.actor)

    actor, scope, _ = await admission.of_api_token(issued.token, address="")
    assert actor.permissions == {Permission.EVENTS_VIEW, Permission.RULES_VIEW}
    assert (actor.id, scope) == (member.id, organisation)
    assert await crowd.audited(organisation, issued.id) == [("token.created", "success")]


async def test_nobody_gives_a_token_more_than_they_have(crowd, tokens, organisation):
    member = await crowd.member(organisation, "soc_analyst")

    with pytest.raises(NotPermitted):
        await tokens("create", wanted("events:view", "users:edit"), by=member.actor)


async def test_a_token_cannot_make_a_mightier_one(admission, gate, crowd, tokens, organisation):
    member = await crowd.member(organisation, "super_admin")
    issued = await tokens("create", wanted("tokens:own", "events:view"), by=member.actor)
    actor, _, _ = await admission.of_api_token(issued.token, address="")

    with pytest.raises(NotPermitted):
        await tokens("create", wanted("rules:edit"), by=actor)


async def test_a_token_that_may_edit_users_cannot_make_a_mightier_one_of_them(
    admission, gate, crowd, identity, tokens, organisation
):
    admin = await crowd.member(organisation, "super_admin")
    issued = await tokens("create", wanted("users:edit"), by=admin.actor)
    actor, _, _ = await admission.of_api_token(issued.token, address="")

    with pytest.raises(NotPermitted):
        await identity("invite", NewUser(email="x@example.test", name="x", roles=["super_admin"]), by=actor)
    with pytest.raises(NotPermitted):
        await identity("renew_link", admin.id, by=actor)


async def test_a_token_loses_what_its_maker_loses(admission, gate, crowd, tokens, database, organisation):
    member = await crowd.member(organisation, "security_admin")
    issued = await tokens("create", wanted("rules:edit", "events:view"), by=member.actor)

    async with transaction(database, organisation) as session:
        await session.execute(
            text("UPDATE role_assignments SET role = 'read_only_analyst' WHERE user_id = :id"),
            {"id": member.id},
        )

    actor, _, _ = await admission.of_api_token(issued.token, address="")
    assert actor.permissions == {Permission.EVENTS_VIEW}


async def test_a_token_expires(admission, gate, crowd, tokens, clock, organisation):
    member = await crowd.member(organisation)
    issued = await tokens("create", wanted("events:view", days=2), by=member.actor)

    clock.advance(days=1)
    assert await admission.of_api_token(issued.token, address="")
    clock.advance(days=1, seconds=1)

    with pytest.raises(TokenRefused):
        await admission.of_api_token(issued.token, address="")


@pytest.mark.parametrize("days", [0, -1, 91])
async def test_no_token_lives_longer_than_ninety_days(crowd, tokens, organisation, days):
    member = await crowd.member(organisation)

    with pytest.raises(Invalid):
        await tokens("create", wanted("events:view", days=days), by=member.actor)


async def test_a_revoked_token_is_refused(admission, gate, crowd, tokens, organisation):
    member = await crowd.member(organisation)
    issued = await tokens("create", wanted("events:view"), by=member.actor)

    await tokens("revoke", issued.id, by=member.actor)

    with pytest.raises(TokenRefused):
        await admission.of_api_token(issued.token, address="")
    assert await tokens("own", by=member.actor) == []
    assert ("token.revoked", "success") in await crowd.audited(organisation, issued.id)


async def test_anothers_token_is_not_found(crowd, tokens, organisation):
    owner, other = await crowd.member(organisation), await crowd.member(organisation)
    issued = await tokens("create", wanted("events:view"), by=owner.actor)

    with pytest.raises(TokenNotFound):
        await tokens("revoke", issued.id, by=other.actor)


async def test_the_token_of_a_suspended_user_is_refused(
    admission, gate, crowd, identity, tokens, organisation
):
    member = await crowd.member(organisation)
    issued = await tokens("create", wanted("events:view"), by=member.actor)

    await identity("suspend", member.id, by=appliance("tests"))

    with pytest.raises(TokenRefused):
        await admission.of_api_token(issued.token, address="")


@pytest.mark.parametrize("token", ["", "xdr_api_", "xdr_api_made_up00000000", "\ud800"])
async def test_a_token_we_did_not_issue_is_refused(admission, gate, token):
    with pytest.raises(TokenRefused):
        await admission.of_api_token(token, address="")
