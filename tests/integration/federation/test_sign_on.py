"""Single sign-on through the pages: SAML answers that count once, in one browser, for one request."""

import asyncio
from urllib.parse import urlencode

import pytest
from sqlalchemy import select

from appliance.foundation.database import transaction
from appliance.identity.errors import LastSuperAdmin, SignInRefused
from appliance.identity.federation_schemas import ProviderChange, SamlConfig
from appliance.identity.models import RoleAssignment, Session, User
from appliance.identity.schemas import PolicyChange
from appliance.web.authentication import COOKIE
from appliance.web.console.single_sign_on import SSO_COOKIE
from tests.factories.people import PASSWORD, somewhere
from tests.factories.saml import CONTEXT, encoded, inflated, logout_request, redirect_query
from tests.integration.federation.conftest import ADMIN, SAML_ROLES

pytestmark = pytest.mark.peer


class Visitor:
    """A browser on its way through a provider."""

    def __init__(self, client, provider, idp):
        self.client, self.provider, self.idp, self.request_id = client, provider, idp, ""

    async def start(self, wanted="/rules"):
        answer = await self.client.get(f"/sso/{self.provider.id}", params={"next": wanted})
        assert answer.status_code == 303, answer.text
        self.request_id = inflated(answer.headers["location"], "SAMLRequest").get("ID")
        return answer

    def answer(self, **more):
        values = {
            "request_id": self.request_id, "consumer": self.provider.addresses["consumer"],
            "audience": self.provider.addresses["metadata"],
        } | more  # fmt: skip
        return encoded(self.idp.answer(**values))

    async def bring(self, message, relay_state=""):
        form = {"SAMLResponse": message, "RelayState": relay_state}
        headers = {"sec-fetch-site": "cross-site"}
        return await self.client.post(f"/sso/{self.provider.id}/acs", data=form, headers=headers)

    async def sign_in(self, **more):
        await self.start()
        return await self.bring(self.answer(**more))

    async def session(self):
        return await self.client.get("/api/v1/session")


@pytest.fixture
def visitor(browser, saml, idp):
    return lambda: Visitor(browser(), saml, idp)


async def test_a_person_comes_in_and_is_made_a_user_with_the_groups_role(visitor, saml):
    one = visitor()

    answer = await one.sign_in(email="Ada@Example.test")

    told = (await one.session()).json()
    assert (answer.status_code, told["user"]["email"]) == (200, "ada@example.test")
    assert told["roles"] == ["soc_analyst"]
    assert 'content="0; url=/rules"' in answer.text


async def test_the_same_response_twice_is_refused(visitor):
    one = visitor()
    await one.start()
    message = one.answer()

    first, again = await one.bring(message), await one.bring(message)

    assert (first.status_code, again.status_code) == (200, 401)


async def test_of_the_same_response_ten_times_at_once_one_gets_in(visitor, browser, saml, idp):
    one = visitor()
    await one.start()
    message = one.answer()

    answers = await asyncio.gather(*(one.bring(message) for _ in range(10)))

    assert sorted(answer.status_code for answer in answers) == [200, *[401] * 9]


async def test_an_assertion_is_spent_also_for_another_request(visitor, idp, saml, context, organisation):
    from appliance.identity.federation_errors import AssertionRefused
    from appliance.identity.federation_schemas import Person
    from appliance.identity.ports import Assertion

    sign_on = context.federation.sign_on
    known = await sign_on.load(saml.id)
    person = Person(subject="s", email="s@example.test", name="S", groups=["analysts"])
    assertion = Assertion("_one", context.clock.now(), person)
    async with transaction(context.database, organisation) as session:
        assert (await sign_on._admit(session, known, assertion)).user_id is not None

    with pytest.raises(AssertionRefused, match="used before"):
        async with transaction(context.database, organisation) as session:
            await sign_on._admit(session, known, assertion)


