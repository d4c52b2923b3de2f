"""Windows events as shippers really send them, and as attackers would."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.telemetry.decoding.evtx import decode_evtx
from appliance.telemetry.decoding.windows import decode_windows_json
from appliance.telemetry.events import Bounds

SYSMON = "Microsoft-Windows-Sysmon/Operational"
NXLOG = {
    "EventTime": "2020-10-12 18:32:46",
    "@timestamp": "2020-10-12T22:32:48.932Z",
    "Hostname": "WORKSTATION5.theshire.local",
    "EventID": 10,
    "Channel": SYSMON,
    "SourceName": "Microsoft-Windows-Sysmon",
    "RecordNumber": 338387,
    "tags": ["mordorDataset"],
    "SourceImage": "C:\\windows\\system32\\svchost.exe",
    "UtcTime": "2020-10-12 22:32:46.069",
}
FOUR_SIX_EIGHT_EIGHT = {
    "Channel": "Security",
    "EventID": 4688,
    "Hostname": "W1",
    "NewProcessName": "C:\\Windows\\System32\\cmd.exe",
    "ParentProcessName": "C:\\Windows\\explorer.exe",
    "ProcessId": "0x16fc",
    "SubjectUserName": "wardog",
    "SubjectDomainName": "WORKSTATION5",
    "TargetUserName": "-",
    "MandatoryLabel": "S-1-16-12288",
}


def decode(*documents, separator=b"\n", **bounds):
    body = separator.join(json.dumps(document).encode() for document in documents)
    return decode_windows_json(body, Bounds(**bounds), {})


def only(decoded):
    assert decoded.malformed == []
    (event,) = decoded.events
    return event


def test_a_flat_event_becomes_its_own_fields():
    event = only(decode(NXLOG))

    assert (event.kind, event.channel, event.code) == ("windows", SYSMON, "10")
    assert event.host == "workstation5.theshire.local"
    assert event.fields["SourceImage"] == "C:\\windows\\system32\\svchost.exe"
    assert event.fields["Provider_Name"] == "Microsoft-Windows-Sysmon"
    assert event.fields["Computer"] == "WORKSTATION5.theshire.local"
    assert event.fields["tags"] == ("mordorDataset",)
    assert event.time == 1602541966069000


def test_a_local_time_is_put_right_by_the_time_of_receipt():
    event = only(decode({name: value for name, value in NXLOG.items() if name != "UtcTime"}))

    assert event.time == 1602541966000000


def test_the_channels_of_a_host_lie_on_one_clock_though_their_exporter_calls_local_time_utc():
    written = {"Hostname": "W1", "EventID": 1, "TimeCreated": "2020-10-22T01:54:20.166Z"}
    sysmon = only(decode({**written, "Channel": SYSMON, "UtcTime": "2020-10-22 05:54:20.165"}))
    security = only(decode({**written, "Channel": "Security"}))

    assert sysmon.time == security.time == 1603331660166000


def test_sysmons_own_time_is_the_exacter_one_where_the_clocks_agree():
    event = only(
        decode(
            {
                "Hostname": "W1", "EventID": 3, "Channel": SYSMON,
                "TimeCreated": "2019-05-18T20:36:46.254Z", "UtcTime": "2019-05-18 20:35:52.569",
            }
        )
    )  # fmt: skip

    assert event.time == 1558211752569000


@pytest.mark.parametrize("name", ["EventTime", "TimeCreated"])
def test_a_connection_does_not_lie_days_before_its_own_record(name):
    """Sysmon 3 is seen to name the time of the machine's start."""
    event = only(
        decode(
            {
                "Hostname": "W1", "EventID": 3, "Channel": SYSMON, "@timestamp": "2019-05-18T20:42:59Z",
                name: "2019-05-18 20:42:59", "UtcTime": "2019-05-07 11:56:15.761",
            }
        )
    )  # fmt: skip

    assert event.time == 1558212179000000


def test_a_time_of_receipt_is_no_event_time_where_the_event_has_its_own():
    event = only(
        decode(
            {
                "Hostname": "W1", "EventID": 1, "Channel": SYSMON, "@timestamp": "2020-10-22T09:00:00Z",
                "UtcTime": "2020-10-22 05:54:20.165",
            }
        )
    )  # fmt: skip

    assert event.time == 1603346060165000


@pytest.mark.parametrize("offset", ["-04:00", "+02:00", "Z"])
def test_a_local_time_that_names_its_zone_is_taken_at_its_word(offset):
    moment = datetime.fromisoformat(f"2020-10-12T18:32:46.500000{offset}")
    received = (moment + timedelta(seconds=2)).astimezone(UTC).isoformat().replace("+00:00", "Z")
    event = only(
        decode(
            {
                "Hostname": "W1", "EventID": 4624, "Channel": "Security", "EventTime": moment.isoformat(),
                "@timestamp": received,
            }
        )
    )  # fmt: skip

    assert event.time == int(moment.timestamp() * 1_000_000)


