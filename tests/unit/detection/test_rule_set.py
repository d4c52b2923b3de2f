"""What a rule set promises beside matching: routes, memory, bodies at once, explanations."""

import json

import pytest

from appliance.detection.explaining import cut_down
from appliance.detection.matching.memory import Memory, digest_of
from appliance.detection.matching.values import fold
from appliance.detection.ruleset import RuleSet
from appliance.telemetry.decoding.windows import decode_windows_json
from appliance.telemetry.events import Bounds
from tests.unit.detection.rule_texts import document, event, load, selection

SYSMON = "Microsoft-Windows-Sysmon/Operational"
KEYWORDS = {"keywords": ["sekurlsa::", "\\mimilib.dll", "Kiwi Legit"], "condition": "keywords"}


def windows(detection, **logsource):
    return document(detection, logsource={"product": "windows", **logsource})


@pytest.mark.parametrize(
    ("logsource", "route"),
    [
        ({"product": "windows", "category": "process_creation"}, ("windows", SYSMON, "1")),
        ({"product": "windows", "category": "process_creation"}, ("windows", "Security", "4688")),
        ({"product": "windows", "category": "process_creation"}, ("windows", "security", "4688")),
        ({"product": "windows", "category": "file_access"}, ("windows", "Security", "4663")),
        ({"product": "windows", "category": "dns_query"}, ("windows", SYSMON, "22")),
        ({"product": "windows", "service": "dns-server"}, ("windows", "DNS Server", "150")),
        ({"product": "windows", "service": "security"}, ("windows", "Security", "4625")),
        ({"product": "windows"}, ("windows", "Any Channel At All", "7")),
        (
            {"product": "linux", "category": "process_creation"},
            ("cowrie.command", "", "cowrie.command.input"),
        ),
        ({"product": "linux", "category": "process_creation"}, ("linux.sysmon", "", "1")),
        ({"product": "linux", "category": "process_creation"}, ("linux.auditd", "", "EXECVE")),
        ({"product": "linux", "service": "auditd"}, ("linux.auditd", "", "SYSCALL")),
        ({"product": "linux", "service": "auth"}, ("linux.sshd", "", "")),
        ({"category": "webserver"}, ("suricata.http", "", "")),
        ({"category": "proxy"}, ("zeek.http", "", "")),
        ({"product": "zeek", "service": "http"}, ("zeek.http", "", "")),
        ({"category": "dns"}, ("suricata.dns", "", "")),
        ({"product": "zeek", "service": "dns"}, ("zeek.dns", "", "")),
        ({"product": "okta", "service": "okta"}, ("okta.system", "", "")),
        ({"product": "m365", "service": "threat_management"}, ("m365.audit", "", "")),
        ({"product": "cisco", "service": "aaa"}, ("cisco.aaa", "", "")),
        ({"category": "antivirus"}, ("windows", "Microsoft-Windows-Windows Defender/Operational", "1116")),
    ],
)
def test_a_log_source_reaches_the_events_it_means(logsource, route):
    rule_set, _ = load(document(selection(f="x"), logsource=logsource))

    assert list(rule_set.match(event(*route, f="x"))) == [0]


@pytest.mark.parametrize(
    ("logsource", "route"),
    [
        ({"product": "windows", "category": "process_creation"}, ("windows", SYSMON, "3")),
        ({"product": "windows", "category": "process_creation"}, ("windows", "Other", "1")),
        ({"product": "windows", "service": "security"}, ("windows", "System", "4625")),
        ({"product": "linux", "service": "sshd"}, ("linux.sudo", "", "")),
        ({"product": "zeek", "service": "dns"}, ("zeek.http", "", "")),
        # EVE has not every field of Zeek; a rule that filters on one would fire for all of its events.
        ({"product": "zeek", "service": "dns"}, ("suricata.dns", "", "")),
        ({"product": "zeek", "service": "http"}, ("suricata.http", "", "")),
        ({"category": "webserver"}, ("suricata.dns", "", "")),
        ({"product": "windows"}, ("windowsish", "", "")),
    ],
)
def test_a_log_source_does_not_reach_other_events(logsource, route):
    rule_set, _ = load(document(selection(f="x"), logsource=logsource))

    assert rule_set.match(event(*route, f="x")) == ()


@pytest.mark.parametrize(
    ("kind", "fires"), [("CreateKey", False), ("DeleteKey", True), ("deletevalue", True), ("SetValue", False)]
)
def test_registry_delete_is_a_deleted_key_or_value(kind, fires):
    rule_set, _ = load(windows(selection(TargetObject="x"), category="registry_delete"))
    deleted = event("windows", SYSMON, "12", TargetObject="x", EventType=kind)

    assert bool(rule_set.match(deleted)) is fires
    if fires:
        assert {quote.field for quote in rule_set.explain(0, deleted).quotes} == {"TargetObject", "EventType"}


def test_the_event_id_of_the_route_decides_whatever_its_field_says():
    rule_set, _ = load(windows(selection(EventID=[4624, 4625], f="x"), service="security"))

    assert list(rule_set.match(event("windows", "Security", "4625", f="x"))) == [0]
    assert rule_set.match(event("windows", "Security", "4626", f="x", EventID=4625)) == ()


