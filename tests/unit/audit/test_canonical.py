"""
Audit entries as RFC 8785 bytes: one value has one spelling, whoever writes it.

Invariants of the format: names ordered by UTF-16 code unit (3.2.3), only the short escapes and lower-case
hexadecimal for control characters (3.2.2.2), everything else literally in UTF-8, no insignificant space.
"""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.audit.service import canonical
from appliance.foundation.errors import Invalid


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b": 1, "a": 2}, b'{"a":2,"b":1}'),
        ({"aa": 1, "a": 2, "": 3, "B": 4}, b'{"":3,"B":4,"a":2,"aa":1}'),
        ({"z": {"y": [{"b": None, "a": True}]}}, b'{"z":{"y":[{"a":true,"b":null}]}}'),
        ([], b"[]"),
        ({}, b"{}"),
        ([1, [2, []], False], b"[1,[2,[]],false]"),
    ],
)
def test_names_are_ordered_and_nothing_is_spaced(value, expected):
    assert canonical(value) == expected


def test_names_are_ordered_by_utf_16_and_not_by_code_point():
    # U+1F600 is D83D DE00 in UTF-16, so it comes before U+FB33 although its number is larger.
    assert canonical({"\ufb33": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\ufb33":1}'.encode()
    assert canonical({"\u20ac": 1, "\r": 2, "1": 3, "\u00f6": 4}) == '{"\\r":2,"1":3,"ö":4,"€":1}'.encode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"\\/', b'"\\"\\\\/"'),
        ("\b\f\n\r\t", b'"\\b\\f\\n\\r\\t"'),
        ("\x00\x0b\x1f", b'"\\u0000\\u000b\\u001f"'),
        ("\x7f\x80\u2028", b'"\x7f\xc2\x80\xe2\x80\xa8"'),
        ("ä€\U0001f600", b'"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"'),
    ],
)
def test_text_is_escaped_only_where_it_must_be(text, expected):
    assert canonical(text) == expected


@pytest.mark.parametrize("number", [0, -1, 2**53 - 1, -(2**53) + 1])
def test_integers_that_every_reader_holds_exactly_are_written(number):
    assert canonical(number) == str(number).encode()


@pytest.mark.parametrize("number", [2**53, -(2**53), 2**63, 10**40])
def test_larger_integers_are_refused(number):
    with pytest.raises(Invalid):
        canonical({"n": [number]})


@pytest.mark.parametrize("number", [0.0, 1.5, float("nan"), float("inf")])
def test_floats_are_refused(number):
    with pytest.raises(Invalid):
        canonical({"n": number})


def test_half_a_character_is_refused():
    for value in ({"name": "\ud800"}, {"\udc00": 1}):
        with pytest.raises(Invalid):
            canonical(value)


def test_sets_have_one_spelling_and_other_values_are_their_text():
    assert canonical({"b", "a", "c"}) == b'["a","b","c"]'
    assert canonical(UUID(int=1)) == b'"00000000-0000-0000-0000-000000000001"'
    assert canonical(datetime(2026, 5, 1, tzinfo=UTC)) == b'"2026-05-01 00:00:00+00:00"'


plain = st.recursive(
    st.none() | st.booleans() | st.integers(1 - 2**53, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(plain)
def test_what_is_read_back_is_what_was_written_and_is_written_alike(value):
    written = canonical(value)

    assert json.loads(written) == value
    assert canonical(json.loads(written)) == written
