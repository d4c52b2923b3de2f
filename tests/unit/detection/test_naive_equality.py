"""Random rules against random events: the index and the naive evaluator never differ."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.detection.naive import NaiveRule
from tests.unit.detection.rule_texts import document, event, load

FIELDS = ("a", "b", "CommandLine")
# Few letters, so that patterns and values meet; some that fold oddly, some that need escaping.
LETTERS = "abAB\\/-*? .\u212as\u017fİς1"
words = st.text(LETTERS, max_size=6)
numbers = st.integers(-2, 12)
addresses = st.sampled_from(["10.0.0.1", "10.9.9.9", "::ffff:10.0.0.1", "fe80::1", "192.168.1.1", "x"])
times = st.sampled_from(["2026-11-23T22:07:00Z", "2026-01-01 00:00:00", 1795471620, "22:07"])
scalars = st.one_of(words, numbers, addresses, times, st.floats(-2, 12, width=16))
values = st.one_of(scalars, st.none(), st.lists(scalars, max_size=3).map(tuple))

strings = st.sampled_from(
    [
        "|contains",
        "|startswith",
        "|endswith",
        "|contains|all",
        "|cased",
        "|contains|cased",
        "|neq",
        "|contains|windash",
        "|contains|neq",
    ]
)
encoders = st.sampled_from(
    ["|base64|contains", "|base64offset|contains", "|wide|contains", "|utf16be|contains"]
)
comparisons = st.sampled_from(["|gt", "|gte", "|lt", "|lte", "|hour", "|minute|gte", "|week", "|year|lt"])
expressions = st.sampled_from(
    ["a+b", "^a", "b$", "(a|b)1", "[^a]b", "a{2,3}", "abc", "(?i)AB", "a.b", "\\\\a"]
)
references = st.sampled_from(
    ["|fieldref", "|fieldref|startswith", "|fieldref|endswith", "|fieldref|contains"]
)
plain = words.filter(lambda word: "*" not in word and "?" not in word)
networks = st.sampled_from(["10.0.0.0/8", "10.0.0.0/32", "fe80::/10", "0.0.0.0/0"])
literal = st.one_of(words, numbers, st.booleans(), st.none())


@st.composite
def clauses(draw):  # noqa: PLR0911 — one answer per kind of clause
    field = draw(st.sampled_from(FIELDS))
    kind = draw(st.integers(0, 8))
    if kind <= 2:
        modifiers = draw(strings)
        listed = draw(st.lists(words, min_size=1, max_size=3))
        return field + modifiers, listed
    if kind == 3:
        return field, draw(st.lists(literal, min_size=1, max_size=3))
    if kind == 4:
        return field + draw(comparisons), draw(numbers)
    if kind == 5:
        flags = draw(st.sampled_from(["", "|i", "|s", "|m", "|i|s"]))
        return field + "|re" + flags, draw(expressions)
    if kind == 6:
        return field + draw(references), draw(st.sampled_from(FIELDS))
    if kind == 7:
        return field + draw(encoders), draw(plain.filter(str.isascii))
    return draw(
        st.sampled_from([(f"{field}|cidr", draw(networks)), (f"{field}|exists", draw(st.booleans()))])
    )


maps = st.lists(clauses(), min_size=1, max_size=3).map(dict)
keywords = st.lists(words.filter(bool), min_size=1, max_size=2)
selections = st.one_of(maps, maps, st.lists(maps, min_size=1, max_size=3), keywords)
conditions = st.recursive(
    st.sampled_from(["s1", "s2", "s3", "1 of s*", "all of s*", "1 of them"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        inner.map(lambda condition: f"(not {condition})"),
    ),
    max_leaves=5,
)
rules = st.fixed_dictionaries({"s1": selections, "s2": selections, "s3": selections, "condition": conditions})
events = st.dictionaries(st.sampled_from(FIELDS), values, max_size=3)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(rules, min_size=1, max_size=3), st.lists(events, min_size=1, max_size=6))
def test_index_and_naive_evaluator_agree_on_random_rules(detections, field_sets):
    documents = [document(detection) for detection in detections]
    rule_set, report = load(*documents)
    active = {rule.id: number for number, rule in enumerate(rule_set.rules)}
    naive = [NaiveRule(each) for each in documents if each["id"] in active]

    for fields in field_sets * 2:  # the second time, everything is remembered
        given_event = event(**fields)
        expected = sorted({active[rule.id] for rule in naive if rule.matches(given_event)})
        assert list(rule_set.match(given_event)) == expected, (documents, report.inactive)
