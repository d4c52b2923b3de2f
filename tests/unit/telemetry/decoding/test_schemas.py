"""Cloud audit logs, common schemas, web logs, CSV, shippers' wrappers and the user's own mapping."""

import json

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from appliance.telemetry.decoding.generic import MappingError, read_mapping
from appliance.telemetry.decoding.registry import FORMATS, decoder, detect
from appliance.telemetry.errors import UnknownFormat
from appliance.telemetry.events import Bounds, Event


def decode(body: bytes | str | dict, name: str = "auto", **options: str) -> list[Event]:
    if isinstance(body, dict):
        body = json.dumps(body)
    raw = body.encode() if isinstance(body, str) else body
    decoded = decoder(name)(raw, Bounds(), options)
    assert decoded.malformed == []
    return decoded.events


def one(body: bytes | str | dict, name: str = "auto", **options: str) -> Event:
    events = decode(body, name, **options)
    assert len(events) == 1
    return events[0]


CLOUDTRAIL = {
    "eventVersion": "1.08", "eventTime": "2026-09-14T00:44:23Z", "eventSource": "s3.amazonaws.com",
    "eventName": "PutBucketAcl", "awsRegion": "us-east-1", "sourceIPAddress": "192.0.2.1", "eventID": "e-1",
    "userIdentity": {"type": "IAMUser", "userName": "pedro"},
    "requestParameters": {"acl": {"grants": [{"uri": "AllUsers"}, {"uri": "Other"}]}}, "responseElements": None,
}  # fmt: skip


def test_cloudtrail_keeps_paths_and_whole_parameters():
    event = one(CLOUDTRAIL)

    assert (event.kind, event.time) == ("aws.cloudtrail", 1_789_346_663_000_000)
    assert event.fields["requestParameters.acl.grants.uri"] == ("AllUsers", "Other")
    assert '"uri":"AllUsers"' in event.fields["requestParameters"]
    assert (event.fields["user"], event.fields["src_ip"]) == ("pedro", "192.0.2.1")
    assert event.fields["responseElements"] is None


def test_a_cloudtrail_file_wraps_many_records_each_with_its_own_bytes():
    body = json.dumps({"Records": [CLOUDTRAIL, {**CLOUDTRAIL, "eventID": "e-2"}]}, indent=1).encode()

    events = decode(body)

    assert [json.loads(body[event.start : event.end])["eventID"] for event in events] == ["e-1", "e-2"]
    assert events[0].key != events[1].key == one({**CLOUDTRAIL, "eventID": "e-2"}).key


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        ("azure.auditlogs", {"time": "2026-01-01T00:00:00Z", "category": "AuditLogs", "operationName": "Add user", "tenantId": "t"}),
        ("azure.signinlogs", {"category": "SignInLogs", "operationName": "Sign-in activity", "properties": {"ipAddress": "192.0.2.1"}}),
        ("azure.activitylogs", {"category": "Administrative", "operationName": "MICROSOFT.X/Y", "resourceId": "/s"}),
        ("azure.riskdetection", {"riskEventType": "anonymizedIPAddress", "userPrincipalName": "a@b"}),
        ("gcp.audit", {"logName": "l", "protoPayload": {"methodName": "v1.delete", "serviceName": "s"}}),
        ("m365.audit", {"CreationTime": "2026-01-01T00:00:00", "Operation": "New-InboxRule", "Workload": "Exchange"}),
        ("okta.system", {"eventType": "user.session.start", "actor": {"alternateId": "a@b"}, "published": "2026-01-01T00:00:00Z"}),
        ("github.audit", {"action": "repo.destroy", "actor": "a", "org": "o", "@timestamp": 1760220855000}),
        ("kubernetes.audit", {"apiVersion": "audit.k8s.io/v1", "verb": "create", "objectRef": {"resource": "pods"}}),
        ("opencanary", {"logtype": 2000, "node_id": "n", "src_host": "192.0.2.1", "dst_host": "192.0.2.2"}),
    ],
)  # fmt: skip
def test_cloud_services_are_told_apart(kind, document):
    assert one(document).kind == kind


