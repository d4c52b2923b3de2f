"""Who and what an event is about."""

import pytest

from appliance.telemetry.entities import Entity, EntityKind, Role, entities_of
from appliance.telemetry.events import Event


def entities(kind: str = "windows", host: str = "w1", **fields) -> set[Entity]:
    return set(
        entities_of(
            Event(kind, "", "", {name.replace("__", "-"): v for name, v in fields.items()}, host=host)
        )
    )


def values(found: set[Entity], kind: EntityKind) -> set[str]:
    return {entity.value for entity in found if entity.kind is kind}


def test_one_account_has_one_name_in_every_source():
    sysmon = entities(User="SHIRE\\PGustavo")
    security = entities(SubjectUserName="pgustavo", SubjectDomainName="shire.local")
    cloud = entities(user="pgustavo@shire.local")

    assert (
        values(sysmon, EntityKind.USER) == values(security, EntityKind.USER) == values(cloud, EntityKind.USER)
    )


@pytest.mark.parametrize(
    "user",
    [
        "NT AUTHORITY\\SYSTEM",
        "LOCAL SERVICE",
        "NETWORK SERVICE",
        "Window Manager\\DWM-1",
        "UMFD-0",
        "ANONYMOUS LOGON",
        "SHIRE\\WS5$",
        "root",
    ],
)
def test_accounts_that_every_machine_has_are_weak(user):
    found = [entity for entity in entities(User=user) if entity.kind is EntityKind.USER]

    assert [entity.weak for entity in found] == [True]


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "0.0.0.0", "::", "-", "", "224.0.0.251", "ff02::fb", "LOCAL"]
)
def test_addresses_that_say_nothing_are_no_entities(address):
    assert values(entities(SourceIp=address), EntityKind.ADDRESS) == set()


def test_addresses_are_canonical_and_have_roles():
    found = entities(src_ip="2001:DB8:0::1", dst_ip="::ffff:192.0.2.1")

    assert Entity(EntityKind.ADDRESS, "2001:db8::1", Role.SOURCE) in found
    assert Entity(EntityKind.ADDRESS, "192.0.2.1", Role.TARGET) in found


def test_hashes_come_out_of_sysmons_list_without_the_import_hash():
    sha256, md5 = "a" * 64, "b" * 32

    found = entities(Hashes=f"MD5={md5.upper()},SHA256={sha256},IMPHASH={'c' * 32}")

    assert values(found, EntityKind.HASH) == {sha256, md5}


@pytest.mark.parametrize("value", ["0" * 32, "d41d8cd98f00b204e9800998ecf8427e", "not-a-hash", "-"])
def test_hashes_of_nothing_are_no_entities(value):
    assert values(entities(md5=value), EntityKind.HASH) == set()


def test_processes_and_sessions_belong_to_their_host():
    first = entities(ProcessGuid="{AB-1}", ParentProcessGuid="{AB-0}", LogonId="0x52A9E")
    other = entities(host="w2", ProcessGuid="{AB-1}", LogonId="0x52a9e")

    assert Entity(EntityKind.PROCESS, "ab-1@w1", Role.SUBJECT) in first
    assert Entity(EntityKind.PROCESS, "ab-0@w1", Role.PARENT) in first
    assert Entity(EntityKind.SESSION, "0x52a9e@w1", Role.SUBJECT) in first
    assert not values(first, EntityKind.PROCESS) & values(other, EntityKind.PROCESS)


@pytest.mark.parametrize("logon", ["0x3e7", "0x3E4", "0x0", "4294967295", "-1"])
def test_the_systems_own_sessions_are_no_entities(logon):
    assert values(entities(LogonId=logon), EntityKind.SESSION) == set()


def test_a_honeypots_session_joins_and_its_guessed_names_do_not():
    found = entities(kind="cowrie.login", host="pot", session="b6", username="admin", src_ip="192.0.2.1")

    assert Entity(EntityKind.SESSION, "b6@pot", Role.SUBJECT) in found
    assert Entity(EntityKind.USER, "admin", Role.SUBJECT, weak=True) in found


def test_queries_are_domains_and_addresses_in_them_are_addresses():
    found = entities(query="Evil.Example.", cs__host="192.0.2.7:8080")

    assert values(found, EntityKind.DOMAIN) == {"evil.example"}
    assert "192.0.2.7" in values(found, EntityKind.ADDRESS)


@pytest.mark.parametrize("query", ["localhost", "4.3.2.1.in-addr.arpa", "-", "has space.example"])
def test_names_that_lead_nowhere_are_no_domains(query):
    assert values(entities(query=query), EntityKind.DOMAIN) == set()


def test_an_event_with_a_thousand_values_names_at_most_128():
    many = tuple(f"10.0.{index // 250}.{index % 250}" for index in range(1000))

    assert (
        len(entities(SourceIp=many, DestinationIp=many, query=tuple(f"a{i}.example" for i in range(1000))))
        <= 128
    )


def test_files_and_urls_are_targets():
    found = entities(TargetFilename="C:\\Temp\\X.EXE", url="http://192.0.2.1/X")

    assert Entity(EntityKind.FILE, "c:\\temp\\x.exe", Role.TARGET) in found
    assert Entity(EntityKind.URL, "http://192.0.2.1/x", Role.TARGET) in found