def test_routes_that_hostile_events_invent_do_not_pile_up():
    rule_set, _ = load(windows(KEYWORDS))

    for number in range(10_000):
        rule_set.match(event("windows", f"channel {number}", str(number), f="sekurlsa::"))

    assert len(rule_set.routes) <= 4096
    assert len(rule_set._groups) == 1


def test_memory_is_bounded_and_forgetting_changes_no_answer():
    rule_set, _ = load(document(selection(f__contains="needle")), memory_bytes=20_000)

    for number in range(2_000):
        assert rule_set.match(event(f=f"hay {number}")) == ()
        assert list(rule_set.match(event(f=f"a needle {number}"))) == [0]
        assert rule_set.match(event(f="always the same")) == ()

    remembered = sum(len(memo._young) + len(memo._old) for memo in rule_set._memory._memos)
    assert remembered < 200


def test_without_memory_nothing_is_remembered():
    memo = Memory(0).memo({None: 1})

    assert memo.remember("value", 5) == 5
    assert memo.get("value") is None
    assert memo.get(None) == 1


def test_long_texts_are_remembered_by_a_digest():
    assert digest_of("x" * 600) == digest_of("x" * 600) != digest_of("x" * 601)
    assert len(digest_of("\ud800" * 600)) == 16


def test_only_three_letters_outside_ascii_fold_to_ascii():
    folding = [chr(n) for n in range(0x80, 0x110000) if any(c.isascii() for c in fold(chr(n)))]

    assert folding == ["\u0130", "\u017f", "\u212a"]


@pytest.mark.parametrize(
    "value",
    [
        '"nothing of interest"',
        '"run sekurlsa::logonpasswords"',
        '"run SEKURLSA::x"',
        '"C:\\\\tools\\\\mimilib.dll"',
        '"sek\\u0075rlsa::x"',
        '"\\u212aiwi Legit Printer"',
        '"Kiwi Legit"',
        '{"a": ["x", "sekurlsa::"]}',
        '"\\u0026 nothing"',
    ],
)
def test_a_body_at_once_finds_keywords_however_they_are_spelled(value):
    rule_set, _ = load(windows(KEYWORDS))
    line = f'{{"EventID": 1, "Channel": "{SYSMON}", "f": {value}}}'.encode()
    body = b"\n".join([b'{"EventID": 1, "Channel": "x", "f": 1}', line, line])
    events = decode_windows_json(body, Bounds(), {}).events

    assert [list(found) for found in rule_set.match_body(events, body)] == [
        list(rule_set.match(each)) for each in events
    ]


@pytest.mark.parametrize(
    ("encoded", "fires"),
    [
        ('<Data Name="f">sekurlsa::x</Data>', True),
        ('<Data Name="f">sek&#117;rlsa::x</Data>', True),
        ('<Data Name="f">sek&#x75;rlsa::x</Data>', True),
        ('<Data Name="f">nothing</Data>', False),
        ('{"f": "sekurlsa::x"}', True),
        ('{"f": "sek\\u0075rlsa::x"}', True),
    ],
)
def test_a_body_at_once_finds_keywords_within_what_is_packed_into_a_field(encoded, fires):
    rule_set, _ = load(windows(KEYWORDS))
    body = json.dumps({"EventID": 1, "Channel": SYSMON, "EventData": encoded}).encode()
    events = decode_windows_json(body, Bounds(), {}).events

    assert bool(rule_set.match_body(events, body)[0]) is fires
    assert bool(rule_set.match(events[0])) is fires


def test_an_explanation_quotes_what_was_found_and_nothing_else():
    detection = {
        "selection": {"Image|endswith": "\\cmd.exe", "CommandLine|contains|all": ["/c", "whoami"]},
        "filter": {"User": "admin"},
        "condition": "selection and not filter",
    }
    rule_set, _ = load(document(detection))
    matched = event(Image="C:\\cmd.exe", CommandLine="cmd /c whoami", User="guest", Other="x")
    explanation = rule_set.explain(0, matched)

    assert set(explanation.fields) == {"Image", "CommandLine"}
    assert [(quote.field, quote.modifier, quote.pattern) for quote in explanation.quotes] == [
        ("Image", "endswith", "\\cmd.exe"),
        ("CommandLine", "contains", "/c"),
        ("CommandLine", "contains", "whoami"),
    ]
    assert explanation.quotes[0].sentence == "Image ends with “\\cmd.exe”: it is “C:\\cmd.exe”."
    assert list(rule_set.match(cut_down(matched, explanation.fields))) == [0]


def test_a_rule_that_does_not_fire_is_not_explained():
    rule_set, _ = load(document(selection(f="x")))

    with pytest.raises(ValueError, match="does not fire"):
        rule_set.explain(0, event(f="y"))


def test_what_a_route_concerns_can_be_asked():
    rule_set, _ = load(windows(selection(f="x"), service="security"), document(selection(f="y")))

    assert isinstance(rule_set, RuleSet)
    assert [rule.logsource.service for rule in rule_set.concerned(("windows", "Security", "1"))] == [
        "security"
    ]
    assert rule_set.concerned(("windows", "System", "1")) == ()