def test_azure_members_are_there_in_both_spellings():
    targets = [
        {"displayName": "t", "modifiedProperties": [{"displayName": "UserType", "newValue": '["Member"]'}]}
    ]

    event = one(
        {
            "category": "AuditLogs",
            "operationName": "Update user",
            "tenantId": "t",
            "properties": {"targetResources": targets},
        }
    )

    assert event.fields["OperationName"] == event.fields["operationName"] == "Update user"
    assert event.fields["properties.message"] == "Update user"
    assert event.fields["TargetResources.ModifiedProperties.NewValue"] == ('["Member"]',)
    assert "UserType" in event.fields["TargetResources.modifiedProperties"]


def test_booleans_are_words():
    event = one({**CLOUDTRAIL, "additionalEventData": {"MFAUsed": False, "list": [True, 1, "x", None]}})

    assert event.fields["additionalEventData.MFAUsed"] == "false"
    assert event.fields["additionalEventData.list"] == ("true", 1, "x")


def test_ocsf_classes_become_kinds_and_categories():
    event = one({
        "class_uid": 1007, "time": 1760220855000, "metadata": {"uid": "u"}, "device": {"hostname": "W1", "os": {"type": "Windows"}},
        "process": {"cmd_line": "cmd /c x", "file": {"path": "C:\\cmd.exe"}}, "actor": {"process": {"file": {"path": "C:\\p.exe"}}},
    })  # fmt: skip

    assert (event.kind, event.channel, event.code, event.host) == (
        "windows",
        "Microsoft-Windows-Sysmon/Operational",
        "1",
        "w1",
    )
    assert (event.fields["CommandLine"], event.fields["Image"], event.fields["ParentImage"]) == (
        "cmd /c x",
        "C:\\cmd.exe",
        "C:\\p.exe",
    )
    assert event.time == 1_760_220_855_000_000


def test_an_ocsf_class_without_rules_keeps_its_own_kind():
    assert one({"class_uid": 3002, "metadata": {}, "time": 1}).kind == "ocsf.authentication"


def test_ecs_processes_become_process_creations():
    event = one({
        "@timestamp": "2026-01-01T00:00:00.5Z", "ecs": {"version": "8"}, "event": {"category": ["process"], "id": "1"},
        "host": {"name": "L1", "os": {"type": "linux"}}, "process": {"command_line": "id", "executable": "/bin/id"},
    })  # fmt: skip

    assert (event.kind, event.channel, event.code, event.host) == ("linux.process", "", "", "l1")
    assert (event.fields["CommandLine"], event.fields["Image"]) == ("id", "/bin/id")


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"@timestamp": "2026-01-01T00:00:00Z", "host": {"name": "h9"}, "agent": {}, "message": '{"eventid":"cowrie.login.failed","session":"s","src_ip":"192.0.2.1"}'}, "cowrie.login"),
        ({"@timestamp": "2026-01-01T00:00:00Z", "host": {"name": "h9"}, "message": "Jan  1 00:00:00 h9 sshd[1]: Invalid user x from 192.0.2.1"}, "linux.sshd"),
        ({"@timestamp": "2026-01-01T00:00:00Z", "hostname": "h9", "programname": "sshd", "message": "Invalid user x from 192.0.2.1"}, "linux.sshd"),
        ({"date": 1767225600.0, "host": "h9", "ident": "sudo", "message": "a : TTY=x ; PWD=/ ; USER=root ; COMMAND=/bin/id"}, "linux.sudo"),
        ({"@timestamp": "2026-01-01T00:00:00Z", "host": {"name": "h9"}, "event": {"original": '192.0.2.1 - - [01/Jan/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 1'}}, "webserver.access"),
        ({"Type": "Syslog", "Computer": "h9", "TimeGenerated": "2026-01-01T00:00:00Z", "ProcessName": "sshd", "SyslogMessage": "Invalid user x from 192.0.2.1"}, "linux.sshd"),
        ({"_index": "logstash", "_source": {"event_type": "alert", "flow_id": 1, "timestamp": "2026-01-01T00:00:00Z", "host": "h9"}}, "suricata.alert"),
    ],
)  # fmt: skip
def test_what_shippers_wrap_is_unwrapped(document, kind):
    event = one(document)

    assert (event.kind, event.host) == (kind, "h9")
    assert event.time == 1_767_225_600_000_000


