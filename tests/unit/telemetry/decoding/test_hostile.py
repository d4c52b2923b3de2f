"""Bodies made to hurt: each costs little, stops no neighbour and keeps its bytes."""

import json

import pytest

from appliance.telemetry.decoding.registry import FORMATS, decoder
from appliance.telemetry.events import Bounds, Decoded

GOOD = b'{"event_type":"dns","flow_id":1,"timestamp":"2026-01-01T00:00:00Z"}'
TEXTUAL = sorted(set(FORMATS) - {"evtx", "otlp.protobuf", "otlp.json", "csv"})


def decode(body: bytes, name: str = "auto", bounds: Bounds | None = None) -> Decoded:
    return decoder(name)(body, bounds or Bounds(), {"received": "2026-11-23T00:00:00Z"})


@pytest.mark.parametrize(
    "value",
    [
        b'"\\u0000"', b'"\x00"', b'"\xff\xfe"', b'"\\ud800"', b'"\\udfff\\ud800"', b'"\x1b[31mred\x1b[0m"',
        b'"=HYPERLINK(\\"http://x\\")"', b'"\xe2\x80\xaetxt.exe"', b"1e999", b"123456789012345678901234567890",
        b"-18446744073709551615", b"NaN",
    ],
)  # fmt: skip
def test_hostile_values_are_read_and_their_bytes_kept(value):
    hostile = b'{"event_type":"dns","flow_id":2,"x":' + value + b"}"
    body = GOOD + b"\n" + hostile + b"\n" + GOOD

    decoded = decode(body)

    assert decoded.malformed == []
    assert [body[event.start : event.end] for event in decoded.events] == [GOOD, hostile, GOOD]
    text = decoded.events[1].fields["x"]
    assert isinstance(text, (str, float, int))
    str(text).encode()


def test_the_last_of_duplicate_keys_counts():
    assert decode(b'{"a":1,"a":2}').events[0].fields["a"] == 2


@pytest.mark.parametrize("piece", [b"{", b'{"a":', b"nonsense", b"[1,2", b"7", b'"text"', b"null", b"}}}"])
def test_a_malformed_line_stops_nothing(piece):
    body = GOOD + b"\n" + piece + b"\n" + GOOD + b"\n"

    decoded = decode(body, "json")

    assert len(decoded.events) == 2
    assert [body[item.start : item.end] for item in decoded.malformed] == [piece]
    assert decoded.malformed[0].reason


def test_a_line_of_ten_megabytes_is_malformed_by_name_of_its_bound():
    body = b'{"a":"' + b"x" * 10_000_000 + b'"}\n' + GOOD

    for name in ("auto", "json", "syslog", "suricata"):
        decoded = decode(body, name)
        assert len(decoded.events) == 1
        assert "1048576 bytes" in decoded.malformed[0].reason


@pytest.mark.parametrize("depth", [33, 500, 1023, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [(b'{"a":', b"}"), (b"[", b"]"), (b'{"a":[', b"]}")])
def test_a_depth_bomb_is_malformed(depth, opening, closing):
    bomb = b'{"x":' + opening * depth + b"1" + closing * depth + b"}"

    decoded = decode(GOOD + b"\n" + bomb + b"\n" + GOOD)

    assert (len(decoded.events), len(decoded.malformed)) == (2, 1)


def test_more_fields_than_the_bound_are_malformed():
    wide = json.dumps({f"f{index}": index for index in range(2000)}).encode()

    decoded = decode(wide + b"\n" + GOOD)

    assert (len(decoded.events), decoded.malformed[0].reason) == (1, "more than 1024 fields")


def test_more_events_than_the_bound_leave_the_rest_as_one_malformed_piece():
    body = b"\n".join([GOOD] * 20)

    for name in ("auto", "suricata", "syslog", "lines"):
        decoded = decode(body, name, Bounds(events=7))
        assert len(decoded.events) == 7
        assert decoded.malformed[-1].end == len(body)
        assert "more than 7 events" in decoded.malformed[-1].reason


HARD = {
    "quotes": b'{"' + b'\\"' * 300_000,
    "open strings": b'"{' * 300_000,
    "braces": b"{" * 900_000,
    "brackets": b"[" * 900_000,
    "half arrays": b"[{]" * 300_000,
    "backslashes": b"CEF:" + b"\\" * 900_000,
    "pipes": b"CEF:0|" + b"|" * 900_000,
    "equals": b"CEF:0|a|b|c|d|e|f|" + b"a=" * 400_000,
    "structured data": b"<13>1 - - - - - " + b"[a b=" * 150_000,
    "parameters": b"<13>1 - - - - - [x" + b' a="b"' * 150_000,
    "audit": b"type=EXECVE msg=audit(1.0:1): " + b"a=" * 400_000,
    "audit quotes": b"type=EXECVE msg=audit(1.0:1): a='" + b'="' * 400_000,
    "audit arguments": b"type=EXECVE msg=audit(1.0:1): " + b" ".join(b"a%d=x" % i for i in range(90_000)),
    "auoms": b'type=AUOMS_EXECVE audit(1.0:1): cmdline="' + b' cmdline="' * 90_000,
    "access": b"1.2.3.4 - - [" + b"[" * 900_000,
    "access spaces": b"1.2.3.4 - " + b"a " * 450_000,
    "sshd": b"<86>Oct 11 22:14:15 h sshd[1]: Failed password for " + b" from x port" * 80_000,
    "sudo": b"<86>Oct 11 22:14:15 h sudo: a : " + b" ; TTY=" * 130_000,
    "xml": b"<Event>" + b"<a>" * 300_000,
    "entities": b"<Event>" + b"&lt " * 250_000,
    "spaces": b" " * 1_000_000,
    "colons": b"<13>" + b":" * 900_000,
    "digits": b"<13>" + b"9" * 900_000,
    "command": b'{"eventid":"cowrie.command.input","session":"s","timestamp":"x","input":"'
    + b";a" * 450_000
    + b'"}',
    "values": b'{"value":[' + b"{}," * 300_000 + b"{}]}",
    "newlines": b"\n" * 5_000_000,
    "json in json": b'{"message":"' + b"{" * 900_000 + b'","@timestamp":1}',
    "csv quotes": b'a,b,c\n"' + b'""' * 450_000,
}


# One megabyte through five decoders takes a second; a quadratic step would take hours.
@pytest.mark.timeout(60)
@pytest.mark.parametrize("case", sorted(HARD))
def test_a_crafted_body_is_decoded_in_linear_time(case):
    body = HARD[case]

    for name in ("auto", "syslog", "json", "hec", "csv"):
        decoded = decode(body, name)
        assert len(decoded.events) <= Bounds().events
        assert all(0 <= event.start <= event.end <= len(body) for event in decoded.events)


@pytest.mark.parametrize("name", TEXTUAL)
def test_every_decoder_survives_bytes_of_every_kind(name):
    body = bytes(range(256)) * 20

    decoded = decode(body, name)

    assert decoded.events or decoded.malformed