async def test_unsolicited_is_refused(visitor):
    one = visitor()
    await one.start()

    assert (await one.bring(one.answer(request_id=None))).status_code == 401
    assert (await one.session()).status_code == 401


async def test_another_browser_cannot_use_the_answer(visitor):
    victim, thief = visitor(), visitor()
    await victim.start()
    await thief.start()
    stolen = victim.answer()

    assert (await thief.bring(stolen)).status_code == 401
    assert (await victim.bring(stolen)).status_code == 200


async def test_nobody_is_signed_in_by_an_answer_that_somebody_else_asked_for(visitor):
    attacker, victim = visitor(), visitor()
    await attacker.start()

    answer = await victim.bring(attacker.answer(subject="attacker"))

    assert answer.status_code == 401
    assert COOKIE not in victim.client.cookies


async def test_an_answer_that_comes_too_late_is_refused(visitor, clock):
    one = visitor()
    await one.start()
    message = one.answer()
    clock.advance(minutes=11)

    assert (await one.bring(message)).status_code == 401


@pytest.mark.parametrize(
    "evil", ["https://evil.test", "//evil.test", "/\\evil.test", "javascript:alert(1)", "/\r\nx"]
)
async def test_relay_state_and_next_lead_nowhere_else(visitor, evil):
    one = visitor()
    await one.start(wanted=evil)

    answer = await one.bring(one.answer(), relay_state=evil)

    assert answer.status_code == 200
    assert 'content="0; url=/"' in answer.text
    assert "evil" not in answer.text


@pytest.mark.parametrize("message", ["%%%", "", "PHg+", encoded(b"<!DOCTYPE x><x/>"), "A" * 500_000])
async def test_what_is_no_response_is_a_400(visitor, message):
    one = visitor()
    await one.start()

    assert (await one.bring(message)).status_code == 400


async def test_the_host_header_decides_nothing(visitor, saml):
    one = visitor()
    one.client.headers["host"] = "evil.test"

    answer = await one.start()

    request = inflated(answer.headers["location"], "SAMLRequest")
    assert request.get("AssertionConsumerServiceURL") == saml.addresses["consumer"]
    assert "evil" not in saml.addresses["consumer"]


async def test_the_binding_cookie_is_secure_and_for_this_host_only(visitor):
    cookie = (await visitor().start()).headers["set-cookie"].lower()

    assert cookie.startswith(f"{SSO_COOKIE.lower()}=xdr_sso_")
    assert {"secure", "httponly", "samesite=none", "path=/"} <= {one.strip() for one in cookie.split(";")}


@pytest.mark.parametrize("groups", [(), ("strangers",), ("analyst",), ("analysts2",), ("an*",)])
async def test_no_match_is_no_access(visitor, crowd, organisation, saml, groups):
    one = visitor()

    answer = await one.sign_in(groups=groups)

    assert answer.status_code == 401
    assert ("session.refused", "denied") in await crowd.audited(organisation, saml.id)
    async with crowd.open(organisation) as services:
        assert await services.identity.users(by=ADMIN) == []


async def test_the_first_line_that_fits_decides(visitor):
    one = visitor()

    await one.sign_in(groups=("readers", "analysts", "others"))

    assert (await one.session()).json()["roles"] == ["soc_analyst"]


async def test_who_somebody_is_is_never_decided_by_an_address(visitor, crowd, organisation):
    member = await crowd.member(organisation, "super_admin")
    one = visitor()

    answer = await one.sign_in(email=member.email)

    assert answer.status_code == 401
    assert "belongs to another account" in answer.text
    assert COOKIE not in one.client.cookies


async def test_the_subject_decides_also_when_the_address_changes(visitor, crowd, organisation):
    first, second, other = visitor(), visitor(), visitor()
    await first.sign_in(subject="a", email="one@example.test")
    await second.sign_in(subject="a", email="two@example.test")

    answer = await other.sign_in(subject="b", email="one@example.test")

    assert (await first.session()).json()["user"]["id"] == (await second.session()).json()["user"]["id"]
    assert answer.status_code == 401


