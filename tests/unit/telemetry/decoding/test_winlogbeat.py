"""Old Winlogbeat, which writes the event at the top of the document, found out by content alone."""

import json

import pytest

from appliance.telemetry.decoding.registry import decoder
from appliance.telemetry.events import Bounds, Decoded

RECORD = {
    "@timestamp": "2019-05-18T20:36:47.261Z",
    "@metadata": {"beat": "winlogbeat", "type": "doc", "version": "6.7.0"},
    "log_name": "Security",
    "event_id": 4688,
    "computer_name": "HR001.shire.com",
    "source_name": "Microsoft-Windows-Security-Auditing",
    "record_number": "287694",
    "user": {"identifier": "S-1-5-18"},
    "event_data": {"NewProcessName": "C:\\Windows\\System32\\netsh.exe", "CommandLine": "netsh"},
}


def decode(*documents: dict) -> Decoded:
    body = b"\n".join(json.dumps(document).encode() for document in documents)
    return decoder("auto")(body, Bounds(), {})


def test_winlogbeat_6_is_a_windows_event_like_any():
    (event,) = decode(RECORD).events

    assert (event.kind, event.channel, event.code) == ("windows", "Security", "4688")
    assert (event.host, event.time) == ("hr001.shire.com", 1558211807261000)
    assert event.fields["Image"] == event.fields["NewProcessName"] == "C:\\Windows\\System32\\netsh.exe"
    assert event.fields["Provider_Name"] == "Microsoft-Windows-Security-Auditing"
    assert event.fields["Security_UserID"] == "S-1-5-18"


def test_a_resent_copy_has_the_same_key_and_another_record_has_not():
    one, copy, other = decode(RECORD, RECORD, RECORD | {"record_number": "287695"}).events

    assert one.key == copy.key != other.key
    assert one.key is not None


def test_every_original_is_where_the_event_says_among_other_formats():
    nxlog = {"Channel": "System", "EventID": 7045, "Hostname": "W1", "RecordNumber": 1}
    body = b"\n".join(json.dumps(each).encode() for each in (RECORD, nxlog, RECORD, {"a": 1}))

    decoded = decoder("auto")(body, Bounds(), {})

    assert {event.kind for event in decoded.events} == {"windows", "generic"}
    assert sorted(body[event.start : event.end] for event in decoded.events) == sorted(body.split(b"\n"))


@pytest.mark.parametrize(
    "document",
    [
        {"event_id": 7, "log_name": "audit", "text": "not of Windows"},
        {"event_id": 7, "log_name": None, "event_data": {"a": 1}},
        {"event_id": None, "log_name": "Security", "event_data": {"a": 1}},
        {"nested": {"event_id": 7, "log_name": "Security", "event_data": {"a": 1}}},
    ],
)
def test_what_only_uses_the_same_words_stays_generic_and_is_not_refused(document):
    decoded = decode(document)

    assert [event.kind for event in decoded.events] == ["generic"]
    assert decoded.malformed == []


def test_a_record_larger_than_windows_writes_costs_no_matching():
    (event,) = decode(RECORD | {"event_data": {"CommandLine": "x" * 300_000}}).events

    assert event.kind == "generic"
