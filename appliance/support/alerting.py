"""
From rules and samples to alerts: pending, firing, resolved; who has been told; what is silenced.

All of it is one file of the node, written whole before anybody is told, so that a restart neither forgets an
alert nor tells it anew. A receiver may hear the same thing twice (it took it, and we died before noting it),
never less than once.
"""

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Literal

import msgspec

from appliance.foundation import local_files
from appliance.support.alert_rules import Rule
from appliance.support.expressions import Value
from appliance.support.samples import Samples

State = Literal["pending", "firing"]
Change = Literal["firing", "resolved", "alive", "test"]
_ALIVE = "XDRAlive"
_MOST_WAITING = 200
# Longer than this nobody looked: what was pending then has to show itself anew.
_GAP_SECONDS = 120.0
_FILE, _SILENCES = "alerts.json", "alert-silences.json"


class Alert(msgspec.Struct):
    """
    Something that a rule sees now.

    Attributes:
        fingerprint: The same for the same rule and labels, whichever node sees it.
        since: When it was first seen.
        is_told: Whether receivers were told that it fires.
    """

    rule: str
    labels: dict[str, str]
    severity: str
    fingerprint: str
    since: datetime
    state: State
    value: float
    annotations: dict[str, str]
    is_told: bool = False


class Notification(msgspec.Struct, frozen=True):
    """What a receiver is told. `change` alive is the sign of life, test was asked for by a person."""

    change: Change
    node: str
    rule: str
    severity: str
    fingerprint: str
    labels: dict[str, str]
    annotations: dict[str, str]
    since: datetime
    at: datetime


class Waiting(msgspec.Struct):
    """A notification that a receiver has not taken yet."""

    receiver: str
    notification: Notification
    attempts: int = 0
    not_before: datetime | None = None
    cause: str = ""


class Book(msgspec.Struct):
    """What the node's file holds. `alive_at` is when the last sign of life was handed out."""

    alerts: list[Alert] = []
    waiting: list[Waiting] = []
    evaluated_at: datetime | None = None
    alive_at: datetime | None = None
    dropped: int = 0


class Silence(msgspec.Struct, frozen=True):
    """A rule that nobody is told of, for a time; what fires is still listed."""

    rule: str
    until: datetime
    reason: str
    by: str


class ReceiverTerms(msgspec.Struct, frozen=True):
    """Of what a receiver wants to hear."""

    name: str
    severities: frozenset[str]
    wants_alive: bool


def read_book(state_dir: Path) -> Book:
    """The node's file; errors as in `local_files.read`."""
    return local_files.read(state_dir / _FILE, Book) or Book()


def write_book(state_dir: Path, book: Book) -> None:
    local_files.write(state_dir / _FILE, book)


def silences(state_dir: Path, now: datetime) -> list[Silence]:
    """Those that have not ended; errors as in `local_files.read`."""
    found = local_files.read(state_dir / _SILENCES, list[Silence]) or []
    return [each for each in found if each.until > now]


def silence(state_dir: Path, asked: Silence, now: datetime) -> None:
    """Begin one, in the place of another of the same rule."""
    others = [each for each in silences(state_dir, now) if each.rule != asked.rule]
    local_files.write(state_dir / _SILENCES, [*others, asked])


def unsilence(state_dir: Path, rule: str, now: datetime) -> bool:
    """End one; whether there was one."""
    found = silences(state_dir, now)
    left = [each for each in found if each.rule != rule]
    local_files.write(state_dir / _SILENCES, left)
    return len(left) < len(found)