def test_access_logs_read_like_the_webserver_rules_expect():
    line = '192.0.2.1 - bob [10/Oct/2026:13:55:36 -0700] "GET /a.php?q=\\"x HTTP/1.1" 404 2326 "http://r/" "curl/8 \\"q\\""'

    event = one(line + "\n")

    assert (event.kind, event.time) == ("webserver.access", 1_791_665_736_000_000)
    assert (event.fields["cs-method"], event.fields["cs-uri-stem"], event.fields["sc-status"]) == (
        "GET",
        "/a.php",
        404,
    )
    assert (event.fields["c-useragent"], event.fields["cs-username"], event.fields["c-ip"]) == (
        'curl/8 "q"',
        "bob",
        "192.0.2.1",
    )


def test_a_proxys_requests_name_whole_addresses():
    assert (
        one('192.0.2.1 - - [10/Oct/2026:13:55:36 +0000] "GET http://x/y HTTP/1.1" 200 1').kind
        == "proxy.access"
    )


def test_a_request_that_is_none_is_kept():
    event = one('192.0.2.1 - - [10/Oct/2026:13:55:36 +0000] "\\x16\\x03\\x01" 400 0')

    assert event.fields["cs-uri-query"] == "\\x16\\x03\\x01"


def test_csv_takes_its_names_from_its_header():
    body = b'Name,Event Time,Source IP\r\n"a ""b""\nc",2026-01-01T00:00:00Z,192.0.2.1\r\n=cmd|x,,\r\n'

    events = decode(body)

    assert events[0].fields["Name"] == 'a "b"\nc'
    assert body[events[0].start : events[0].end] == b'"a ""b""\nc",2026-01-01T00:00:00Z,192.0.2.1'
    assert events[1].fields["Name"] == "=cmd|x"


def test_a_mapping_names_kind_time_host_and_fields():
    mapping = {
        "kind": "cisco.aaa", "category": "c", "product": "cisco", "service": "aaa", "time_field": "when.at",
        "time_format": "%d/%m/%Y %H:%M", "host_field": "box", "rename": {"cmd": "CommandLine"}, "constants": {"site": "x"},
    }  # fmt: skip

    event = one(
        {"when": {"at": "02/01/2026 03:04"}, "box": "R1", "cmd": "conf t"},
        "generic",
        mapping=json.dumps(mapping),
        timezone="+01:00",
    )

    assert (event.kind, event.channel, event.code, event.host) == ("cisco.aaa", "", "", "r1")
    assert event.time == 1_767_319_440_000_000
    assert (event.fields["CommandLine"], event.fields["cmd"], event.fields["site"]) == (
        "conf t",
        "conf t",
        "x",
    )


@pytest.mark.parametrize(
    ("source", "route"),
    [
        ({"product": "cisco", "service": "aaa"}, ("cisco.aaa", "", "")),
        ({"category": "webserver", "product": "iis"}, ("webserver", "", "")),
        ({"category": "process_creation", "product": "linux"}, ("linux.process", "", "")),
        (
            {"category": "process_creation", "product": "windows"},
            ("windows", "Microsoft-Windows-Sysmon/Operational", "1"),
        ),
        ({"category": "file_event", "product": "paloalto"}, ("paloalto.file_event", "", "")),
        ({}, ("generic", "", "")),
    ],
)
def test_a_mapped_log_source_takes_the_route_of_its_native_events(source, route):
    assert one({"a": 1}, "generic", mapping=json.dumps(source)).route == route


@pytest.mark.parametrize("text", ["{", "[]", '{"kind": 5}', '{"unknown": "x"}'])
def test_a_mapping_that_cannot_be_read_is_refused_by_name(text):
    with pytest.raises(MappingError, match="mapping"):
        read_mapping(text)


def test_hec_envelopes_fill_what_the_event_does_not_say():
    body = (
        b'{"time":1767225600.5,"host":"H1","event":{"a":1}}'
        b'{"time":"1767225600","host":"h2","event":"Jan  1 00:00:00 real sshd[1]: Invalid user x from 192.0.2.1"}\n'
        b'{"event":"plain text"}'
    )

    events = decode(body, "hec", received="2026-11-23T00:00:00Z")

    assert [(event.kind, event.host) for event in events] == [
        ("generic", "h1"),
        ("linux.sshd", "real"),
        ("generic", ""),
    ]
    assert events[0].time == 1_767_225_600_500_000
    assert body[events[1].start : events[1].end].startswith(b'{"time":"1767225600"')


