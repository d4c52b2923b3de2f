"""Against real events: regression cases, equality with the naive evaluator, proof of explanations."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from appliance.detection.compiling import compile_rule_set
from appliance.detection.explaining import cut_down
from appliance.detection.ruleset import RuleSet
from appliance.detection.sigma.rules import LoadReport, Reason
from appliance.telemetry.decoding.evtx import decode_evtx
from appliance.telemetry.decoding.windows import decode_windows_json
from appliance.telemetry.events import Bounds
from tests.unit.detection.corpora_events import (
    naive_rules,
    other_events,
    rule_sources,
    windows_bodies,
    windows_events,
)

pytestmark = pytest.mark.corpora

# Every event is compared by tests/bench/detection_equality.py, which takes minutes.
EVERY = 40


@pytest.fixture(scope="module")
def public_rules(corpora: Path) -> tuple[RuleSet, LoadReport]:
    return compile_rule_set(rule_sources(corpora))


def _regression_cases(corpora: Path) -> Iterator[tuple[str, Path, dict]]:
    for info in sorted((corpora / "sigma" / "regression").rglob("info.yml")):
        described = yaml.safe_load(info.read_text(encoding="utf-8"))
        for case in described.get("regression_tests_info") or []:
            yield described["rule_metadata"][0]["id"], info.parent / Path(case["path"]).name, case


@pytest.mark.parametrize(
    ("decode", "suffix"), [(decode_evtx, ".evtx"), (decode_windows_json, ".json")], ids=["evtx", "json"]
)
def test_every_regression_case_reaches_its_count(corpora, public_rules, decode, suffix):
    rule_set, _ = public_rules
    numbers = {rule.id: number for number, rule in enumerate(rule_set.rules)}
    missed = []
    cases = list(_regression_cases(corpora))

    for rule_id, path, case in cases:
        decoded = decode(path.with_suffix(suffix).read_bytes(), Bounds(), {})
        count = sum(numbers[rule_id] in rule_set.match(event) for event in decoded.events)
        # As upstream has it: the count is what the rule must reach, one where none is given.
        expected = case.get("match_count", 1)
        if decoded.malformed or count < expected:
            missed.append((path.name, count, expected, decoded.malformed))

    assert len(cases) > 90
    assert missed == []


def test_every_rule_that_is_not_active_says_why(public_rules):
    rule_set, report = public_rules

    assert report.active == len(rule_set.rules) > 3_700
    assert {each.reason for each in report.inactive} == {Reason.PLACEHOLDERS}
    assert all(each.explanation and each.id and each.title for each in report.inactive)


def test_no_active_rule_is_out_of_reach_of_every_route(public_rules):
    rule_set, _ = public_rules

    assert [rule.title for rule in rule_set.rules if not rule.author or rule.unknown_tags] == []
    assert sum(not rule.mapped for rule in rule_set.rules) < 70


def test_the_index_says_what_the_naive_evaluator_says(corpora, public_rules):
    rule_set, _ = public_rules
    naive = naive_rules(rule_sources(corpora), {rule.id for rule in rule_set.rules})
    numbers = {rule.id: number for number, rule in enumerate(rule_set.rules)}
    carrying: dict = {}
    differences, matches = [], 0

    for position, event in enumerate(windows_events(corpora)):
        if position % EVERY:
            continue
        rules = carrying.setdefault(event.route, [rule for rule in naive if rule.carries(event)])
        expected = sorted(numbers[rule.id] for rule in rules if rule.matches(event))
        found = list(rule_set.match(event))
        matches += len(found)
        if found != expected:
            differences.append((event.fields, found, expected))

    assert matches > 50
    assert differences == []


def test_so_it_does_for_events_of_other_kinds(corpora, public_rules):
    rule_set, _ = public_rules
    naive = naive_rules(rule_sources(corpora), {rule.id for rule in rule_set.rules})
    numbers = {rule.id: number for number, rule in enumerate(rule_set.rules)}
    carrying: dict = {}
    differences, matches, events = [], 0, 0

    for position, event in enumerate(other_events(corpora)):
        found = list(rule_set.match(event))
        if not found and position % EVERY:
            continue
        rules = carrying.setdefault(event.route, [rule for rule in naive if rule.carries(event)])
        expected = sorted(numbers[rule.id] for rule in rules if rule.matches(event))
        events, matches = events + 1, matches + len(found)
        if found != expected:
            differences.append((event.fields, found, expected))

    assert events > 500
    assert matches > 30
    assert differences == []


def test_every_explanation_is_sufficient_and_each_quote_necessary(corpora, public_rules):
    rule_set, _ = public_rules
    findings = 0
    wrong = []

    for event in windows_events(corpora):
        for number in rule_set.match(event):
            findings += 1
            explanation = rule_set.explain(number, event)
            small = cut_down(event, explanation.fields)
            quoted = {quote.field for quote in explanation.quotes}
            necessary = all(
                number not in rule_set.match(cut_down(event, tuple(set(explanation.fields) - {field})))
                for field in explanation.fields
            )
            if number not in rule_set.match(small) or not necessary or quoted != set(explanation.fields):
                wrong.append((rule_set.rules[number].title, explanation))

    assert findings > 1_500
    assert wrong == []


def test_matching_a_body_at_once_says_what_matching_each_event_says(corpora, public_rules):
    rule_set, _ = public_rules
    matches = 0

    for body in windows_bodies(corpora):
        events = decode_windows_json(body, Bounds(), {}).events
        at_once = [list(found) for found in rule_set.match_body(events, body)]
        matches += sum(map(len, at_once))
        assert at_once == [list(rule_set.match(event)) for event in events]

    assert matches > 1_500
