"""LDAP against a real Active Directory domain controller, in a network namespace of its own."""

from pathlib import Path

import pytest

from appliance.identity.federation_errors import DirectoryUnavailable
from appliance.integrations.ldap.client import DirectoryWorker
from tests.factories.active_directory import (
    PASSWORD,
    SERVICE_PASSWORD,
    SUFFIX,
    DomainController,
    group,
)

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def controller(tmp_path_factory):
    made = DomainController(Path(tmp_path_factory.mktemp("ad")))
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
async def directory(controller):
    worker = DirectoryWorker(*controller.worker_command)
    yield worker
    await worker.close()


@pytest.mark.parametrize("login", ["ada", "EXAMPLE\\ada", "ada@example.test", "ADA"])
async def test_account_name_and_principal_name_sign_in(controller, directory, login):
    checked = await directory.authenticate(controller.config(), SERVICE_PASSWORD, login, PASSWORD)

    assert checked.person is not None, checked.refused
    assert checked.person.email == "ada@example.test"
    assert group("Analysts") in checked.person.groups
    assert len(checked.person.subject) == 36


async def test_starttls_does_as_well(controller, directory):
    config = controller.config(servers=["ldap://localhost"])

    assert (await directory.authenticate(config, SERVICE_PASSWORD, "ada", PASSWORD)).person is not None


async def test_the_controller_resolves_nested_groups(controller, directory):
    checked = await directory.authenticate(controller.config(), SERVICE_PASSWORD, "nell", PASSWORD)

    assert checked.person is not None, checked.refused
    assert {group("Inner"), group("Middle"), group("Responders")} <= set(checked.person.groups)


async def test_a_disabled_account_is_refused_with_its_reason(controller, directory):
    checked = await directory.authenticate(controller.config(), SERVICE_PASSWORD, "dora", PASSWORD)

    assert (checked.person, checked.refused) == (None, "the account is disabled (data 533)")


async def test_a_wrong_password_has_its_own_reason(controller, directory):
    checked = await directory.authenticate(controller.config(), SERVICE_PASSWORD, "ada", "wrong")

    assert checked.person is None
    assert "wrong" in checked.refused


@pytest.mark.parametrize(
    "login", ["*", "ada)(cn=*", ")(sAMAccountName=*", "ada\x00", "", "EXAMPLE\\*", SUFFIX]
)
async def test_what_is_typed_is_a_value_and_never_a_filter(controller, directory, login):
    checked = await directory.authenticate(controller.config(), SERVICE_PASSWORD, login, PASSWORD)

    assert (checked.person, checked.refused) == (None, "nobody has this name")


async def test_an_empty_password_is_refused(controller, directory):
    checked = await directory.authenticate(controller.config(), SERVICE_PASSWORD, "ada", "")

    assert (checked.person, checked.refused) == (None, "the password is empty")


async def test_what_stands_behind_a_nul_is_not_left_out(controller, directory):
    for password in (PASSWORD + "\x00", PASSWORD + "\x00more"):
        checked = await directory.authenticate(controller.config(), SERVICE_PASSWORD, "ada", password)

        assert checked.person is None
        assert "NUL" in checked.refused


async def test_a_disabled_account_shows_when_looked_up(controller, directory):
    ada = (await directory.authenticate(controller.config(), SERVICE_PASSWORD, "ada", PASSWORD)).person
    controller.tool("user", "disable", "ada")

    try:
        people = await directory.look_up(controller.config(), SERVICE_PASSWORD, [ada.subject])
    finally:
        controller.tool("user", "enable", "ada")

    assert people[ada.subject].disabled == "the account is disabled in the directory"


async def test_the_test_walks_every_step_and_compares_the_clocks(controller, directory):
    steps = await directory.probe(controller.config(), SERVICE_PASSWORD)

    assert {step.name.partition(" ")[0]: step.state for step in steps} == {
        "resolve": "ok", "connect": "ok", "TLS": "ok", "bind": "ok", "search": "ok", "groups": "ok",
        "clock": "ok",
    }, steps  # fmt: skip


async def test_a_refused_service_account_is_explained(controller, directory):
    with pytest.raises(DirectoryUnavailable, match="the service account was refused"):
        await directory.authenticate(controller.config(), "wrong", "ada", PASSWORD)
