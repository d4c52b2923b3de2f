import pytest

from appliance.foundation.severity import Severity
from appliance.incidents.risk import (
    HALF_LIFE,
    OPENING_RISK,
    combined,
    decayed,
    reasons_of,
    risk_of,
    total_of,
    weight_of,
)


def test_a_graver_level_is_a_greater_risk():
    risks = [risk_of(weight_of(level)) for level in Severity]

    assert risks == sorted(set(risks))


def test_one_finding_of_medium_level_is_worth_a_look_and_a_low_one_is_not():
    assert risk_of(weight_of(Severity.MEDIUM)) >= OPENING_RISK > risk_of(weight_of(Severity.LOW))


def test_risk_grows_with_every_rule_but_never_beyond_a_hundred():
    risks = [risk_of(combined([weight_of(Severity.HIGH)] * count), 15) for count in range(1, 400)]

    assert risks == sorted(risks)
    assert risks[-1] <= 100


def test_each_repetition_counts_half_and_together_at_most_twice():
    once, twice = total_of(Severity.HIGH, 1), total_of(Severity.HIGH, 2)

    assert once == pytest.approx(weight_of(Severity.HIGH))
    assert twice == pytest.approx(1.5 * once)
    assert total_of(Severity.HIGH, 10_000) == pytest.approx(2 * once, rel=1e-6)


def test_the_longer_a_rule_has_been_noise_the_less_it_weighs():
    assert weight_of(Severity.HIGH, noisy_hours=20) < weight_of(Severity.HIGH, noisy_hours=8) / 2


@pytest.mark.parametrize("elapsed", [HALF_LIFE, -HALF_LIFE])
def test_weight_halves_in_a_day_of_event_time_whichever_way_it_runs(elapsed):
    assert decayed(0.8, elapsed) == pytest.approx(0.4)


def test_further_rules_count_less_than_the_weightiest_in_whatever_order_they_came():
    assert combined([0.1, 0.8]) == combined([0.8, 0.1]) < 0.9


def test_the_reasons_of_a_risk_are_what_it_was_counted_from_heaviest_first():
    reasons = reasons_of([("Small", Severity.LOW, 3), ("Grave", Severity.CRITICAL, 1)], carried=0.5)

    assert reasons == [
        "Grave (critical): 80 by itself",
        "Small (low, 3 times): 14 by itself",
        "Earlier findings outside this incident, decayed with time: 39",
    ]
