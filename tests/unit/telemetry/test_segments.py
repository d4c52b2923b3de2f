from hypothesis import given
from hypothesis import strategies as st

from appliance.telemetry import query
from appliance.telemetry.evaluation import SegmentView
from appliance.telemetry.segments import SegmentReader
from tests.factories.events import event, segment

SCALARS = st.one_of(st.text(max_size=12), st.integers(-(2**70), 2**70), st.none())
VALUES = st.one_of(SCALARS, st.lists(st.text(max_size=5), max_size=3).map(tuple))
FIELDS = st.dictionaries(st.sampled_from(["Image", "CommandLine", "User", "EventID"]), VALUES, max_size=4)


def stored(value):
    """What a value is after storing: integers beyond 64 bits and lone surrogates become text."""
    if isinstance(value, tuple):
        return tuple(stored(one) for one in value)
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return str(value)
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


@given(st.lists(FIELDS, min_size=1, max_size=20))
def test_every_field_of_every_event_comes_back(all_fields):
    encoded = segment([event(**fields) for fields in all_fields])
    reader = SegmentReader()

    for place, fields in enumerate(all_fields):
        found = reader.fields_at(encoded.columns.items(), place)
        plain = {name: value for name, value in found.items() if not name.startswith("@")}
        expected = {name: stored(value) for name, value in fields.items() if value is not None}
        assert {n: str(v) for n, v in plain.items()} == {n: str(v) for n, v in expected.items()}


@given(
    st.lists(FIELDS, min_size=1, max_size=20),
    st.sampled_from(["Image", "CommandLine", "User"]),
    st.text(max_size=4),
)
def test_a_clause_finds_what_a_plain_loop_finds(all_fields, field, needle):
    encoded = segment([event(**fields) for fields in all_fields])

    for clause in (query.Contains, query.Is, query.StartsWith, query.EndsWith):
        tree = clause(field=field, value=needle)
        mask = SegmentView(SegmentReader(), encoded.events, encoded.columns).evaluate(tree)
        plain = [query.matches(tree.test(), stored(fields.get(field))) for fields in all_fields]
        assert mask.tolist() == plain


def test_a_query_combines_fields_of_the_envelope_and_of_the_event():
    encoded = segment([event(Image="a.exe"), event(host="other", Image="a.exe"), event(Image="b.exe")])
    tree = query.And(
        of=(query.Is(field="@host", value="WKSTN-5"), query.Not(of=query.Is(field="Image", value="b.exe")))
    )

    mask = SegmentView(SegmentReader(), 3, encoded.columns).evaluate(tree)

    assert mask.tolist() == [True, False, False]


def test_free_text_looks_into_every_field():
    encoded = segment([event(Image="a.exe"), event(CommandLine="run MimiKatz now"), event(User="x")])

    mask = SegmentView(SegmentReader(), 3, encoded.columns).evaluate(query.Text(value="mimikatz"))

    assert mask.tolist() == [False, True, False]


def test_an_address_range_holds_both_families():
    encoded = segment([event(src_ip="10.1.2.3"), event(src_ip="2001:db8::7"), event(src_ip="no address")])
    view = SegmentView(SegmentReader(), 3, encoded.columns)

    assert view.evaluate(query.Cidr(field="src_ip", value="10.0.0.0/8")).tolist() == [True, False, False]
    assert view.evaluate(query.Cidr(field="src_ip", value="2001:db8::/32")).tolist() == [False, True, False]