def test_a_resent_copy_has_the_same_key_and_another_record_has_not():
    one, copy = decode(NXLOG, {**NXLOG, "@timestamp": "2020-10-12T22:33:01Z"}).events
    other = only(decode({**NXLOG, "RecordNumber": 338388}))
    after_clearing = only(decode({**NXLOG, "UtcTime": "2020-10-13 01:00:00.000"}))

    assert one.key == copy.key
    assert len({one.key, other.key, after_clearing.key}) == 3
    assert len(one.key) == 16


def test_process_creation_is_read_alike_from_4688():
    fields = only(decode(FOUR_SIX_EIGHT_EIGHT)).fields

    assert fields["Image"] == "C:\\Windows\\System32\\cmd.exe"
    assert fields["ParentImage"] == "C:\\Windows\\explorer.exe"
    assert fields["User"] == "WORKSTATION5\\wardog"
    assert fields["IntegrityLevel"] == "High"
    assert fields["ProcessId"] == "0x16fc"


def test_hashes_are_there_one_by_one_as_well():
    event = only(decode({**NXLOG, "Hashes": "MD5=FF9D,SHA256=A80C,IMPHASH=3D43"}))

    assert (event.fields["md5"], event.fields["sha256"], event.fields["Imphash"]) == ("FF9D", "A80C", "3D43")


def test_names_with_blanks_are_there_without():
    defender = {
        "Channel": "Microsoft-Windows-Windows Defender/Operational",
        "EventID": 1116,
        "Threat Name": "Trojan",
        "Path": "file:_C:\\x",
    }
    fields = only(decode(defender)).fields

    assert fields["ThreatName"] == fields["Signature"] == "Trojan"
    assert fields["Filename"] == "file:_C:\\x"


@pytest.mark.parametrize(
    "document",
    [
        {
            "@timestamp": "2020-10-12T22:32:46.069Z",
            "winlog": {
                "channel": SYSMON,
                "event_id": "1",
                "computer_name": "W1",
                "provider_name": "Microsoft-Windows-Sysmon",
                "record_id": 5,
                "event_data": {"Image": "C:\\a.exe"},
            },
        },
        {
            "@timestamp": "2020-10-12T22:32:46.069Z",
            "log_name": SYSMON,
            "event_id": 1,
            "computer_name": "W1",
            "source_name": "Microsoft-Windows-Sysmon",
            "record_number": "5",
            "event_data": {"Image": "C:\\a.exe"},
        },
        {
            "ProviderName": "Microsoft-Windows-Sysmon",
            "EventID": 1,
            "Channel": SYSMON,
            "Computer": "W1",
            "EventRecordID": 5,
            "TimeCreated": "2020-10-12T22:32:46.069Z",
            "Message": "Process Create:\r\nRuleName: -\r\nImage: C:\\a.exe\r\n",
            "StringInserts": ["-", "C:\\a.exe"],
        },
        {
            "Provider": "Microsoft-Windows-Sysmon",
            "Channel": SYSMON,
            "Computer": "W1",
            "EventID": 1,
            "EventRecordID": 5,
            "TimeGenerated": "2020-10-12T22:32:46.069Z",
            "EventData": '{"Image":"C:\\\\a.exe"}',
        },
        {
            "EventSourceName": "Microsoft-Windows-Sysmon",
            "Channel": SYSMON,
            "Computer": "W1",
            "EventID": 1,
            "EventRecordID": 5,
            "TimeGenerated": "2020-10-12T22:32:46.069Z",
            "EventData": '<EventData>\r\n <Data Name="Image">C:\\a.exe</Data>\r\n</EventData>',
        },
        {
            "Event": {
                "System": {
                    "Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon"}},
                    "EventID": {"#attributes": {"Qualifiers": 0}, "#text": 1},
                    "Channel": SYSMON,
                    "Computer": "W1",
                    "EventRecordID": 5,
                    "TimeCreated": {"#attributes": {"SystemTime": "2020-10-12T22:32:46.069Z"}},
                },
                "EventData": {"Image": "C:\\a.exe"},
            }
        },
    ],
    ids=["winlogbeat", "winlogbeat 6", "fluent bit", "sentinel json", "sentinel xml", "evtx json"],
)
def test_every_shippers_shape_becomes_the_same_event(document):
    event = only(decode(document))

    assert (event.kind, event.channel, event.code) == ("windows", SYSMON, "1")
    assert (event.host, event.time) == ("w1", 1602541966069000)
    assert event.key is not None
    assert event.fields["Image"] == "C:\\a.exe"
    assert event.fields["Provider_Name"] == "Microsoft-Windows-Sysmon"