def otlp_request() -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    logs = request.resource_logs.add()
    host = logs.resource.attributes.add(key="host.name")
    host.value.string_value = "Otel1"
    records = logs.scope_logs.add().log_records
    text = records.add(time_unix_nano=1_767_225_600_000_000_000)
    text.body.string_value = "Jan  1 00:00:00 real sshd[1]: Invalid user x from 192.0.2.1"
    structured = records.add(observed_time_unix_nano=1_767_225_600_000_001_000)
    pair = structured.body.kvlist_value.values.add(key="n")
    pair.value.int_value = 5
    structured.attributes.add(key="ok").value.bool_value = True
    return request


def test_otlp_in_protobuf_and_json_give_the_same_events():
    from google.protobuf.json_format import MessageToJson

    request = otlp_request()
    protobuf = request.SerializeToString()

    first = decode(protobuf, "otlp.protobuf", received="2026-11-23T00:00:00Z")
    second = decode(MessageToJson(request), "otlp.json", received="2026-11-23T00:00:00Z")

    assert [event.kind for event in first] == ["linux.sshd", "generic"]
    assert (first[1].fields["n"], first[1].fields["ok"], first[1].host) == (5, "true", "otel1")
    assert first[1].time == 1_767_225_600_000_001
    assert [(e.kind, e.host, e.time, e.fields) for e in first] == [
        (e.kind, e.host, e.time, e.fields) for e in second
    ]
    record = request.resource_logs[0].scope_logs[0].log_records[1]
    assert protobuf[first[1].start : first[1].end] == record.SerializeToString()


def test_otlp_cut_off_is_malformed_and_what_came_before_is_kept():
    body = otlp_request().SerializeToString()

    for end in range(1, len(body)):
        decoded = decoder("otlp.protobuf")(body[:end], Bounds(), {})
        assert len(decoded.events) + len(decoded.malformed) >= 1


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"ElfFile\x00...", "evtx"),
        (b'\xef\xbb\xbf \n[{"a":1}]', "json"),
        (b'{"a":1}\n{"b":2}', "json"),
        (b"<13>hello", "syslog"),
        (b"Oct 11 22:14:15 h p: m", "syslog"),
        (b"type=CWD msg=audit(1.0:1): cwd=x", "auditd"),
        (b"CEF:0|a|b|c|d|e|1|", "cef"),
        (b"LEEF:1.0|a|b|c|d|", "leef"),
        (b'192.0.2.1 - - [10/Oct/2026:13:55:36 +0000] "GET / HTTP/1.1" 200 1', "webserver"),
        (b"a,b,c\n1,2,3", "csv"),
        (b"{not json at all", "lines"),
        (b"", "lines"),
        (b"something else", "lines"),
    ],
)
def test_a_bodys_format_is_known_by_its_content(body, name):
    assert detect(body) == name
    assert name in FORMATS


def test_a_format_that_is_none_is_refused_by_name():
    with pytest.raises(UnknownFormat, match="no-such"):
        decoder("no-such")


def test_a_mixed_body_is_decoded_object_by_object():
    lines = [
        {"EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational", "Hostname": "W1", "Image": "C:\\a.exe", "SourceName": "Microsoft-Windows-Sysmon"},
        {"event_type": "dns", "flow_id": 1},
        {"EventID": 3, "Channel": "Microsoft-Windows-Sysmon/Operational", "Hostname": "W1", "SourceName": "Microsoft-Windows-Sysmon"},
        {"a": 1},
    ]  # fmt: skip
    for body in (
        b"\n".join(json.dumps(line).encode() for line in lines),
        json.dumps(lines, indent=2).encode(),
    ):
        events = decode(body)

        assert [event.kind for event in sorted(events, key=lambda e: e.start)] == [
            "windows",
            "suricata.dns",
            "windows",
            "generic",
        ]
        assert [json.loads(body[event.start : event.end]) for event in events] == lines
