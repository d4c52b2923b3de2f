"""The checker of the cluster laboratory sees what it is there to see."""

import pytest

from tests.cluster import history

TOLD = [
    ("acknowledged", "a", 1.0),
    ("unknown", "b", 2.0),
    ("acknowledged", "c", 9.0),
    ("acknowledged", "d", 9.5),
]


def test_all_that_was_acknowledged_and_is_there_once_is_sound() -> None:
    verdict = history.judge(TOLD, ["a", "c", "d"])
    assert verdict.sound
    assert (verdict.acknowledged, verdict.unknown) == (3, 1)


def test_an_acknowledged_id_that_is_not_there_is_lost() -> None:
    assert history.judge(TOLD, ["a", "b", "d"]).lost == 1


def test_an_id_that_is_there_twice_is_doubled_even_if_nobody_was_told() -> None:
    assert history.judge(TOLD, ["a", "b", "b", "c", "d"]).doubled == 1


def test_the_outage_is_the_longest_silence_between_acknowledgements() -> None:
    assert history.judge(TOLD, ["a", "c", "d"]).outage == pytest.approx(8.0)


def test_writers_that_never_got_on_again_count_up_to_their_last_try() -> None:
    assert history.judge([("acknowledged", "a", 1.0), ("unknown", "b", 31.0)], ["a"]).outage == pytest.approx(
        30.0
    )


def test_a_run_without_an_acknowledgement_proves_nothing() -> None:
    with pytest.raises(ValueError, match="nothing to judge"):
        history.judge([("unknown", "a", 1.0)], [])
