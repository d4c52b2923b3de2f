"""Truth vectors for every modifier of Sigma 2.1, also those the public rules never use."""

import base64

import pytest

from tests.unit.detection.rule_texts import fires, selection


@pytest.mark.parametrize(
    ("clauses", "value", "expected"),
    [
        # plain values: text, case, wildcards, types
        ({"f": "Value"}, "vALUE", True),
        ({"f": "value"}, "value ", False),
        ({"f": "v*e"}, "vale\nvalue", True),
        ({"f": "va?ue"}, "vaüue", True),
        ({"f": "va?ue"}, "vaue", False),
        ({"f": r"a\*b"}, "a*b", True),
        ({"f": r"a\*b"}, "axb", False),
        ({"f": r"C:\Windows\\*"}, "c:\\windows\\x", True),
        ({"f": "ÄÖ"}, "äö", True),
        ({"f": "ΟΔΟΣ"}, "οδος", True),
        ({"f": 4625}, "4625", True),
        ({"f": 4625}, 4625, True),
        ({"f": "4625"}, 4625, True),
        ({"f": 4625}, 4625.0, True),
        ({"f": True}, "TRUE", True),
        ({"f": ""}, "", True),
        ({"f": ""}, None, False),
        ({"f": "*"}, "", True),
        ({"f": "*"}, None, False),
        ({"f": None}, None, True),
        ({"f": None}, "", False),
        ({"f": ["a", "b"]}, "B", True),
        ({"f": "b"}, ("a", "b"), True),
        # contains, startswith, endswith, all, windash
        ({"f__contains": "mid"}, "a MID b", True),
        ({"f__contains": "m*d"}, "a m-i-d b", True),
        ({"f__startswith": "a"}, "Abc", True),
        ({"f__startswith": "b"}, "abc", False),
        ({"f__endswith": "c"}, "abC", True),
        ({"f__endswith": r"\cmd.exe"}, "C:\\x\\cmd.EXE", True),
        ({"f__endswith": r"\cmd.exe"}, "cmd.exe", False),
        ({"f__contains__all": ["a", "b"]}, "xbxax", True),
        ({"f__contains__all": ["a", "b"]}, "xbx", False),
        ({"f__all": ["a", "b"]}, ("b", "a"), True),
        ({"f__contains__windash": " -enc "}, "x /enc y", True),
        ({"f__contains__windash": " -enc "}, "x \u2014enc y", True),
        ({"f__contains__all__windash": [" -a", " -b"]}, "x /a \u2013b", True),
        # cased
        ({"f__cased": "Value"}, "Value", True),
        ({"f__cased": "Value"}, "value", False),
        ({"f__contains__cased": "aB"}, "xaBx", True),
        ({"f__contains__cased": "aB"}, "xabx", False),
        # neq and exists
        ({"f__neq": "a"}, "b", True),
        ({"f__neq": ["a", "b"]}, "b", False),
        ({"f__neq": "a"}, None, True),
        ({"f__exists": True}, None, True),
        ({"f__exists": False}, "a", False),
        # numbers
        ({"f__gt": 5}, 6, True),
        ({"f__gt": 5}, "6", True),
        ({"f__gt": 5}, 5, False),
        ({"f__gte": 5}, "5.0", True),
        ({"f__lt": 5}, "0x4", True),
        ({"f__lte": 5}, 5, True),
        ({"f__lt": 5}, "four", False),
        ({"f__gt": 5}, float("nan"), False),
        # parts of a timestamp
        ({"f__minute": 7}, "2026-11-23T22:07:00Z", True),
        ({"f__hour": 22}, "2026-11-23 22:07:00", True),
        ({"f__hour": 22}, "2026-11-24T00:07:00+02:00", True),
        ({"f__day": 23}, 1795471620, True),
        ({"f__week": 48}, "2026-11-23T22:07:00Z", True),
        ({"f__month": 11}, 1795471620000, True),
        ({"f__year": 2026}, "2026-11-23", True),
        ({"f__hour__gte": 22}, "2026-11-23T23:00:00Z", True),
        ({"f__hour__lt": 6}, "2026-11-23T23:00:00Z", False),
        ({"f__hour": 1}, "no time", False),
        # networks
        ({"f__cidr": "10.0.0.0/8"}, "10.255.0.1", True),
        ({"f__cidr": "10.0.0.0/8"}, "11.0.0.1", False),
        ({"f__cidr": "10.0.0.0/8"}, "::ffff:10.1.2.3", True),
        ({"f__cidr": "fe80::/10"}, "fe80::1", True),
        ({"f__cidr": "fe80::/10"}, "fec0::1", False),
        ({"f__cidr": ["10.0.0.0/8", "192.168.0.0/16"]}, "192.168.1.1", True),
        ({"f__cidr": "10.0.0.0/8"}, "host", False),
        # regular expressions
        ({"f__re": "a.c"}, "xabcx", True),
        ({"f__re": "a.c"}, "xABCx", False),
        ({"f__re": "^a.c$"}, "abc\n", False),
        ({"f__re": "a.c"}, "a\nc", False),
        ({"f__re__i": "A.C"}, "xabcx", True),
        ({"f__re__s": "a.c"}, "a\nc", True),
        ({"f__re__m": "^b$"}, "a\nb\nc", True),
        ({"f__re__i__m__s": "^B.C"}, "a\nb\nc", True),
        ({"f__re": "(powershell|pwsh) -[eE]nc"}, "pwsh -enc", True),
    ],
)
def test_a_modifier_means_what_the_specification_says(clauses, value, expected):
    assert fires(selection(**clauses), f=value) is expected


