"""What conditions and the shapes of selections mean."""

import pytest

from tests.unit.detection.rule_texts import document, event, fires, load, selection

PARTS = {
    "sel_a": {"a": "1"},
    "sel_b": {"b": "1"},
    "sel_c": {"c": "1", "d": "1"},
    "other": {"e": "1"},
}


@pytest.mark.parametrize(
    ("condition", "true_fields", "expected"),
    [
        ("sel_a and sel_b", "ab", True),
        ("sel_a and sel_b", "a", False),
        ("sel_a or sel_b and sel_c", "a", True),
        ("(sel_a or sel_b) and sel_c", "a", False),
        ("(sel_a or sel_b) and sel_c", "bcd", True),
        ("1 of sel_*", "cd", True),
        ("1 of sel_*", "ce", False),
        ("any of sel_*", "b", True),
        ("all of sel_*", "abcd", True),
        ("all of sel_*", "abc", False),
        ("1 of them", "e", True),
        ("all of them", "abcd", False),
        ("not sel_c", "c", True),
        ("not sel_c", "cd", False),
        ("other and not 1 of sel_*", "ec", True),
        ("other and not 1 of sel_*", "ecd", False),
        ("other and not all of sel_*", "eab", True),
        ("other and not all of sel_*", "eabcd", False),
        ("not (sel_a and not sel_b)", "ab", True),
        ("not (sel_a and not sel_b)", "a", False),
        ("(sel_a and not sel_c) or (sel_b and not other)", "ae", True),
        ("(sel_a and not sel_c) or (sel_b and not other)", "abcde", False),
        ("not sel_a or not sel_c", "acd", False),
        ("not not sel_a", "a", True),
        ("2 of sel_*", "ab", True),
        ("2 of sel_*", "acd", True),
        ("2 of sel_*", "a", False),
        ("3 of them and not other", "abcd", True),
        ("3 of them and not other", "abcde", False),
    ],
)
def test_a_condition_means_what_it_says(condition, true_fields, expected):
    fields = {field: "1" if field in true_fields else "0" for field in "abcde"}

    assert fires({**PARTS, "condition": condition}, **fields) is expected


def test_a_list_of_maps_is_an_alternative_of_all_their_items():
    detection = {"selection": [{"a": "1", "b": "1"}, {"c": "1"}], "condition": "selection"}

    assert fires(detection, c="1")
    assert fires(detection, a="1", b="1")
    assert not fires(detection, a="1", b="2", c="2")


def test_several_conditions_are_alternatives():
    assert fires({**PARTS, "condition": ["sel_a", "sel_b"]}, b="1")


def test_more_alternatives_than_fit_are_still_decided_exactly():
    wide = {
        f"sel_{name}": [{f"{name}{i}": "1", f"{name}x{i}": "1"} for i in range(12)]
        for name in ("p", "q", "r")
    }
    detection = {**wide, "condition": "all of sel_*"}

    assert fires(detection, p3="1", px3="1", q11="1", qx11="1", r0="1", rx0="1")
    assert not fires(detection, p3="1", px3="1", q11="1", qx10="1", r0="1", rx0="1")


def test_rules_of_one_route_do_not_disturb_each_other():
    rules = [document(selection(f__contains=text)) for text in ("abc", "bcd", "cde")]
    rule_set, _ = load(*rules)

    assert list(rule_set.match(event(f="xabcdex"))) == [0, 1, 2]
    assert list(rule_set.match(event(f="xbcdx"))) == [1]
    assert rule_set.match(event(f="ab cd")) == ()
    assert rule_set.match(event("other.kind", f="abc")) == ()
