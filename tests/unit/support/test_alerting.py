"""From what a rule sees to what receivers are told."""

from datetime import UTC, datetime, timedelta

import pytest

from appliance.support.alert_rules import read
from appliance.support.alerting import Book, Evaluation, ReceiverTerms
from appliance.support.samples import Samples

RULES = """
groups:
  - name: test
    rules:
      - {alert: Down, expr: up == 0, for: 1m, labels: {severity: critical}, annotations: {summary: "{{ $labels.job }} is {{ $value }}"}}
      - {alert: Grows, expr: "increase(lost[10m]) > 0", labels: {severity: warning}}
      - {alert: XDRAlive, expr: vector(1), labels: {severity: none}}
"""
START = datetime(2026, 11, 27, tzinfo=UTC)
OPS = ReceiverTerms("ops", frozenset({"critical", "warning"}), False)
PAGER = ReceiverTerms("pager", frozenset({"critical"}), True)


class Watch:
    """A node under a clock of its own."""

    def __init__(self) -> None:
        self.book, self.at = Book(), START
        self.begin()

    def begin(self) -> None:
        """As after a restart: the book is read again, samples are gone."""
        self.samples = Samples({"up", "lost"}, 700)
        self.evaluation = Evaluation("node1", read(RULES), [OPS, PAGER], alive_seconds=300)

    def step(self, seconds: float = 15, silenced: tuple[str, ...] = (), **values: float) -> None:
        self.at += timedelta(seconds=seconds)
        for name, value in values.items():
            self.samples.put(name, {"job": "db"}, value, self.at.timestamp())
        self.evaluation.step(self.book, self.samples, silenced, self.at)

    def told(self, receiver: str = "ops") -> list[tuple[str, str]]:
        found = [each.notification for each in self.book.waiting if each.receiver == receiver]
        return [(each.change, each.rule) for each in found if each.change != "alive"]


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_an_alert_waits_its_time_is_told_once_and_resolved_once(watch):
    for _ in range(3):
        watch.step(up=0)
    assert watch.told() == []

    for _ in range(10):
        watch.step(up=0)
    for _ in range(3):
        watch.step(up=1)

    assert watch.told() == [("firing", "Down"), ("resolved", "Down")]
    assert watch.told("pager") == watch.told()
    assert watch.book.waiting[-1].notification.annotations["summary"] == "db is 0"


def test_what_ends_before_its_time_is_never_told(watch):
    for value in (0, 0, 1, 0, 0, 1):
        watch.step(up=value)

    assert watch.told() == []


def test_a_receiver_hears_its_severities_only(watch):
    for value in (0, 1, 2):
        watch.step(60, lost=value)

    assert watch.told() == [("firing", "Grows")]
    assert watch.told("pager") == []


def test_a_restart_neither_forgets_nor_repeats(watch):
    for value in (0, 1, 2):
        watch.step(60, lost=value)
    watch.begin()
    for _ in range(4):
        watch.step(60, lost=2)

    assert watch.told() == [("firing", "Grows")]

    for _ in range(12):
        watch.step(60, lost=2)

    assert watch.told() == [("firing", "Grows"), ("resolved", "Grows")]


def test_what_is_silenced_is_listed_and_told_afterwards(watch):
    for _ in range(8):
        watch.step(up=0, silenced=("Down",))
    assert [alert.state for alert in watch.book.alerts if alert.rule == "Down"] == ["firing"]
    assert watch.told() == []

    watch.step(up=0)

    assert watch.told() == [("firing", "Down")]


def test_a_sign_of_life_goes_out_in_time_and_only_the_newest_waits(watch):
    for _ in range(41):
        watch.step(15)

    waiting = [each for each in watch.book.waiting if each.notification.change == "alive"]
    assert [each.receiver for each in waiting] == ["pager"]
    assert watch.at - watch.book.alive_at < timedelta(seconds=300)
    assert waiting[0].notification.at == watch.book.alive_at