def test_the_channel_that_was_cleared_is_a_field_and_routes_nothing():
    record = {
        "Event": {
            "System": {"EventID": 104, "Channel": "System", "Computer": "W1"},
            "UserData": {
                "LogFileCleared": {"#attributes": {"xmlns": "x"}, "Channel": "Setup", "BackupPath": ""}
            },
        }
    }
    event = only(decode(record))

    assert (event.channel, event.fields["Channel"]) == ("System", "Setup")


@pytest.mark.parametrize("separator", [b"\n", b"\r\n", b"\n\n  \n"])
def test_every_original_is_where_the_event_says(separator):
    body = separator.join(json.dumps({**NXLOG, "n": n}).encode() for n in range(5)) + separator
    decoded = decode_windows_json(body, Bounds(), {})

    assert [json.loads(body[e.start : e.end])["n"] for e in decoded.events] == list(range(5))
    assert not any(body[e.start : e.end].endswith(b"\r") for e in decoded.events)


@pytest.mark.parametrize("indent", [None, 2])
def test_arrays_and_documents_spread_over_lines_are_read(indent):
    documents = [{**NXLOG, "n": n} for n in range(3)]
    array = json.dumps(documents, indent=indent).encode()
    spread = "\n".join(json.dumps(document, indent=indent) for document in documents).encode()

    for body in (array, spread):
        decoded = decode_windows_json(body, Bounds(), {})
        assert [json.loads(body[e.start : e.end])["n"] for e in decoded.events] == [0, 1, 2]
        assert decoded.malformed == []


@pytest.mark.parametrize(
    "bad",
    [
        b"{",
        b'{"EventID": 1,',
        b"[]",
        b"null",
        b"12",
        b'"x"',
        b"{}",
        b'{"EventID": null, "Channel": "x"}',
        b"\xff\xfe",
    ],
)
def test_a_bad_line_stops_nothing_and_is_where_it_says(bad):
    good = json.dumps(NXLOG).encode()
    body = good + b"\n" + bad + b"\n" + good
    decoded = decode_windows_json(body, Bounds(), {})

    assert len(decoded.events) == 2
    if bad != b"[]":
        assert [body[m.start : m.end] for m in decoded.malformed] == [bad]
    assert all(each.reason for each in decoded.malformed)


def test_booleans_and_nested_values_are_spelled_as_rules_read_them():
    event = only(decode({**NXLOG, "Initiated": True, "extra": {"a": [1, 2], "b": None}}))

    assert event.fields["Initiated"] == "true"
    assert event.fields["extra.a"] == (1, 2)


def test_bounds_are_kept_and_named():
    wide = {**NXLOG, **{f"f{n}": n for n in range(50)}}
    long = {**NXLOG, "CommandLine": "x" * 5_000}
    deep = {**NXLOG, "deep": json.loads("[" * 60 + "]" * 60)}

    assert "40 fields" in decode(wide, fields=40).malformed[0].reason
    assert "4096 bytes" in decode(long, event_bytes=4096).malformed[0].reason
    assert decode(deep, depth=8).malformed[0].reason
    many = decode(NXLOG, NXLOG, NXLOG, events=2)
    assert (len(many.events), len(many.malformed)) == (2, 1)
    values = {**NXLOG, "Image": ["x" * 20] * 2_000}
    assert "values" in decode(values).malformed[0].reason


def test_a_file_that_is_no_event_log_is_malformed():
    for body in (b"", b"ElfFile\x00", b"junk"):
        decoded = decode_evtx(body, Bounds(), {})
        assert decoded.events == []
        assert decoded.malformed


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = """
    EventID Channel Event System EventData UserData winlog event_data event_id Hashes log_name Data Message
    StringInserts UtcTime EventTime @timestamp tags Hostname
"""
names = st.sampled_from(NAMES.split())
documents = st.dictionaries(names, json_values | st.dictionaries(names, json_values, max_size=4), max_size=6)


@given(st.lists(documents, max_size=4))
def test_whatever_arrives_every_byte_is_an_event_or_malformed_and_values_are_plain(hostile):
    body = b"\n".join(json.dumps(document).encode() for document in hostile)
    decoded = decode_windows_json(body, Bounds(), {})

    assert len(decoded.events) + len(decoded.malformed) == len(hostile)
    for event in decoded.events:
        for value in event.fields.values():
            elements = value if isinstance(value, tuple) else (value,)
            assert {type(element) for element in elements} <= {str, int, float, type(None)}


@given(st.binary(max_size=300))
def test_no_bytes_make_the_decoders_raise(body):
    decode_windows_json(body, Bounds(), {})
    decode_evtx(b"ElfFile\x00" + body, Bounds(), {})


