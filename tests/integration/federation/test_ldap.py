"""LDAP against a real OpenLDAP server: what gets in, what does not, and what a rogue server hears."""

import os
from pathlib import Path

import pytest

from appliance.identity.federation_errors import DirectoryUnavailable
from tests.factories.directories import (
    PASSWORD,
    SERVICE_PASSWORD,
    SUFFIX,
    Listener,
    free_port,
    group,
    rogue,
)

pytestmark = pytest.mark.peer


@pytest.fixture(autouse=True)
async def who_may_gets_in_afterwards(slapd, directory):
    """Beside each refusal: the same directory and worker still let in who should."""
    yield
    checked = await directory.authenticate(slapd.config(), SERVICE_PASSWORD, "ada", PASSWORD)
    assert checked.person is not None


@pytest.mark.parametrize("login", ["ada", "ada@example.test"])
async def test_a_person_signs_in_with_name_or_address(slapd, directory, login):
    checked = await directory.authenticate(slapd.config(), SERVICE_PASSWORD, login, PASSWORD)

    person = checked.person
    assert person is not None, checked.refused
    assert (person.email, person.name, person.groups) == (
        "ada@example.test",
        "Ada Analyst",
        [group("analysts")],
    )
    assert len(person.subject) == 36


async def test_starttls_does_as_well(slapd, directory):
    config = slapd.config(servers=[f"ldap://localhost:{slapd.plain_port}"])

    checked = await directory.authenticate(config, SERVICE_PASSWORD, "ada", PASSWORD)

    assert checked.person is not None


async def test_groups_count_also_by_way_of_other_groups(slapd, directory):
    checked = await directory.authenticate(slapd.config(), SERVICE_PASSWORD, "nell", PASSWORD)

    assert checked.person is not None
    assert set(checked.person.groups) == {group("inner"), group("middle"), group("responders")}


@pytest.mark.parametrize("password", ["wrong", PASSWORD + " ", PASSWORD.upper()])
async def test_a_wrong_password_is_refused(slapd, directory, password):
    checked = await directory.authenticate(slapd.config(), SERVICE_PASSWORD, "ada", password)

    assert (checked.person, checked.refused) == (None, "the name or the password is wrong")


async def test_an_empty_password_is_refused_before_anybody_is_asked(slapd, directory):
    unreachable = slapd.config(servers=[f"ldaps://localhost:{free_port()}"])

    checked = await directory.authenticate(unreachable, SERVICE_PASSWORD, "ada", "")

    assert (checked.person, checked.refused) == (None, "the password is empty")


@pytest.mark.parametrize(
    "login",
    [
        "*", "a*", "ada)(uid=*", ")(uid=*", "*)(objectClass=*", "ada\x00", "\x00", "ada)(|(uid=*",
        "uid=ada,ou=people,dc=example,dc=test", "ada,ou=people", "ada+cn=x", "\\61da", "(", ")", "\\", "ada\\",
        "ada#", '"ada"', "<ada>", "ada;", " ", "",
    ],
)  # fmt: skip
async def test_what_is_typed_is_a_value_and_never_a_filter(slapd, directory, login):
    checked = await directory.authenticate(slapd.config(), SERVICE_PASSWORD, login, PASSWORD)

    assert (checked.person, checked.refused) == (None, "nobody has this name")


async def test_a_server_with_a_strangers_certificate_hears_no_password(slapd, directory):
    with rogue() as stranger:
        config = slapd.config(servers=[f"ldaps://localhost:{stranger.port}"])

        with pytest.raises(DirectoryUnavailable, match="certificate verify failed"):
            await directory.authenticate(config, SERVICE_PASSWORD, "ada", PASSWORD)

    assert stranger.received == b""


async def test_a_server_under_another_name_hears_no_password(slapd, directory):
    config = slapd.config(servers=[f"ldaps://127.0.0.2:{slapd.port}"])

    with pytest.raises(DirectoryUnavailable):
        await directory.authenticate(config, SERVICE_PASSWORD, "ada", PASSWORD)


async def test_without_tls_nothing_is_said_beyond_the_question_for_it(slapd, directory):
    mute = Listener()
    config = slapd.config(servers=[f"ldap://localhost:{mute.port}"], timeout_seconds=1)

    with pytest.raises(DirectoryUnavailable):
        await directory.authenticate(config, SERVICE_PASSWORD, "ada", PASSWORD)
    mute.close()

    assert b"1.3.6.1.4.1.1466.20037" in mute.received
    assert SERVICE_PASSWORD.encode() not in mute.received


