"""Passwords that a directory checks, through the gate; and the periodic look at who is still there."""

import pytest
from sqlalchemy import select

from appliance.foundation.database import transaction
from appliance.identity.errors import SignInRefused
from appliance.identity.federation_models import ExternalIdentity
from appliance.identity.federation_schemas import ProviderChange
from appliance.identity.models import RoleAssignment, Session, User
from appliance.identity.provider_rows import known
from appliance.identity.rechecking import DirectoryRecheck
from tests.factories.directories import PASSWORD, SERVICE_PASSWORD, dn, free_port, group
from tests.factories.people import PASSWORD as LOCAL_PASSWORD
from tests.factories.people import somewhere
from tests.integration.federation.conftest import ADMIN, opened, provider

pytestmark = pytest.mark.peer


@pytest.fixture
def recheck(context, organisation, ldap):
    async def check():
        async with transaction(context.database, organisation) as session:
            found = await known(session, organisation, context.sealer, ldap.id)
        worker = context.federation.worker
        return await DirectoryRecheck(
            context.database, context.clock, sealer=context.sealer, directory=worker
        ).check(found)

    return check


@pytest.fixture(autouse=True)
async def forgiven(context):
    """The directory's names are the same in every test; what one test failed at must not delay the next."""
    yield
    await context.delays.succeeded("ada", "nowhere")


async def user_of(context, scope, email):
    async with transaction(context.database, scope) as session:
        user = (await session.execute(select(User).where(User.email == email))).scalar_one()
        roles = await session.execute(select(RoleAssignment.role).where(RoleAssignment.user_id == user.id))
        live = await session.execute(
            select(Session.id).where(Session.user_id == user.id, Session.revoked_at.is_(None))
        )
        return user, list(roles.scalars()), len(list(live.scalars()))


async def test_a_directory_lets_people_in_with_the_groups_role(context, organisation, ldap):
    done = await context.gate.sign_in("ada", PASSWORD, **somewhere())

    user, roles, live = await user_of(context, organisation, "ada@example.test")
    assert (done.user_id, user.origin, user.status) == (user.id, "ldap", "active")
    assert (roles, live) == (["soc_analyst"], 1)


async def test_the_same_person_by_another_name_is_the_same_user(context, organisation, ldap):
    one = await context.gate.sign_in("ada", PASSWORD, **somewhere())
    other = await context.gate.sign_in("Ada@Example.test", PASSWORD, **somewhere())

    assert one.user_id == other.user_id


async def test_nested_groups_decide_and_the_first_line_wins(context, organisation, ldap):
    await context.gate.sign_in("nell", PASSWORD, **somewhere())

    assert (await user_of(context, organisation, "nell@example.test"))[1] == ["incident_responder"]


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("ada", "wrong"), ("ada", ""), ("nora", PASSWORD), ("*", PASSWORD), ("ada)(uid=*", PASSWORD),
        ("nobody", PASSWORD), ("ada\\", PASSWORD),
    ],
)  # fmt: skip
async def test_who_is_not_known_or_in_no_group_is_told_nothing_else(context, ldap, login, password):
    with pytest.raises(SignInRefused, match=r"^name or password is wrong$"):
        await context.gate.sign_in(login, password, **somewhere())


async def test_a_local_account_gets_in_while_no_directory_answers(context, crowd, organisation, ldap, slapd):
    member = await crowd.member(organisation)
    dead = slapd.config(servers=[f"ldaps://localhost:{free_port()}"])
    async with opened(context, organisation) as services:
        await services.providers.change(ldap.id, ProviderChange(config=dead), by=ADMIN)

    assert await context.gate.sign_in(member.email, LOCAL_PASSWORD, **somewhere())
    with pytest.raises(SignInRefused):
        await context.gate.sign_in("ada", PASSWORD, **somewhere())


async def test_an_address_that_a_local_account_has_is_not_taken_over(context, organisation, ldap):
    from appliance.identity.schemas import NewUser

    async with opened(context, organisation) as services:
        new = NewUser(email="ada@example.test", name="x", roles=["super_admin"])
        await services.identity.invite(new, by=ADMIN)

    with pytest.raises(SignInRefused):
        await context.gate.sign_in("ada", PASSWORD, **somewhere())


async def test_a_password_is_not_shown_to_another_organisations_directory(
    context, organisation, other_organisation, ldap, slapd
):
    theirs = await provider(context, other_organisation, slapd.config(), SERVICE_PASSWORD)
    try:
        # Two organisations have a directory, and nobody here has this name yet: whose would it be?
        with pytest.raises(SignInRefused):
            await context.gate.sign_in("ada", PASSWORD, **somewhere())
    finally:
        async with opened(context, other_organisation) as services:
            await services.providers.remove(theirs.id, by=ADMIN)


async def test_who_left_the_directory_is_locked_out_at_once(context, organisation, ldap, recheck, slapd):
    slapd.change(
        f"dn: uid=temp,{dn('x').partition(',')[2]}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: temp\n"
        f"sn: T\ncn: T\nmail: temp@example.test\nuserPassword: {PASSWORD}\n\n"
        f"dn: {group('analysts')}\nchangetype: modify\nadd: member\nmember: {dn('temp')}\n"
    )
    await context.gate.sign_in("temp", PASSWORD, **somewhere())
    before = await recheck()
    slapd.change(
        f"dn: {group('analysts')}\nchangetype: modify\ndelete: member\nmember: {dn('temp')}\n\n"
        f"dn: {dn('temp')}\nchangetype: delete\n"
    )

    after = await recheck()

    user, roles, live = await user_of(context, organisation, "temp@example.test")
    assert (before.ended, after.ended) == (0, 1)
    assert (user.status, roles, live) == ("deactivated", [], 0)


async def test_whose_groups_changed_gets_another_role(context, organisation, ldap, recheck, slapd):
    await context.gate.sign_in("peer", PASSWORD, **somewhere())
    move = f"dn: {group('{}')}\nchangetype: modify\n{{}}: member\nmember: {dn('peer')}\n"
    slapd.change(move.format("responders", "add"))

    try:
        await recheck()
    finally:
        slapd.change(move.format("responders", "delete"))

    user, roles, live = await user_of(context, organisation, "peer@example.test")
    assert (user.status, roles, live) == ("active", ["incident_responder"], 1)


async def test_a_directory_that_does_not_answer_changes_nothing(context, organisation, ldap, recheck, slapd):
    await context.gate.sign_in("ada", PASSWORD, **somewhere())
    dead = slapd.config(servers=[f"ldaps://localhost:{free_port()}"])
    async with opened(context, organisation) as services:
        await services.providers.change(ldap.id, ProviderChange(config=dead), by=ADMIN)

    done = await recheck()

    assert "Connection refused" in done.failure or "refused" in done.failure
    assert (await user_of(context, organisation, "ada@example.test"))[2] == 1


async def test_a_directory_that_forgot_nearly_everybody_is_doubted(
    context, organisation, ldap, recheck, crowd
):
    members = [await crowd.member(organisation) for _ in range(6)]
    now = context.clock.now()
    async with transaction(context.database, organisation) as session:
        for place, member in enumerate(members):
            session.add(
                ExternalIdentity(
                    org_id=organisation.org_id, id=member.id, provider_id=ldap.id, user_id=member.id,
                    subject=f"00000000-0000-0000-0000-00000000000{place}", active=True, detail={},
                    created_at=now, changed_at=now, checked_at=now,
                )
            )  # fmt: skip

    done = await recheck()

    assert "6 of 6 people are missing" in done.failure
    assert ("identity_provider.doubted", "failed") in await crowd.audited(organisation, ldap.id)
