"""
Every decoder against arbitrary and mutated bytes.

What must hold for any body: no exception; every byte range inside the body; events within the bounds; no bool,
dict or list among the fields; every text encodable, for it will be stored.
"""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.jobs.receivers.elasticsearch import read_bulk
from appliance.jobs.receivers.relp import Frames as RELPFrames
from appliance.jobs.receivers.relp import RELPError
from appliance.jobs.receivers.streams import Frames, FramingError
from appliance.telemetry.decoding.registry import FORMATS, decoder, detect
from appliance.telemetry.entities import entities_of
from appliance.telemetry.errors import BodyTooLarge
from appliance.telemetry.events import Bounds

BOUNDS = Bounds(event_bytes=4096, depth=8, fields=64, events=50)

SAMPLES = [
    (
        b'{"timestamp":"2026-06-06T15:57:37.272281+0200","flow_id":1,"event_type":"http","src_ip":"192.0.2.1","src_port":1,'
        b'"dest_ip":"192.0.2.2","dest_port":80,"proto":"TCP","http":{"url":"/a?b=c","http_method":"GET"},"alert":{"signature":"s"}}'
    ),
    b'{"ts":1588205198.89971,"uid":"C1","id.orig_h":"10.0.1.4","id.resp_p":53,"query":"x","answers":["a"],"_path":"dns"}',
    b'{"eventid":"cowrie.command.input","timestamp":"2026-06-15T04:05:23Z","session":"s","input":"cd /tmp; wget x | sh"}',
    b'{"Records":[{"eventSource":"s3","eventName":"x","eventID":"1","requestParameters":{"a":[{"b":1}]}}]}',
    b'[{"class_uid":1007,"metadata":{"uid":"u"},"process":{"cmd_line":"x"}},{"a":[1,true,null,"x",{"b":[]}]}]',
    b'{"@timestamp":"2026-01-01T00:00:00Z","message":"<13>Oct 11 22:14:15 h sshd[1]: Invalid user x from 192.0.2.1","host":{"name":"h"}}',
    b'{"__REALTIME_TIMESTAMP":"1760220855000001","MESSAGE":[255,1],"_TRANSPORT":"audit","_AUDIT_ID":"7"}',
    b'{"name":"x","hostIdentifier":"h","unixTime":"17","columns":{"cmdline":"x"},"snapshot":[{"a":"b"}]}',
    b'{"time":1767225600,"host":"h","event":{"a":1}}{"event":"Jan  1 00:00:00 h p: m"}',
    (
        b'{"resourceLogs":[{"resource":{"attributes":[{"key":"host.name","value":{"stringValue":"h"}}]},"scopeLogs":'
        b'[{"logRecords":[{"timeUnixNano":"1767225600000000000","body":{"kvlistValue":{"values":[{"key":"k","value":{"intValue":"5"}}]}}}]}]}]}'
    ),
    b"\x0a\x2f\x0a\x14\x0a\x12\x0a\x09host.name\x12\x05\x0a\x03abc\x12\x17\x12\x15\x09\x00\x00\x00\x00\x00\x00\x00\x01\x2a\x0a\x0a\x08text\x00<1>",
    b'<165>1 2026-10-11T22:14:15.003Z h p 8710 ID47 [e@1 a="b\\"c" d="]"][f] \xef\xbb\xbfmessage',
    b"<34>Oct 11 22:14:15 h sudo:  a : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/id -u",
    b"<4>Oct 11 22:14:15 h kernel: [1.5] DROP IN=eth0 OUT= SRC=192.0.2.1 DST=192.0.2.2 PROTO=TCP SPT=1 DPT=2",
    b"CEF:0|a|b\\|c|1|1|n|1|src=192.0.2.1 spt=1 msg=a\\=b c cs1Label=L cs1=v request=/x?y",
    b"LEEF:2.0|a|b|1|1|x09|src=192.0.2.1\tdst=192.0.2.2\tusrName=u",
    (
        b'type=SYSCALL msg=audit(1604996384.965:1): arch=c000003e syscall=59 uid=0 exe="/bin/dd" key=(null)\n'
        b'type=EXECVE msg=audit(1604996384.965:1): argc=2 a0="dd" a1=6120\ntype=PATH msg=audit(1604996384.965:1): name="/x"'
    ),
    b'type=AUOMS_EXECVE audit(1.0:1): node=U user=t exe="/x" path_name=["/a","/b"] cmdline="a "b" c" redactors=',
    b'<Event><System><EventID>1</EventID><Computer>c</Computer></System><EventData><Data Name="Image">/b</Data></EventData></Event>',
    b'192.0.2.1 - bob [10/Oct/2026:13:55:36 -0700] "GET /a.php?q HTTP/1.1" 404 23 "r" "ua"',
    b'a,b,c\n"1 ""x""\n",2,3\n4,5,6',
    b"7 <13>a: b23 x12 <13>Oct 1",
]
TEXTUAL = sorted(set(FORMATS) - {"evtx", "windows"})