async def test_roles_follow_the_groups_and_leave_local_ones_alone(visitor, crowd, organisation, context):
    one = visitor()
    await one.sign_in()
    user_id = (await one.session()).json()["user"]["id"]
    async with transaction(context.database, organisation) as session:
        session.add(RoleAssignment(org_id=organisation.org_id, user_id=user_id, role="incident_responder"))

    await visitor().sign_in(groups=("readers",))

    told = (await one.session()).json()
    assert told["roles"] == ["incident_responder", "read_only_analyst"]


async def test_who_loses_every_group_loses_the_session_too(visitor):
    one = visitor()
    await one.sign_in()

    refused = await visitor().sign_in(groups=())

    assert refused.status_code == 401
    assert (await one.session()).status_code == 401


async def test_whom_an_administrator_suspended_no_provider_lets_in(visitor, crowd, organisation):
    one = visitor()
    await one.sign_in()
    user_id = (await one.session()).json()["user"]["id"]
    async with crowd.open(organisation) as services:
        await services.identity.suspend(user_id, by=ADMIN)

    again = await visitor().sign_in()

    assert (await one.session()).status_code == 401
    assert again.status_code == 401


async def test_a_mighty_role_still_takes_a_second_factor_here(visitor):
    one = visitor()

    answer = await one.sign_in(groups=("admins",))

    assert "/sign-in/step" in answer.text
    assert (await one.session()).status_code == 401


async def test_a_provider_whose_two_factors_are_agreed_on_is_believed(
    visitor, crowd, organisation, saml, idp
):
    config = SamlConfig(metadata=idp.metadata(), group_roles=SAML_ROLES, mfa_contexts=[CONTEXT])
    async with crowd.open(organisation) as services:
        await services.providers.change(saml.id, ProviderChange(config=config), by=ADMIN)
    one = visitor()

    await one.sign_in(groups=("admins",))

    assert (await one.session()).json()["roles"] == ["super_admin"]


async def test_a_signed_logout_ends_the_session_it_names_and_no_other(
    visitor, saml, idp, context, organisation
):
    one, other = visitor(), visitor()
    await one.sign_in(subject="a", email="a@example.test")
    await other.sign_in(subject="b", email="b@example.test")
    async with transaction(context.database, organisation) as session:
        rows = await session.execute(select(Session.provider_session).where(Session.provider_subject == "a"))
        (index,) = rows.scalars()
    message = logout_request(subject="a", session=index, destination=saml.addresses["logout"])

    unsigned = await one.client.get(f"/sso/{saml.id}/slo?{redirect_query(message, None)}")
    still = (await one.session()).status_code
    signed = await one.client.get(f"/sso/{saml.id}/slo?{redirect_query(message, idp.key)}")

    assert (unsigned.status_code, still) == (401, 200)
    assert signed.status_code == 303
    assert "SAMLResponse=" in signed.headers["location"]
    assert "Signature=" in signed.headers["location"]
    assert (await one.session()).status_code == 401
    assert (await other.session()).status_code == 200


async def test_a_logout_for_another_session_or_subject_ends_nothing(visitor, saml, idp):
    one = visitor()
    await one.sign_in(subject="a", email="a@example.test")

    for subject, index in (("a", "another"), ("b", ""), ("A", "")):
        message = logout_request(subject=subject, session=index, destination=saml.addresses["logout"])
        await one.client.get(f"/sso/{saml.id}/slo?{redirect_query(message, idp.key)}")

    assert (await one.session()).status_code == 200