class Evaluation:
    """
    Args:
        node: Whose alerts these are.
        receivers: Whom to tell, and what.
        alive_seconds: How often receivers that want it get a sign of life.
    """

    def __init__(
        self, node: str, rules: Iterable[Rule], receivers: Iterable[ReceiverTerms], alive_seconds: float
    ) -> None:
        self._node, self._rules, self._receivers = node, list(rules), list(receivers)
        self._alive_seconds = alive_seconds

    def step(self, book: Book, samples: Samples, silenced: Iterable[str], now: datetime) -> None:
        """Evaluate every rule once, and put what receivers are to be told into the book."""
        quiet = set(silenced)
        _forget_pending(book, now)
        known = {alert.fingerprint: alert for alert in book.alerts}
        found: list[Alert] = []
        for rule in self._rules:
            seen = _seen(rule, samples, now)
            for fingerprint, (labels, value) in seen.items():
                found.append(_aged(rule, known.get(fingerprint), (fingerprint, labels, value), now))
            if samples.reaches_back(now.timestamp()) < rule.back_seconds:
                # Fresh after a restart: that nothing is seen says nothing yet.
                found += [
                    each for each in book.alerts if each.rule == rule.name and each.fingerprint not in seen
                ]
        still = {alert.fingerprint for alert in found}
        for gone in book.alerts:
            if gone.fingerprint not in still and gone.is_told:
                self._tell(book, gone, "resolved", now)
        for alert in found:
            if alert.state == "firing" and not alert.is_told and alert.rule not in {*quiet, _ALIVE}:
                alert.is_told = True
                self._tell(book, alert, "firing", now)
        book.alerts, book.evaluated_at = found, now
        self._alive(book, now)

    def _alive(self, book: Book, now: datetime) -> None:
        sign = next((alert for alert in book.alerts if alert.rule == _ALIVE), None)
        is_due = book.alive_at is None or (now - book.alive_at).total_seconds() >= self._alive_seconds
        if sign is not None and is_due:
            book.alive_at = now
            self._tell(book, sign, "alive", now)

    def _tell(self, book: Book, alert: Alert, change: Change, now: datetime) -> None:
        notification = Notification(
            change, self._node, alert.rule, alert.severity, alert.fingerprint, alert.labels,
            alert.annotations, alert.since, now,
        )  # fmt: skip
        for receiver in self._receivers:
            if receiver.wants_alive if change == "alive" else alert.severity in receiver.severities:
                if change == "alive":
                    # One that could not be delivered is worth nothing once there is a newer one.
                    book.waiting = [
                        each
                        for each in book.waiting
                        if each.receiver != receiver.name or each.notification.change != "alive"
                    ]
                book.waiting.append(Waiting(receiver.name, notification))
                _bound(book, receiver.name)


def _bound(book: Book, receiver: str) -> None:
    """One that takes nothing keeps its newest, and costs no other receiver anything."""
    own = [each for each in book.waiting if each.receiver == receiver]
    for oldest in own[: max(0, len(own) - _MOST_WAITING)]:
        book.waiting = [each for each in book.waiting if each is not oldest]
        book.dropped += 1


def _forget_pending(book: Book, now: datetime) -> None:
    if book.evaluated_at is not None and (now - book.evaluated_at).total_seconds() > _GAP_SECONDS:
        book.alerts = [each for each in book.alerts if each.state == "firing"]


def probe(node: str) -> Notification:
    """What `xdr alert test` sends."""
    now = datetime.now(UTC)
    told = {
        "summary": f"Asked for on {node}: this receiver works.",
        "impact": "None.",
        "runbook": "alerts.md",
    }
    return Notification(
        "test", node, "XDRTest", "warning", _fingerprint("XDRTest", {"node": node}), {}, told, now, now
    )


def _seen(rule: Rule, samples: Samples, now: datetime) -> dict[str, tuple[dict[str, str], float]]:
    value: Value = rule.expression.at(samples, now.timestamp())
    assert not isinstance(value, float)  # every shipped rule gives series; a test reads them all
    found = {}
    for labels, number in value.items():
        named = {name: text for name, text in sorted(labels) if name != "__name__"}
        if not math.isnan(number):
            found[_fingerprint(rule.name, named)] = (named, number)
    return found


def _aged(rule: Rule, known: Alert | None, seen: tuple[str, dict[str, str], float], now: datetime) -> Alert:
    fingerprint, labels, value = seen
    since = known.since if known else now
    is_firing = (known is not None and known.state == "firing") or (
        (now - since).total_seconds() >= rule.for_seconds
    )
    return Alert(
        rule=rule.name,
        labels=labels,
        severity=rule.severity,
        fingerprint=fingerprint,
        since=since,
        state="firing" if is_firing else "pending",
        value=value if math.isfinite(value) else 0.0,
        annotations=rule.told(labels, value),
        is_told=known.is_told if known else False,
    )


def _fingerprint(rule: str, labels: dict[str, str]) -> str:
    return blake2b(msgspec.json.encode([rule, sorted(labels.items())]), digest_size=8).hexdigest()
