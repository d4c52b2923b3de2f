"""Real telemetry through the decoders: every record is an event, and says what it should."""

import gzip
import tarfile
import zipfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from appliance.detection.compiling import compile_rule_set
from appliance.detection.ruleset import RuleSet
from appliance.telemetry.decoding.registry import decoder, detect
from appliance.telemetry.events import Bounds, Decoded, Event
from tests.unit.detection.corpora_events import rule_sources

pytestmark = pytest.mark.corpora

RECEIVED = {"received": "2026-11-23T00:00:00Z"}


@pytest.fixture(scope="module")
def public_rules(corpora: Path) -> RuleSet:
    return compile_rule_set(rule_sources(corpora))[0]


def decode(body: bytes, **options: str) -> Decoded:
    decoded = decoder("auto")(body, Bounds(), {**RECEIVED, **options})
    assert decoded.malformed == []
    assert all(event.time for event in decoded.events)
    return decoded


def kinds(decoded: Decoded) -> Counter[str]:
    return Counter(event.kind for event in decoded.events)


def unzipped(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return b"\n".join(archive.read(name) for name in archive.namelist())


def untarred(path: Path) -> bytes:
    """The files of an archive; one of the corpora ends early, and what can be read counts."""
    read = bytearray()
    with tarfile.open(path) as archive, suppress(EOFError):
        for member in archive:
            file = archive.extractfile(member)
            while file is not None and (block := file.read(65_536)):
                read += block
    return bytes(read[: read.rfind(b"\n")])


def only(folder: Path, pattern: str) -> bytes:
    (path,) = folder.glob(pattern)
    return unzipped(path)


def originals_are_whole_lines(body: bytes, events: list[Event]) -> bool:
    return [body[event.start : event.end] for event in events] == [
        line.rstrip(b"\r") for line in body.split(b"\n") if line.strip()
    ]


def test_every_suricata_record(corpora):
    body = gzip.decompress((corpora / "suricata" / "eve-malicious.json.gz").read_bytes())

    decoded = decode(body)

    assert originals_are_whole_lines(body, decoded.events)
    assert kinds(decoded) == {
        "suricata.flow": 3512, "suricata.alert": 745, "suricata.dns": 680, "suricata.http": 56,
        "suricata.fileinfo": 3, "suricata.anomaly": 3, "suricata.tls": 1,
    }  # fmt: skip
    assert all(event.host == "stratosphere.org" for event in decoded.events)
    assert len({event.key for event in decoded.events}) == 5000
    for event in decoded.events:
        assert event.fields["SourceIp"] == event.fields["src_ip"]
        assert event.fields["DestinationIp"] == event.fields["dst_ip"] == event.fields["dest_ip"]
        if event.kind == "suricata.alert":
            assert event.fields["signature"]
            assert isinstance(event.fields["signature_id"], int)
        if event.kind == "suricata.dns":
            assert event.fields["query"]


@pytest.mark.parametrize(
    ("path", "count", "field"),
    [
        ("conn", 134, "DestinationPort"), ("dns", 32, "query"), ("files", 69, "source"), ("http", 62, "cs-method"),
        ("kerberos", 22, "id.orig_h"), ("notice", 1, "note"), ("smb_files", 6, "name"), ("ssl", 2, "server_name"),
        ("x509", 2, "certificate.serial"),
    ],
)  # fmt: skip
def test_every_zeek_record(corpora, path, count, field):
    body = (corpora / "zeek" / f"SCRANTON_{path}.log").read_bytes()

    decoded = decode(body)

    assert kinds(decoded) == {f"zeek.{path}": count}
    assert originals_are_whole_lines(body, decoded.events)
    if field != "server_name":
        assert all(event.fields.get(field) is not None for event in decoded.events)


def test_a_zeek_log_without_its_stream_is_known_by_its_file_name(corpora):
    body = (corpora / "zeek" / "SCRANTON_smb_files.log").read_bytes().replace(b'"@stream":"smb_files",', b"")

    assert kinds(decode(body, filename="SCRANTON_smb_files.log")) == {"zeek.smb_files": 6}


def test_every_cowrie_record(corpora):
    (path,) = (corpora / "cowrie").glob("*.gz")
    body = gzip.decompress(path.read_bytes())

    decoded = decode(body)

    assert originals_are_whole_lines(body, decoded.events)
    assert kinds(decoded) == {
        "cowrie.direct-tcpip": 1735, "cowrie.session": 931, "cowrie.login": 531, "cowrie.client": 436,
        "cowrie.log": 12, "cowrie.command": 5,
    }  # fmt: skip
    for event in decoded.events:
        assert event.fields["session"]
        if event.kind == "cowrie.login":
            assert event.fields["username"] is not None
        if event.kind == "cowrie.command":
            assert event.fields["CommandLine"] == event.fields["input"]
            assert event.fields["Image"]


def test_every_line_of_the_sshd_log(corpora):
    body = (corpora / "syslog" / "openssh-2k.log").read_bytes()

    decoded = decode(body)

    assert originals_are_whole_lines(body, decoded.events)
    assert kinds(decoded) == {"linux.sshd": 2000}
    assert {event.host for event in decoded.events} == {"labsz"}
    actions = Counter(event.fields.get("action") for event in decoded.events)
    # Counted in the file by grep; the two "message repeated" lines are failures as well.
    failed_passwords = sum(b"Failed " in line for line in body.splitlines())
    assert (
        sum("Failed " in str(e.fields["message"]) and e.fields["action"] == "failed" for e in decoded.events)
        == failed_passwords
    )
    assert actions["accepted"] == sum(b"Accepted " in line for line in body.splitlines())
    assert actions["invalid_user"] == body.count(b": Invalid user ") + body.count(b"input_userauth_request: ")
    assert all(
        e.fields["src_ip"]
        for e in decoded.events
        if e.fields.get("action") in ("failed", "accepted") and "Failed" in str(e.fields["message"])
    )


def test_every_line_of_the_linux_log(corpora):
    body = (corpora / "syslog" / "linux-2k.log").read_bytes()

    decoded = decode(body)

    assert originals_are_whole_lines(body, decoded.events)
    assert len(decoded.events) == 2000
    assert {event.host for event in decoded.events} == {"combo"}
    failures = [
        e
        for e in decoded.events
        if "authentication failure;" in str(e.fields["message"]) and "rhost=" in str(e.fields["message"])
    ]
    assert len(failures) > 400
    assert all(event.fields["action"] == "failed" for event in failures)


def test_the_auoms_records_of_log4shell(corpora):
    decoded = decode(only(corpora / "otrf/compound/Log4Shell", "syslog_auoms*.zip"))

    assert kinds(decoded) == {"linux.auditd": 50}
    assert {event.host for event in decoded.events} == {"ubuntu5"}
    commands = [str(event.fields.get("CommandLine")) for event in decoded.events]
    assert any(command.startswith('bash -c "{echo,YmFzaCAtaSA') for command in commands)
    assert all(event.fields["Image"] and event.fields["User"] for event in decoded.events)


def test_the_sysmon_records_of_log4shell(corpora):
    decoded = decode(only(corpora / "otrf/compound/Log4Shell", "syslog_sysmon*.zip"))

    assert kinds(decoded) == {"linux.sysmon": 93}
    assert {event.code for event in decoded.events} >= {"1", "3", "5", "11"}
    assert all(event.fields.get("Image") for event in decoded.events)
    assert any("YmFzaCAtaSA" in str(event.fields.get("CommandLine")) for event in decoded.events)


def test_the_connections_of_log4shell(corpora):
    decoded = decode(only(corpora / "otrf/compound/Log4Shell", "vminsights*.zip"))

    assert kinds(decoded) == {"azure.vmconnection": 5}
    assert {event.fields["DestinationPort"] for event in decoded.events} >= {8888, 1389}


@pytest.mark.parametrize(
    ("name", "count", "command"),
    [("defense_evasion", 1, "dd if=/dev/zero bs=1 count=1"), ("discovery", 2, "arp -a")],
)
def test_the_audit_logs_of_linux_attacks(corpora, name, count, command):
    decoded = decode(only(corpora / "otrf/atomic/linux" / name / "host", "*.zip"))

    assert kinds(decoded) == {"linux.auditd": count}
    assert decoded.events[0].fields["CommandLine"] == command
    assert decoded.events[0].fields["User"] == "1000"


def test_the_cloudtrail_records(corpora):
    decoded = decode(only(corpora / "otrf/atomic/aws/collection", "*.zip"))

    assert kinds(decoded) == {"aws.cloudtrail": 103}
    assert len({event.key for event in decoded.events}) == 103
    assert all(event.fields["eventName"] and event.fields["eventSource"] for event in decoded.events)


def test_the_bucket_logs_in_csv(corpora):
    body = only(corpora / "otrf/atomic/aws/discovery", "*.zip")

    decoded = decode(body)

    assert detect(body) == "csv"
    assert kinds(decoded) == {"generic": 301}
    assert all(event.fields["Source IP"] for event in decoded.events)


def test_the_windows_records_of_log4shell(corpora):
    for pattern, count in (("sysmon_log4shell*.zip", 487), ("securityauditing*.zip", 39)):
        decoded = decode(only(corpora / "otrf/compound/Log4Shell", pattern))

        assert kinds(decoded) == {"windows": count}


@pytest.mark.parametrize(
    ("name", "count", "rule"),
    [
        ("defense_evasion/host/empire_enable_rdp", 2668, "Firewall Rule Update Via Netsh.EXE"),
        (
            "privilege_escalation/host/empire_invoke_runas",
            2581,
            "HackTool - Empire PowerShell Launch Parameters",
        ),
    ],
)
def test_the_records_of_winlogbeat_6(corpora, public_rules, name, count, rule):
    body = untarred(corpora / f"otrf/atomic/windows/{name}.tar.gz")

    decoded = decode(body)

    assert kinds(decoded) == {"windows": count}
    assert all(event.channel and event.code and event.host for event in decoded.events)
    assert len({event.key for event in decoded.events}) == count
    fired = {
        public_rules.rules[number].title for event in decoded.events for number in public_rules.match(event)
    }
    assert rule in fired