async def test_signing_out_here_can_sign_out_there(visitor, context, saml):
    one = visitor()
    await one.sign_in()
    token = context.csrf_token(one.client.cookies[COOKIE])

    answer = await one.client.post("/api/v1/session/provider-logout", headers={"x-csrf-token": token})

    request = inflated(answer.json()["url"], "SAMLRequest")
    assert request.get("Destination") == "https://idp.example.test/slo"
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert answer.headers["clear-site-data"] == '"cache", "storage"'
    assert (await one.session()).status_code == 401


async def test_a_switched_off_provider_ends_its_sessions_and_starts_none(visitor, crowd, organisation, saml):
    one = visitor()
    await one.sign_in()

    async with crowd.open(organisation) as services:
        await services.providers.change(saml.id, ProviderChange(enabled=False), by=ADMIN)

    assert (await one.session()).status_code == 401
    assert (await one.client.get(f"/sso/{saml.id}")).status_code == 404


async def test_a_removed_provider_takes_its_people_along(visitor, crowd, organisation, saml, context):
    one = visitor()
    await one.sign_in()

    async with crowd.open(organisation) as services:
        await services.providers.remove(saml.id, by=ADMIN)

    async with transaction(context.database, organisation) as session:
        user = (await session.execute(select(User))).scalars().one()
        roles = (await session.execute(select(RoleAssignment))).scalars().all()
    assert (user.status, list(roles)) == ("deactivated", [])
    assert (await one.session()).status_code == 401


async def test_the_provider_of_the_last_administrator_stays(visitor, crowd, organisation, saml):
    await visitor().sign_in(groups=("admins",))

    with pytest.raises(LastSuperAdmin):
        async with crowd.open(organisation) as services:
            await services.providers.remove(saml.id, by=ADMIN)


async def test_enforced_sign_on_leaves_passwords_to_the_break_glass_account(
    visitor, crowd, organisation, context
):
    from appliance.identity.schemas import NewUser

    member = await crowd.member(organisation)
    async with crowd.open(organisation) as services:
        new = NewUser(
            email="glass-of-sign-on@example.test", name="x", roles=["soc_analyst"], break_glass=True
        )
        invited = await services.identity.invite(new, by=ADMIN)
    await context.gate.redeem(invited.link_token, PASSWORD, **somewhere())
    async with crowd.open(organisation) as services:
        await services.organisation.change(PolicyChange(sso_enforced=True), by=ADMIN)

    with pytest.raises(SignInRefused):
        await context.gate.sign_in(member.email, PASSWORD, **somewhere())
    assert await context.gate.sign_in("glass-of-sign-on@example.test", PASSWORD, **somewhere())
    one = visitor()
    assert (await one.sign_in()).status_code == 200


async def test_the_page_offers_what_is_shown_and_nothing_else(browser, crowd, organisation, saml):
    # Other tests offer providers too, and the page ends after fifty.
    async with crowd.open(organisation) as services:
        await services.providers.change(saml.id, ProviderChange(name="!first"), by=ADMIN)
    shown = (await browser().get("/sso")).text
    async with crowd.open(organisation) as services:
        await services.providers.change(saml.id, ProviderChange(shown=False), by=ADMIN)
    hidden = (await browser().get("/sso")).text

    assert str(saml.id) in shown
    assert str(saml.id) not in hidden


async def test_a_provider_of_nobody_is_a_404(browser):
    path = "/sso/00000000-0000-0000-0000-000000000000"

    statuses = [
        (await browser().get(path)).status_code,
        (await browser().get(f"{path}/callback?state=x")).status_code,
        (await browser().get(f"{path}/slo?SAMLRequest=x")).status_code,
        (await browser().post(f"{path}/acs", data={"SAMLResponse": "x"})).status_code,
    ]

    assert statuses == [404] * 4


async def test_a_parameter_twice_is_refused(browser, saml):
    query = urlencode({"SAMLRequest": "x"}) + "&" + urlencode({"SAMLRequest": "y"})

    assert (await browser().get(f"/sso/{saml.id}/slo?{query}")).status_code in (400, 422)
