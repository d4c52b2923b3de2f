"""Setting identity providers up: what is refused, what is kept, and what is never told."""

import json
import subprocess
import sys

import msgspec
import pytest
from sqlalchemy import select

from appliance.audit.models import AuditEntry
from appliance.foundation.actors import Actor, ActorKind, Permission
from appliance.foundation.database import transaction
from appliance.foundation.errors import Invalid, NotPermitted
from appliance.identity.expiring import ExpiringProviders
from appliance.identity.federation_errors import ProviderNotFound, ProviderTaken
from appliance.identity.federation_models import IdentityProvider
from appliance.identity.federation_schemas import (
    GroupRole,
    LdapConfig,
    NewProvider,
    ProviderChange,
    SamlConfig,
)
from appliance.integrations.protocols import ProviderProtocols
from tests.factories.oidc import uploaded_config
from tests.factories.saml import IdentityProvider as SamlIdp
from tests.factories.saml import KeyPair
from tests.integration.federation.conftest import ADMIN, opened, provider

pytestmark = pytest.mark.peer
SECRET = "a-secret-nobody-may-see-7531"
PATH = "/api/v1/identity-providers"


async def test_a_secret_goes_in_sealed_and_never_comes_out(
    browser, crowd, context, organisation, caplog, slapd
):
    client = browser(await crowd.member(organisation, "super_admin"))
    body = msgspec.to_builtins(NewProvider(name="d", config=slapd.config(), secret=SECRET))

    made = await client.post(PATH, json=body)
    path = f"{PATH}/{made.json()['id']}"
    answers = [made, await client.get(PATH), await client.get(path)]
    answers.append(await client.patch(path, json={"secret": SECRET + "2"}))

    async with transaction(context.database, organisation) as session:
        row = (await session.execute(select(IdentityProvider))).scalars().one()
        trail = [entry.body for entry in (await session.execute(select(AuditEntry))).scalars()]
    assert [answer.status_code for answer in answers] == [201, 200, 200, 200]
    assert all(answer.status_code < 300 and SECRET not in answer.text for answer in answers)
    assert made.json()["has_secret"] is True
    assert SECRET.encode() not in row.secret
    assert not any(SECRET.encode() in body for body in trail)
    assert SECRET not in caplog.text
    assert SECRET not in repr(NewProvider(name="d", config=slapd.config(), secret=SECRET))


async def test_a_saml_key_is_made_here_and_only_its_public_half_is_shown(
    context, organisation, saml, browser
):
    shown = await browser().get(f"/sso/{saml.id}/metadata")

    async with transaction(context.database, organisation) as session:
        row = (await session.execute(select(IdentityProvider))).scalars().one()
    assert "X509Certificate" in shown.text
    assert "PRIVATE" not in shown.text
    assert row.secret
    assert b"PRIVATE" not in row.secret


@pytest.mark.parametrize(
    "change",
    [
        {"servers": ["http://dc1"]}, {"servers": ["ldap:///x"]}, {"servers": ["ldaps://u:p@dc1"]}, {"servers": []},
        {"ca_certificates": "x"}, {"ca_certificates": ""}, {"bind_dn": ""}, {"base_dn": ""},
        {"group_roles": [{"group": "g", "role": "nobody"}]}, {"login_attributes": ["uid)(x"]},
        {"timeout_seconds": 600}, {"auto_referrals": True}, {"kind": "nis"},
    ],
)  # fmt: skip
async def test_a_configuration_that_cannot_work_is_refused(browser, crowd, organisation, slapd, change):
    client = browser(await crowd.member(organisation, "super_admin"))
    body = msgspec.to_builtins(NewProvider(name="d", config=slapd.config(), secret="x"))

    right = await client.post(PATH, json=body)
    body["name"] = "e"
    wrong = await client.post(PATH, json=body | {"config": body["config"] | change})

    assert (right.status_code, wrong.status_code) == (201, 422)