def mutated() -> st.SearchStrategy[bytes]:
    """Real samples with pieces cut, doubled, overwritten and joined."""

    @st.composite
    def build(draw: st.DrawFn) -> bytes:
        body = bytearray(draw(st.sampled_from(SAMPLES)))
        for _ in range(draw(st.integers(0, 4))):
            position = draw(st.integers(0, len(body)))
            length = draw(st.integers(0, 20))
            match draw(st.sampled_from(["cut", "overwrite", "double", "splice"])):
                case "cut":
                    del body[position : position + length]
                case "overwrite":
                    body[position : position + length] = draw(st.binary(max_size=20))
                case "double":
                    body[position:position] = body[position : position + length] * draw(st.integers(1, 50))
                case "splice":
                    other = draw(st.sampled_from(SAMPLES))
                    body[position:] = other[min(position, len(other)) :]
        return bytes(body)

    return build()


def documents() -> st.SearchStrategy[bytes]:
    """JSON objects whose members carry the names that decoders look at and values they do not expect."""
    names = st.sampled_from(
        ["event_type", "flow_id", "timestamp", "ts", "uid", "_path", "eventid", "session", "input", "Channel", "EventID", "winlog", "event", "message", "host", "agent", "@timestamp", "MESSAGE", "__REALTIME_TIMESTAMP", "_TRANSPORT", "name", "columns", "snapshot", "hostIdentifier", "unixTime", "class_uid", "metadata", "eventSource", "eventName", "Records", "records", "value", "events", "properties", "targetResources", "modifiedProperties", "operationName", "category", "tenantId", "protoPayload", "logName", "Operation", "Workload", "apiVersion", "action", "actor", "org", "type", "peer", "headers", "uuid", "path", "connection", "src_ip", "dst_port", "attack_connection", "proxy_connection", "addr", "level", "msg", "http", "dns", "alert", "url", "answers", "hostname", "auditType", "riskEventType", "_source", "_index", "result", "_raw", "time", "Event", "System"]
    )  # fmt: skip
    leaves = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=20)
        | st.sampled_from(["suricata", "cowrie.x", "2026-01-01"])
    )
    values = st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
        max_leaves=12,
    )
    return st.dictionaries(names, values, max_size=8).map(
        lambda document: json.dumps(document).encode("utf-8", "surrogatepass")
    )


def check(name: str, body: bytes, options: dict[str, str]) -> None:
    decoded = decoder(name)(body, BOUNDS, options)

    assert len(decoded.events) <= BOUNDS.events
    for piece in decoded.malformed:
        assert 0 <= piece.start <= piece.end <= len(body)
        assert piece.reason
    for event in decoded.events:
        assert 0 <= event.start <= event.end <= len(body)
        assert event.key is None or len(event.key) == 16
        assert 0 <= event.time < 2**53
        assert event.host == event.host.lower()
        for field, value in event.fields.items():
            assert type(field) is str
            for item in value if type(value) is tuple else (value,):
                assert type(item) in (str, int, float) or (item is None and type(value) is not tuple), (
                    field,
                    value,
                )
                if type(item) is str:
                    item.encode()
                if type(item) is int:
                    assert -(2**63) <= item < 2**63
        assert len(entities_of(event)) <= 128


