"""CEF and LEEF: their escape rules above all."""

import pytest

from appliance.telemetry.decoding.registry import decoder
from appliance.telemetry.events import Bounds, Event


def one(line: str) -> Event:
    decoded = decoder("auto")(line.encode(), Bounds(), {"received": "2026-11-23T12:00:00Z"})
    assert decoded.malformed == []
    return decoded.events[0]


def test_cef_header_and_extension():
    event = one(
        "CEF:0|Security|threatmanager|1.0|100|worm stopped|10|src=10.0.0.1 dst=2.1.2.2 spt=1232 act=blocked"
    )

    assert event.kind == "cef"
    assert (event.fields["device_vendor"], event.fields["signature_id"]) == ("Security", "100")
    assert (event.fields["src_ip"], event.fields["SourceIp"], event.fields["src_port"]) == (
        "10.0.0.1",
        "10.0.0.1",
        1232,
    )
    assert (event.fields["action"], event.fields["severity"]) == ("blocked", "10")


def test_cef_escapes_in_the_header_and_in_values():
    event = one(r"CEF:0|Ve\|ndor|back\\slash|1|1|na\|me|1|msg=a\=b \\ c\nd filePath=/x y/z.exe cs1=k\=v")

    assert event.fields["device_vendor"] == "Ve|ndor"
    assert event.fields["device_product"] == "back\\slash"
    assert event.fields["msg"] == "a=b \\ c\nd"
    assert event.fields["TargetFilename"] == "/x y/z.exe"
    assert event.fields["cs1"] == "k=v"


def test_cef_custom_labels_become_names():
    event = one("CEF:0|a|b|1|1|n|1|cs1Label=Policy Name cs1=Deny all cn1=5 cn1Label=Count")

    assert (event.fields["Policy Name"], event.fields["Count"]) == ("Deny all", "5")


def test_an_extension_cannot_rename_the_device():
    event = one("CEF:0|Real|b|1|1|n|1|device_vendor=Forged signature_id=0")

    assert (event.fields["device_vendor"], event.fields["signature_id"]) == ("Real", "1")


@pytest.mark.parametrize("rt", ["1760220855000", "Oct 11 2025 22:14:15"])
def test_cef_times(rt):
    assert one(f"CEF:0|a|b|1|1|n|1|rt={rt} src=1.2.3.4").time == 1_760_220_855_000_000


def test_cef_inside_syslog_takes_host_and_time_from_the_header():
    event = one("<134>Oct 11 22:14:15 fw1 CEF:0|a|b|1|1|n|1|src=1.2.3.4 request=/a/b.php?q=1")

    assert (event.kind, event.host) == ("cef", "fw1")
    assert event.time > 0
    assert (event.fields["cs-uri-stem"], event.fields["cs-uri-query"]) == ("/a/b.php", "/a/b.php?q=1")


@pytest.mark.parametrize("line", ["CEF:", "CEF:0|a|b", "CEF:0|\\", "CEF:0|a|b|c|d|e|f|=== =a= ="])
def test_broken_cef_is_still_an_event(line):
    assert one(line).kind == "cef"


def test_leef_1_separates_by_tab():
    event = one(
        "LEEF:1.0|Microsoft|MSExchange|4.0 SP1|15345|src=192.0.2.1\tdst=172.50.123.1\tusrName=jo e\tsev=5"
    )

    assert event.kind == "leef"
    assert (event.fields["event_id"], event.fields["user"], event.fields["src_ip"]) == (
        "15345",
        "jo e",
        "192.0.2.1",
    )


@pytest.mark.parametrize(("stated", "real"), [("^", "^"), ("x5E", "^"), ("0x09", "\t"), ("0x7C", "|")])
def test_leef_2_names_its_separator(stated, real):
    event = one(f"LEEF:2.0|Lancope|StealthWatch|1.0|41|{stated}|src=10.0.1.8{real}dst=10.0.0.5{real}sev=5")

    assert (event.fields["src_ip"], event.fields["dst_ip"], event.fields["sev"]) == (
        "10.0.1.8",
        "10.0.0.5",
        "5",
    )