def test_a_missing_field_is_null_and_does_not_exist():
    assert fires(selection(f=None), g="a")
    assert fires(selection(f__exists=False), g="a")
    assert not fires(selection(f__exists=True), g="a")
    assert fires(selection(f__neq="a"), g="a")


@pytest.mark.parametrize(
    ("modifiers", "encode"),
    [
        ("base64", lambda text: text.encode()),
        ("wide__base64", lambda text: text.encode("utf-16-le")),
        ("utf16le__base64", lambda text: text.encode("utf-16-le")),
        ("utf16be__base64", lambda text: text.encode("utf-16-be")),
        ("utf16__base64", lambda text: b"\xff\xfe" + text.encode("utf-16-le")),
    ],
)
def test_base64_is_found_as_it_is_written_and_not_in_another_case(modifiers, encode):
    encoded = base64.b64encode(encode("Invoke")).decode()
    clause = {f"f__{modifiers}__contains": "Invoke"}

    assert fires(selection(**clause), f=f"x {encoded} y")
    assert not fires(selection(**clause), f=f"x {encoded.swapcase()} y")


@pytest.mark.parametrize("offset", [0, 1, 2])
def test_base64offset_finds_the_text_wherever_it_starts(offset):
    encoded = base64.b64encode(b"x" * offset + b"/bin/bash" + b"yz").decode()

    assert fires(selection(f__base64offset__contains="/bin/bash"), f=encoded)
    assert not fires(selection(f__base64offset__contains="/bin/bash"), f=encoded.lower())


@pytest.mark.parametrize(
    ("modifiers", "value", "other", "expected"),
    [
        ("fieldref", "Same", "sAME", True),
        ("fieldref", "Same", "Other", False),
        ("fieldref__startswith", "prefix and more", "PREFIX", True),
        ("fieldref__endswith", "the end", "END", True),
        ("fieldref__contains", "the middle one", "middle", True),
        ("fieldref__contains", "the one", "middle", False),
        ("fieldref", 5, "5", True),
        ("fieldref", None, None, False),
    ],
)
def test_fields_are_compared_with_each_other(modifiers, value, other, expected):
    assert fires(selection(**{f"f__{modifiers}": "g"}), f=value, g=other) is expected


def test_a_reference_within_a_filter_decides_exactly():
    detection = {
        "selection": {"a": "x"},
        "filter": {"f|fieldref": "g"},
        "condition": "selection and not filter",
    }

    assert fires(detection, a="x", f="one", g="two")
    assert not fires(detection, a="x", f="same", g="same")


def test_keywords_are_found_in_any_value_and_in_none_of_the_names():
    detection = {"keywords": ["mimikatz", "sekurlsa::"], "condition": "keywords"}

    assert fires(detection, one="nothing", two="run SEKURLSA::logonpasswords now")
    assert fires(detection, many=("a", "mimi\u212aatz"))
    assert not fires(detection, mimikatz="a", other="mimi", third="katz")


def test_all_keywords_must_be_there_but_not_in_one_value():
    detection = {"keywords": {"|all": ["one", "two"]}, "condition": "keywords"}

    assert fires(detection, a="one", b="two")
    assert not fires(detection, a="one", b="three")


def test_keywords_that_json_would_escape_are_found():
    assert fires({"keywords": ['say "yes" \\ no\t!'], "condition": "keywords"}, a='x say "yes" \\ no\t! y')
    assert fires({"keywords": ["\u20ac"], "condition": "keywords"}, a="100 \u20ac")


def test_expressions_can_be_keywords():
    detection = {"keywords": {"|re": "passw(or)?d=.{3}"}, "condition": "keywords"}

    assert fires(detection, a="x passwd=abc")
    assert not fires(detection, a="x passwd=")


def test_lone_surrogates_neither_match_nor_break_anything():
    assert not fires(selection(f__re="b+c"), f="\ud800 abbd")
    assert fires(selection(f__contains="abb"), f="\ud800 abbc")
    assert not fires({"keywords": ["x"], "condition": "keywords"}, f="\ud800")