async def test_a_reference_to_another_server_is_not_followed(slapd, directory, referred):
    config = slapd.config(base_dn=SUFFIX)

    checked = await directory.authenticate(config, SERVICE_PASSWORD, "ada", PASSWORD)
    elsewhere = slapd.config(base_dn=f"ou=elsewhere,{SUFFIX}")
    with pytest.raises(DirectoryUnavailable, match="referral"):
        await directory.authenticate(elsewhere, SERVICE_PASSWORD, "ada", PASSWORD)

    assert checked.person is not None
    assert referred.received == b""


async def test_the_next_server_is_asked_when_one_does_not_answer(slapd, directory):
    servers = [f"ldaps://localhost:{free_port()}", f"ldaps://localhost:{slapd.port}"]

    checked = await directory.authenticate(slapd.config(servers=servers), SERVICE_PASSWORD, "ada", PASSWORD)

    assert checked.person is not None


async def test_a_refused_service_account_is_tried_at_one_server_only(slapd, directory):
    url = f"ldaps://localhost:{slapd.port}"

    with pytest.raises(DirectoryUnavailable) as caught:
        await directory.authenticate(slapd.config(servers=[url, url]), "wrong", "ada", PASSWORD)

    assert str(caught.value).count("the service account was refused") == 1


async def test_those_who_left_are_missing_when_looked_up(slapd, directory):
    known = (await directory.authenticate(slapd.config(), SERVICE_PASSWORD, "ada", PASSWORD)).person
    assert known is not None
    gone = "00000000-0000-0000-0000-000000000000"

    people = await directory.look_up(slapd.config(), SERVICE_PASSWORD, [known.subject, gone])

    assert set(people) == {known.subject}
    assert people[known.subject].groups == [group("analysts")]


async def test_the_worker_has_no_environment_that_leads_to_credentials(directory, slapd, monkeypatch):
    monkeypatch.setenv("XDR_CONFIG", "/etc/xdr/xdr.toml")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/xdr")

    await directory.authenticate(slapd.config(), SERVICE_PASSWORD, "ada", PASSWORD)

    pid = directory._process.pid
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    assert b"PATH" in environment
    assert b"XDR_CONFIG" not in environment
    assert b"CREDENTIALS" not in environment
    assert pid != os.getpid()


async def test_a_worker_that_died_is_started_again(slapd, directory):
    await directory.authenticate(slapd.config(), SERVICE_PASSWORD, "ada", PASSWORD)
    directory._process.kill()
    await directory._process.wait()

    checked = await directory.authenticate(slapd.config(), SERVICE_PASSWORD, "ada", PASSWORD)

    assert checked.person is not None


async def test_the_test_walks_every_step(slapd, directory):
    steps = await directory.probe(slapd.config(), SERVICE_PASSWORD)

    assert {step.name.partition(" ")[0]: step.state for step in steps} == {
        "resolve": "ok", "connect": "ok", "TLS": "ok", "bind": "ok", "search": "ok", "groups": "ok",
        "clock": "not_run",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("more", "secret", "failed", "advice"),
    [
        ({"servers": ["ldaps://no-such-host.invalid"]}, SERVICE_PASSWORD, "resolve", "check the name"),
        ({"servers": [f"ldaps://localhost:{free_port()}"]}, SERVICE_PASSWORD, "connect", "check the port"),
        ({}, "wrong", "bind", "service account's name and password"),
        ({"base_dn": f"ou=nowhere,{SUFFIX}"}, SERVICE_PASSWORD, "search", "check the base DN"),
        ({"group_roles": []}, SERVICE_PASSWORD, "groups", "map at least one group"),
    ],
)
async def test_the_test_explains_what_fails(slapd, directory, more, secret, failed, advice):
    steps = await directory.probe(slapd.config(**more), secret)

    wrong = [step for step in steps if step.state == "failed"]
    assert wrong[0].name.startswith(failed)
    assert advice in wrong[0].next


async def test_the_test_names_a_strangers_certificate(slapd, directory):
    with rogue() as stranger:
        steps = await directory.probe(
            slapd.config(servers=[f"ldaps://localhost:{stranger.port}"]), SERVICE_PASSWORD
        )

    assert [step.state for step in steps if step.name.startswith("TLS")] == ["failed"]
    assert stranger.received == b""