async def test_nobody_maps_a_role_beyond_their_own(context, organisation, idp):
    narrow = Actor(
        ActorKind.TOKEN, None, "t", frozenset({Permission.IDENTITY_PROVIDERS_EDIT, Permission.USERS_VIEW})
    )
    config = SamlConfig(metadata=idp.metadata(), group_roles=[GroupRole(group="g", role="super_admin")])

    with pytest.raises(NotPermitted, match="cannot give away"):
        async with opened(context, organisation) as services:
            await services.providers.create(NewProvider(name="x", config=config), by=narrow)


async def test_a_name_is_taken_once_and_a_kind_stays(context, organisation, saml):
    async with opened(context, organisation) as services:
        with pytest.raises(ProviderTaken):
            await services.providers.create(NewProvider(name=saml.name, config=saml.config), by=ADMIN)
        with pytest.raises(Invalid, match="another provider"):
            await services.providers.change(saml.id, ProviderChange(config=uploaded_config()), by=ADMIN)


async def test_another_organisation_knows_nothing_of_it(context, other_organisation, saml):
    async with opened(context, other_organisation) as services:
        assert await services.providers.all(by=ADMIN) == []
        for verb in (services.providers.get, services.providers.remove, services.providers.issue_scim_token):
            with pytest.raises(ProviderNotFound):
                await verb(saml.id, by=ADMIN)


async def test_a_change_is_audited_with_before_and_after(context, organisation, saml, crowd):
    config = SamlConfig(metadata=saml.config.metadata, group_roles=[])
    async with opened(context, organisation) as services:
        await services.providers.change(saml.id, ProviderChange(config=config), by=ADMIN)

    async with transaction(context.database, organisation) as session:
        found = await session.execute(
            select(AuditEntry.body).where(AuditEntry.action == "identity_provider.changed")
        )
        detail = json.loads(found.scalar_one())["detail"]
    assert len(detail["before"]["config"]["group_roles"]) == 3
    assert detail["after"]["config"]["group_roles"] == []
    assert "EntityDescriptor" not in json.dumps(detail)


async def test_the_test_button_explains_and_is_audited(browser, crowd, organisation, context, slapd):
    made = await provider(context, organisation, slapd.config(), "wrong")
    client = browser(await crowd.member(organisation, "super_admin"))

    report = (await client.post(f"{PATH}/{made.id}/test")).json()

    failed = [step for step in report["steps"] if step["state"] == "failed"]
    assert report["ok"] is False
    assert failed[0]["next"] == "check the service account's name and password"
    assert {step["state"] for step in report["steps"]} == {"ok", "failed", "not_run"}
    assert ("identity_provider.tested", "success") in await crowd.audited(organisation, made.id)
    async with opened(context, organisation) as services:
        await services.providers.remove(made.id, by=ADMIN)


async def test_metadata_that_soon_ends_is_warned_of_once_a_day(context, organisation, tmp_path, crowd, clock):
    idp = SamlIdp(tmp_path)
    idp.key = KeyPair(tmp_path, "short", days=20)
    made = await provider(context, organisation, SamlConfig(metadata=idp.metadata()))
    expiring = ExpiringProviders(context.database, context.clock, ProviderProtocols("https://xdr.test"))

    await expiring.tell()
    await expiring.tell()
    clock.advance(days=1)
    await expiring.tell()

    told = [entry for entry in await crowd.audited(organisation, made.id) if "expiring" in entry[0]]
    assert len(told) == 2
    assert "expires on" in made.facts.warnings[0]


def test_the_directory_process_starts_and_ends(settings, state):
    process = subprocess.Popen(
        [sys.executable, "-m", "appliance.jobs.directory", str(state / "xdr.toml")], stderr=subprocess.PIPE
    )
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(3)
    process.terminate()

    assert process.wait(20) == 0
    process.stderr.close()


def test_no_kind_takes_a_setting_that_would_soften_it():
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert(
            {"kind": "ldap", "servers": ["ldaps://x"], "ca_certificates": "x", "bind_dn": "x", "base_dn": "x",
             "validate": False},
            LdapConfig,
        )  # fmt: skip
