"""Linux audit records, Sysmon for Linux and the journal."""

import json

import pytest

from appliance.telemetry.decoding.registry import decoder
from appliance.telemetry.events import Bounds

AUDIT = (
    "type=SYSCALL msg=audit(1604996384.965:93777): arch=c000003e syscall=59 success=yes exit=0 a0=558e a1=558f "
    'ppid=29002 pid=2168 uid=0 tty=pts0 ses=104 comm="dd" exe="/bin/dd" key=(null)\n'
    'type=EXECVE msg=audit(1604996384.965:93777): argc=3 a0="dd" a1=6120622F63 a2="bs=1"\n'
    'type=CWD msg=audit(1604996384.965:93777): cwd="/home/w"\n'
    'type=PATH msg=audit(1604996384.965:93777): item=0 name="/bin/dd" nametype=NORMAL\n'
    'type=PATH msg=audit(1604996384.965:93777): item=1 name="/lib64/ld.so" nametype=NORMAL\n'
    "type=PROCTITLE msg=audit(1604996384.965:93777): proctitle=646400613D31\n"
)


def decode(text: str | bytes, **options: str):
    body = text.encode() if isinstance(text, str) else text
    return decoder("auto")(body, Bounds(), options)


def test_the_records_of_one_audit_event_are_one_event():
    decoded = decode(AUDIT)

    event = decoded.events[0]
    assert len(decoded.events) == 1
    assert (event.kind, event.code, event.time) == ("linux.auditd", "EXECVE", 1_604_996_384_965_000)
    assert event.fields["type"] == ("SYSCALL", "EXECVE", "CWD", "PATH", "PROCTITLE")
    assert (event.fields["a0"], event.fields["a1"], event.fields["a2"]) == ("dd", "a b/c", "bs=1")
    assert event.fields["name"] == ("/bin/dd", "/lib64/ld.so")
    assert (event.fields["SYSCALL"], event.fields["Image"], event.fields["User"]) == (
        "execve",
        "/bin/dd",
        "root",
    )
    assert event.fields["CommandLine"] == "dd a b/c bs=1"
    assert event.fields["CurrentDirectory"] == "/home/w"
    assert AUDIT.encode()[event.start : event.end] == AUDIT.encode().rstrip(b"\n")


def test_records_of_different_events_or_nodes_stay_apart():
    decoded = decode(
        'node=a type=CWD msg=audit(1.0:1): cwd="/"\n'
        'node=b type=CWD msg=audit(1.0:1): cwd="/"\n'
        'node=b type=CWD msg=audit(1.0:2): cwd="/"\n'
    )

    assert [event.host for event in decoded.events] == ["a", "b", "b"]
    assert len({event.key for event in decoded.events}) == 3


def test_audit_records_inside_syslog_are_grouped_and_take_its_host():
    lines = "".join(f"<13>Oct 11 22:14:15 web1 audispd: {line}\n" for line in AUDIT.splitlines())

    decoded = decode(lines)

    assert len(decoded.events) == 1
    assert (decoded.events[0].host, decoded.events[0].fields["Image"]) == ("web1", "/bin/dd")


def test_a_word_that_happens_to_be_hex_stays_a_word():
    decoded = decode('type=EXECVE msg=audit(1.0:1): argc=2 a0="x" a1=6162\n')

    assert decoded.events[0].fields["a1"] == "6162"


def test_long_arguments_in_pieces_are_put_together():
    decoded = decode('type=EXECVE msg=audit(1.0:1): argc=1 a0_len=6 a0[0]="abc" a0[1]="def"\n')

    assert decoded.events[0].fields["a0"] == "abcdef"


def test_user_records_keep_the_pairs_inside_their_message():
    decoded = decode(
        'type=USER_CMD msg=audit(1.0:1): pid=1 uid=1000 msg=\'cwd="/" cmd=6C73202D6C exe="/usr/bin/sudo" res=success\''
    )

    fields = decoded.events[0].fields
    assert (fields["cmd"], fields["CommandLine"], fields["res"]) == ("ls -l", "ls -l", "success")


