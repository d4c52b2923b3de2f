"""What becomes of documents that are no active rules: each has a reason."""

import pytest

from appliance.detection.compiling import compile_rule_set
from appliance.detection.sigma.rules import Reason, RuleSource
from tests.unit.detection.rule_texts import document, event, load, selection, source

SIMPLE = selection(f="x")


@pytest.mark.parametrize(
    ("rule", "reason", "words"),
    [
        (document({**SIMPLE, "condition": "2 of sel*"}), Reason.INVALID, "more selections"),
        (document({**SIMPLE, "condition": "nothing"}), Reason.INVALID, "no selection has that name"),
        (document({**SIMPLE, "condition": "1 of filter_*"}), Reason.INVALID, "filter_"),
        (document({**SIMPLE, "condition": "selection | count() > 5"}), Reason.INVALID, "pipe"),
        (document({**SIMPLE, "condition": "selection and"}), Reason.INVALID, ""),
        (document(selection(f__unknown="x")), Reason.INVALID, "unknown"),
        (document(selection(f__re="(?=look)ahead")), Reason.REGEX, "RE2"),
        (document(selection(f__re=r"(a)\1")), Reason.REGEX, "RE2"),
        (document(selection(f__cidr="10.0.0.1/8")), Reason.INVALID, "CIDR"),
        (document(selection(f__expand="%Admins%")), Reason.PLACEHOLDERS, "%Admins%"),
        (document(SIMPLE, status="deprecated"), Reason.STATUS, "deprecated"),
        (document(SIMPLE, status="unsupported"), Reason.STATUS, "unsupported"),
        (document(SIMPLE, logsource={"definition": "none"}), Reason.INVALID, ""),
        (document(SIMPLE, taxonomy="other"), Reason.UNSUPPORTED, "other"),
        (document(None), Reason.INVALID, ""),
        (document([]), Reason.INVALID, ""),
        ({"title": "c", "correlation": {"type": "event_count"}}, Reason.UNSUPPORTED, "Correlation"),
        ({"title": "f", "filter": {}, "logsource": {}}, Reason.UNSUPPORTED, "filter"),
        (
            document(selection(EventID=1, f="x"), logsource={"product": "windows", "category": "file_event"}),
            Reason.NEVER_TRUE,
            "EventID",
        ),
    ],
)
def test_a_document_that_cannot_be_active_has_a_reason(rule, reason, words):
    rule_set, report = load(rule, document(SIMPLE))

    assert len(rule_set.rules) == report.active == 1
    assert [each.reason for each in report.inactive] == [reason]
    assert words in report.inactive[0].explanation
    assert report.documents == 2


@pytest.mark.parametrize("text", ["a: [", "\t- : :", "title: a\ntitle: b\n", "x" * 1_100_000, "a: &a [*a]"])
def test_a_file_that_is_no_yaml_stops_nothing(text):
    rule_set, report = compile_rule_set([RuleSource("bad.yml", text), source(document(SIMPLE))])

    assert report.active == len(rule_set.rules) == 1
    assert [each.path for each in report.inactive] == ["bad.yml"]


def test_the_second_rule_with_an_id_is_inactive_and_names_the_first():
    first = document(SIMPLE, id="11111111-2222-3333-4444-555555555555")
    second = {**first, "title": "Another"}

    rule_set, report = compile_rule_set([source(first, "first.yml"), source(second, "second.yml")])

    assert [rule.title for rule in rule_set.rules] == ["A rule of a test"]
    assert report.inactive[0].reason is Reason.DUPLICATE
    assert "first.yml" in report.inactive[0].explanation


def test_placeholders_take_the_values_the_site_gives():
    rule = document(selection(f__contains__expand="\\%Admins%"))

    rule_set, report = load(rule, expand={"Admins": ["root", "adm*n"]})

    assert report.inactive == ()
    assert list(rule_set.match(event(f="HOST\\root"))) == [0]
    assert list(rule_set.match(event(f="HOST\\admiiin"))) == [0]
    assert rule_set.match(event(f="HOST\\guest")) == ()


def test_several_documents_of_a_file_are_several_rules():
    text = "\n---\n".join(source(document(selection(f=value))).text for value in ("a", "b"))

    rule_set, report = compile_rule_set([RuleSource("two.yml", text, "org")])

    assert report.active == 2
    assert {rule.owner for rule in rule_set.rules} == {"org"}
    assert len({rule.version for rule in rule_set.rules}) == 2


def test_a_rule_carries_what_its_licence_and_the_analyst_need():
    rule = document(
        SIMPLE,
        author="Jane Doe",
        tags=["attack.t1562.001", "attack.defense-evasion", "attack.g0010", "attack.t9999", "car.2016"],
        references=["https://example.org"],
        falsepositives=["Backup"],
        logsource={"product": "linux", "service": "auditd", "definition": "Needs -w /etc"},
    )

    rule_set, _ = load(rule)
    (loaded,) = rule_set.rules

    assert loaded.author == "Jane Doe"
    assert loaded.definition == "Needs -w /etc"
    assert loaded.unverified_tags == ("attack.g0010",)
    assert loaded.unknown_tags == ("attack.t9999",)
    assert loaded.techniques == ("T1685",)
    assert loaded.tactics == ("stealth",)


def test_a_change_of_any_rule_changes_the_version_of_the_set():
    one, _ = load(document(SIMPLE, id="11111111-2222-3333-4444-555555555555"))
    other, _ = load(document(selection(f="y"), id="11111111-2222-3333-4444-555555555555"))
    same, _ = load(document(SIMPLE, id="11111111-2222-3333-4444-555555555555"))

    assert one.version == same.version != other.version
    assert len(one.version) == 32
