"""Vectorscan decides expressions; RE2 says what is right."""

import pytest

from appliance.detection.matching.exact import predicate_of
from appliance.detection.matching.fields import FieldTests
from appliance.detection.matching.regexes import scan_pattern
from appliance.detection.sigma.tree import ANY_CHARACTER, ANY_TEXT, Regex, Text

EXPRESSIONS = [
    Regex("[-/\u2013][Ee^]{1,2}[ncodema^]*\\s[A-Za-z0-9+/=]{3,}"),
    Regex("a\\sb"),
    Regex("a\\Sb"),
    Regex("^a.b$"),
    Regex("a[^b]c", "i"),
    Regex("ks", "i"),
    Regex("k[^s]", "i"),
    Regex("(?i)k[^s]"),
    Regex("(?i)CASED"),
    Regex("(?m)c$"),
    Regex("\\bword\\b"),
    Regex("x*"),
    Regex("^$"),
    Regex(".{6,}"),
    Regex("(?:Foo|ba[rz])\\\\[^\\\\]{1,4}$"),
    Regex("[^ -~]"),
    Regex("[^\\x00-\\x7f]"),
    Regex("a$b|c$", "m"),
    Regex("[[:alpha:]]1"),
    Regex("\\w\\W\\w", "s"),
    Regex("a.c", "s"),
    Regex("a{,2}"),
    Text((ANY_TEXT, "CaSed", ANY_TEXT), cased=True),
    Text(("Ca", ANY_CHARACTER, "ed"), cased=True),
    Text(("exact",), cased=True),
    Text((ANY_TEXT, "näh", ANY_TEXT), cased=True),
    Text((ANY_TEXT, "plain", ANY_TEXT)),
    Text((ANY_TEXT, "\u2013plain")),
    Text((ANY_TEXT, "näh", ANY_TEXT)),
    Text((ANY_TEXT, "i", ANY_CHARACTER, ANY_TEXT)),
    Text(("a\x01", ANY_TEXT)),
    Text((ANY_TEXT, "\v", ANY_TEXT)),
    Text((ANY_TEXT, "kx", ANY_TEXT)),
    Text(("plain", ANY_CHARACTER, "x")),
]
VALUES = [
    "", "a b", "a\vb", "a\nb", "a\tb", "a\u00a0b", "a\x1fb", "aéb", "a\ud800b", "a\u017fc", "KS", "ks", "\u212as",
    "k\u017f", "kß", "a word é", "sword", "wordé", "x", "\n", "c\n", "c", "abcdef", "äbcdef", "äöüßéè", "äöü",
    "Foo\\abc", "baz\\äöüß", "baz\\äöüßx", "Foo\\abc\n", "é", "\x01", "\v", "a\u2028b", "ab1", "é1", "a é",
    "-e abc", "\u2013enc\vabcd", "\u2013enc abcd", "/e ABCD\u2013", "xCaSedx", "cased", "CaSedé", "Caäed", "Ca\ved", "Ca\x01ed",
    "exact", "exact\n", "Exact", "einnäht", "NÄH", "PLAIN é", "plainéx", "plain\vx", "plain\ud800x", "Ca\ud800ed", "plain\u0130x", "pla\u0130n", "pla\u0131n", "a\x01c",
    "\u2013plain", "NÄH\u0130", "e\u017fxact", "PLAIN\u212aX", "aéc", "a\nc",
]  # fmt: skip


@pytest.mark.parametrize("test", EXPRESSIONS, ids=repr)
def test_a_scanned_test_says_what_its_predicate_says_of_every_text(test):
    # arrange
    together = FieldTests(EXPRESSIONS, [1 << number for number in range(len(EXPRESSIONS))], len(EXPRESSIONS))
    alone = FieldTests([test], [1], 1)
    bit = 1 << EXPRESSIONS.index(test)
    predicate = predicate_of(test)
    # act, assert
    for value in VALUES:
        assert bool(alone.effect_of(value)) == predicate(value), value
        assert bool(together.effect_of(value) & bit) == predicate(value), value


@pytest.mark.parametrize(
    "test",
    [Regex("[^\\x00-\\x7f]"), Regex("a$", "m"), Regex("[[:alpha:]]"), Regex("a(?i)b"), Regex("a\u2013+")],
)
def test_an_expression_that_the_engines_read_differently_is_left_to_re2(test):
    assert scan_pattern(test) is None


def test_an_expression_of_what_both_engines_know_is_scanned():
    assert scan_pattern(Regex("^(?:a|b)\\s[^x]{1,3}$")).expression == rb"^(?:a|b)\s[^x]{1,3}\z"