def test_auoms_records_are_process_starts():
    decoded = decode(
        "type=AUOMS_EXECVE audit(1652292621.990:84143): node=UBUNTU5 arch=x86_64 syscall=execve uid=1001 user=tomcat "
        'exe="/bin/bash" cwd="/" path_name=["/bin/bash","/lib64/ld.so"] argc=3 '
        'cmdline="bash -c "{echo,YmFz}|{base64,-d}"" redactors= containerid='
    )

    event = decoded.events[0]
    assert (event.host, event.fields["User"], event.fields["Image"]) == ("ubuntu5", "tomcat", "/bin/bash")
    assert event.fields["CommandLine"] == 'bash -c "{echo,YmFz}|{base64,-d}"'
    assert event.fields["a2"] == "{echo,YmFz}|{base64,-d}"
    assert "EXECVE" in event.fields["type"]


SYSMON = (
    '<Event><System><Provider Name="Linux-Sysmon"/><EventID>1</EventID>'
    '<TimeCreated SystemTime="2026-05-11T18:10:20.399931000Z"/><EventRecordID>7</EventRecordID>'
    "<Channel>Linux-Sysmon/Operational</Channel><Computer>U5</Computer></System><EventData>"
    '<Data Name="Image">/bin/bash</Data><Data Name="CommandLine">bash -c "a &amp;&amp; b"</Data>'
)


def test_sysmon_for_linux_in_syslog():
    decoded = decode(f"<14>Oct 11 22:14:15 u5 sysmon: {SYSMON}</EventData></Event>")

    event = decoded.events[0]
    assert (event.kind, event.code, event.host) == ("linux.sysmon", "1", "u5")
    assert event.channel == "Linux-Sysmon/Operational"
    assert event.fields["CommandLine"] == 'bash -c "a && b"'
    assert event.time == 1_778_523_020_399_931


def test_a_sysmon_message_cut_by_its_relay_keeps_what_arrived():
    decoded = decode(SYSMON + '<Data Name="ParentCommandLine">/usr/lib/jvm/ja')

    event = decoded.events[0]
    assert event.kind == "linux.sysmon"
    assert event.fields["ParentCommandLine"] == "/usr/lib/jvm/ja"
    assert event.fields["truncated"] == "true"


def test_entities_whose_semicolon_a_relay_ate_are_mended():
    decoded = decode(SYSMON + '<Data Name="X">&lt unknown process&gt </Data></EventData></Event>')

    assert decoded.events[0].fields["X"] == "<unknown process>"


@pytest.mark.parametrize(
    "document",
    [
        '<Event><!DOCTYPE x [<!ENTITY a "aaaa">]><System/></Event>',
        '<Events><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]><x>&lol2;</x></Events>',
        "<Event>" + "<a>" * 5000,
        "<Event",
    ],
)
def test_xml_that_is_no_sysmon_event_stays_text(document):
    event = decode(document).events[0]

    assert event.kind == "linux.syslog"
    assert event.fields["message"] == document


def test_a_journal_entry_reads_like_its_syslog_message():
    document = {
        "__REALTIME_TIMESTAMP": "1760220855000001", "__CURSOR": "s=1", "_HOSTNAME": "Web1", "PRIORITY": "6",
        "SYSLOG_FACILITY": "10", "SYSLOG_IDENTIFIER": "sshd", "_PID": "9", "_SYSTEMD_UNIT": "ssh.service",
        "MESSAGE": "Failed password for root from 192.0.2.1 port 4 ssh2",
    }  # fmt: skip

    event = decode(json.dumps(document)).events[0]

    assert (event.kind, event.host, event.time) == ("linux.sshd", "web1", 1_760_220_855_000_001)
    assert (event.fields["action"], event.fields["user"], event.fields["facility"]) == (
        "failed",
        "root",
        "authpriv",
    )
    assert event.key is not None


def test_a_journal_message_in_bytes_is_read():
    document = {"__REALTIME_TIMESTAMP": "1", "MESSAGE": list(b"caf\xe9 \xc3\xa9"), "SYSLOG_IDENTIFIER": "x"}

    assert decode(json.dumps(document)).events[0].fields["message"] == "caf\ufffd é"


def test_audit_records_in_the_journal_are_audit_events():
    document = {
        "__REALTIME_TIMESTAMP": "1760220855000001", "_TRANSPORT": "audit", "_AUDIT_TYPE_NAME": "SERVICE_STOP",
        "_AUDIT_ID": "77", "_HOSTNAME": "h", "MESSAGE": "SERVICE_STOP pid=1 uid=0 msg='unit=auditd res=success'",
    }  # fmt: skip

    event = decode(json.dumps(document)).events[0]

    assert (event.kind, event.host, event.time) == ("linux.auditd", "h", 1_760_220_855_000_001)
    assert (event.fields["type"], event.fields["unit"]) == ("SERVICE_STOP", "auditd")