OPTIONS = [
    {},
    {"received": "2026-11-23T00:00:00Z", "timezone": "Europe/Berlin", "filename": "x_conn.log", "peer": "P"},
    {"mapping": '{"kind":"k","time_field":"a.b","time_format":"%Y","host_field":"host","rename":{"a":"b"}}'},
    {"mapping": "broken", "received": "soon", "timezone": "+99:99"},
]


@pytest.mark.parametrize("name", TEXTUAL)
@given(body=mutated(), options=st.sampled_from(OPTIONS))
@settings(max_examples=150, deadline=None)
def test_mutated_samples(name, body, options):
    check(name, body, options)


@pytest.mark.parametrize(
    "name", ["auto", "json", "hec", "cloud", "honeypot", "suricata", "zeek", "cowrie", "journald", "ecs"]
)
@given(body=documents(), options=st.sampled_from(OPTIONS))
@settings(max_examples=200, deadline=None)
def test_documents_with_unexpected_members(name, body, options):
    check(name, body, options)


@pytest.mark.parametrize("name", TEXTUAL)
@given(body=st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_arbitrary_bytes(name, body):
    check(name, body, {})


@given(body=st.binary(max_size=500) | mutated())
@settings(max_examples=300, deadline=None)
def test_detection_always_names_a_format(body):
    assert detect(body) in FORMATS


@given(
    body=st.lists(
        st.sampled_from(
            [b'{"index":{}}', b'{"create":{"_id":5}}', b'{"delete":{}}', b"{}", b"x", b"", b'{"a":1}']
        )
    ).map(b"\n".join)
    | st.binary(max_size=200)
)
@settings(max_examples=300, deadline=None)
def test_bulk_bodies_keep_every_document_they_accept(body):
    try:
        read = read_bulk(body)
    except BodyTooLarge:
        return
    taken = [item for item in read.items if not item.refusal]
    assert len(read.events.split(b"\n")) == max(1, len(taken))
    assert all(line.rstrip(b"\r") in body for line in read.events.split(b"\n"))


@given(
    pieces=st.lists(
        st.binary(max_size=40) | st.sampled_from([b"5 hello", b"<13>x\n", b"\n", b"0 ", b"12 "]), max_size=12
    )
)
@settings(max_examples=300, deadline=None)
def test_stream_framing_does_not_depend_on_how_the_stream_is_cut(pieces):
    def read(parts: list[bytes]) -> tuple[list[bytes], bool]:
        frames, found = Frames(longest_message=64), []
        try:
            for part in parts:
                found.extend(frames.feed(part))
        except FramingError:
            return found, True
        return found, False

    whole = b"".join(pieces)
    in_bytes = read([whole[index : index + 1] for index in range(len(whole))])
    in_pieces = read(pieces)

    # A framing error ends both; what came before it in one feed may not have been handed out.
    assert in_pieces[1] == in_bytes[1]
    assert in_bytes[0][: len(in_pieces[0])] == in_pieces[0]


@given(
    pieces=st.lists(
        st.binary(max_size=40) | st.sampled_from([b"1 open 0\n", b"2 syslog 5 hello\n", b"3 close 0 \n"]),
        max_size=12,
    )
)
@settings(max_examples=300, deadline=None)
def test_relp_frames_are_read_or_refused(pieces):
    frames = RELPFrames(longest_message=64)
    try:
        found = [frame for piece in pieces for frame in frames.feed(piece)]
    except RELPError:
        return
    assert all(0 <= frame.txnr <= 999_999_999 and len(frame.data) <= 64 for frame in found)