def test_an_event_longer_than_any_windows_record_is_refused_but_for_its_message():
    sysmon = {"Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 1}

    decoded = decode(
        {**sysmon, "CommandLine": "x" * 40_000},
        {**sysmon, "CommandLine": "x" * 32_000, "Message": "y" * 90_000},
        {**sysmon, "Image": ["x" * 1_000] * 40},
    )

    assert len(decoded.events) == 1
    assert [each.reason[:22] for each in decoded.malformed] == ["more than 36000 charac"] * 2


LINES = (
    b'{"Channel": "Security", "EventID": 4624, "Hostname": "w", "RecordNumber": 1}',
    b'{"Channel": "Security", "EventID": 4624, "Hostname": "w", "Initiated": true}\r',
    b'{"Channel": "Security", "EventID": "4624", "tags": ["a", "b"], "Nothing": null}',
    b'{"Channel": "System", "EventID": 7045, "EventData": "{\\"ServiceName\\": \\"x\\"}"}',
    b'{"Channel": "System", "EventID": 7045, "StringInserts": ["x", "y"]}',
    b'{"winlog": {"channel": "Security", "event_id": 4688, "event_data": {"Image": "c:\\\\x"}}}',
    b'{"Channel": "System"}',
    b'{"Channel": "System", "EventID": 1, "Number": 18446744073709551616}',
    b'{"EventID": 1}{"EventID": 2}',
    b'{"EventID":',
    b"1}",
    b"",
    b" ",
    b"{}",
    b"not JSON",
    b'{"EventID": 1, "Bad": "\xff"}',
    b' {"Channel": "System", "EventID": 2}',
    b'{"Channel": "System", "EventID": 3, "Long": "' + b"x" * 20_000 + b'"}',
    b'{"Channel": "System", "EventID": 4, "Many": [' + b'"",' * 900 + b'""]}',
)


@given(st.lists(st.sampled_from(LINES), min_size=1, max_size=30), st.booleans())
def test_lines_read_together_are_the_events_of_each_line_alone(lines, ends_with_a_break):
    first = b'{"Channel": "Security", "EventID": 4625}'  # a body that begins so is read line by line
    body = b"\n".join([first, *lines]) + b"\n" * ends_with_a_break

    found = decode_windows_json(body, Bounds(), {})

    offset, events, malformed = 0, [], []
    for line in (first, *lines):
        if line.strip():
            alone = decode_windows_json(line, Bounds(), {})
            events += [(e.start + offset, e.end + offset, e.code, e.key, e.fields) for e in alone.events]
            malformed += [(piece.start + offset, piece.end + offset) for piece in alone.malformed]
        offset += len(line) + 1
    assert [(e.start, e.end, e.code, e.key, e.fields) for e in found.events] == events
    assert [(piece.start, piece.end) for piece in found.malformed] == malformed


def test_a_full_body_says_which_of_its_lines_were_not_read():
    decoded = decode(*[{"Channel": "Security", "EventID": 4624}] * 5, events=3)

    assert len(decoded.events) == 3
    assert [piece.reason for piece in decoded.malformed] == ["more than 3 events in one body"]


def test_a_record_has_one_key_whichever_shipper_brings_it():
    record = {"Hostname": "W1", "Channel": "Security", "EventID": 4624, "EventTime": "2020-10-12 18:32:46"}
    flat = only(decode({**record, "RecordNumber": 7}))
    spelled = only(decode({**record, "RecordNumber": "7"}))
    packed = only(decode({**record, "RecordNumber": 7, "EventData": "{}"}))
    others = [
        only(decode({**record, "RecordNumber": 8})),
        only(decode({**record, "RecordNumber": 7, "EventTime": "2020-10-12 18:32:47"})),
        only(decode({**record, "RecordNumber": 7, "Hostname": "W2"})),
        only(decode({**record, "RecordNumber": 7, "Channel": "System"})),
    ]

    assert flat.key == spelled.key == packed.key
    assert len({flat.key, *(other.key for other in others)}) == 5


@pytest.mark.parametrize("number", [-1, 2**63, 10**18, "007x", "\u0661", 1.5, ""])
def test_an_odd_record_number_is_a_key_as_well(number):
    record = {"Hostname": "W1", "Channel": "Security", "EventID": 4624, "RecordNumber": number}

    assert len(only(decode(record)).key) == 16


def test_a_time_before_all_time_zones_is_none():
    event = only(
        decode(
            {"Hostname": "W1", "Channel": "Security", "EventID": 1, "RecordNumber": 1,
             "EventTime": "1970-01-01 00:00:01", "@timestamp": "1969-12-31T12:00:00Z"}
        )
    )  # fmt: skip

    assert event.time >= 0
