"""What an expression means; `test_promtool` compares the whole rules with Prometheus itself."""

import math

import pytest

from appliance.foundation.errors import Invalid
from appliance.support.expressions import parse
from appliance.support.samples import Samples


@pytest.fixture
def samples() -> Samples:
    made = Samples({"requests", "used", "seconds_bucket", "lag"}, 3600)
    for minute in range(11):
        made.put("requests", {"status": "200"}, 100.0 * minute, 60.0 * minute)
        made.put("requests", {"status": "500"}, 10.0 * minute, 60.0 * minute)
        made.put("used", {"role": "a"}, 0.5, 60.0 * minute)
        made.put("used", {"role": "b"}, 0.95, 60.0 * minute)
        for bound, share in (("0.1", 5), ("1", 9), ("+Inf", 10)):
            made.put("seconds_bucket", {"le": bound}, float(share * minute), 60.0 * minute)
    return made


def value(samples: Samples, text: str) -> dict[tuple[str, ...], float]:
    found = parse(text).at(samples, 600.0)
    assert isinstance(found, dict)
    return {
        tuple(sorted(f"{n}={v}" for n, v in labels if n != "__name__")): number
        for labels, number in found.items()
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("used > 0.9", {("role=b",): 0.95}),
        ("max(used)", {(): 0.95}),
        ("sum(used) * 2", {(): 2.9}),
        ('used{role=~"a|c"}', {("role=a",): 0.5}),
        ('used{role!~"a|c"} == 0.95', {("role=b",): 0.95}),
        ("count(used)", {(): 2.0}),
        ('increase(requests{status="500"}[5m])', {("status=500",): 50.0}),
        ('sum(rate(requests{status=~"5.."}[2m])) / sum(rate(requests[2m]))', {(): 10 / 110}),
        ("histogram_quantile(0.5, sum by (le) (rate(seconds_bucket[5m])))", {(): 0.1}),
        ("histogram_quantile(0.95, sum by (le) (rate(seconds_bucket[5m])))", {(): 1.0}),
        ("used > 0.9 and used < 0.99", {("role=b",): 0.95}),
        ("time() - used > 599.4", {("role=a",): 599.5}),
        ("vector(1)", {(): 1.0}),
        ("lag > 0", {}),
    ],
)  # fmt: skip
def test_an_expression_means_what_prometheus_means(samples, text, expected):
    assert value(samples, text) == pytest.approx(expected)


def test_a_counter_that_began_anew_is_counted_on(samples):
    made = Samples({"requests"}, 600)
    for at, count in ((0, 10), (60, 20), (120, 5)):
        made.put("requests", {}, float(count), float(at))

    (grown,) = parse("increase(requests[3m])").at(made, 120.0).values()

    assert grown == pytest.approx((10 + 5) * (120 + 60) / 120)


def test_what_stopped_being_told_is_forgotten_after_five_minutes(samples):
    assert parse("used").at(samples, 600.0 + 301) == {}


def test_nothing_divided_by_nothing_is_no_alert():
    made = Samples({"requests"}, 600)
    made.put("requests", {}, 0.0, 10.0)

    (share,) = parse("requests / requests").at(made, 10.0).values()

    assert math.isnan(share)


@pytest.mark.parametrize(
    "text",
    ["rate(used)", "used[5m", "avg(used)", "delta(used[5m])", "used >", "used{role}", "1 + ", "sum(used[5m])", "a b", ""],
)  # fmt: skip
def test_what_is_not_evaluated_here_is_refused(text):
    with pytest.raises(Invalid):
        parse(text)
