"""Alerts are evaluated, and receivers take them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from appliance.foundation.settings import Settings
from appliance.support.alerting import Book, read_book
from appliance.support.checks.finding import Finding, Kind, good, unset, wrong

_LATE = timedelta(minutes=5)
_LOOK = "systemctl status xdr-alert --no-pager; journalctl -u xdr-alert -n 50 --no-pager"


def alerts(settings: Settings) -> Iterator[Finding]:
    try:
        yield from judge(settings, read_book(settings.state_dir), datetime.now(UTC))
    except (OSError, msgspec.MsgspecError) as error:
        yield _silent(f"what they said last cannot be read: {error}")


def judge(settings: Settings, book: Book, now: datetime) -> Iterator[Finding]:
    if book.evaluated_at is None:
        yield _silent("they were never evaluated on this node")
    elif now - book.evaluated_at > _LATE:
        yield _silent(f"they were last evaluated at {book.evaluated_at:%Y-%m-%d %H:%M} UTC")
    else:
        yield good("alerts", f"evaluated; {sum(one.state == 'firing' for one in book.alerts)} fire")
    if not settings.alerts.receivers:
        yield unset("alert receivers", "nobody is told ([alerts] receivers is empty)")
        return
    failing = {each.receiver: each.cause for each in book.waiting if each.attempts}
    for name, cause in failing.items():
        yield wrong(
            Kind.RECEIVER_FAILING,
            f"alert receiver {name}",
            cause,
            impact="whoever should be told is not",
            command=f"xdr alert test {name}",
        )
    if not failing:
        yield good("alert receivers", ", ".join(one.name for one in settings.alerts.receivers))


def _silent(cause: str) -> Finding:
    impact = "nobody is told when something fails"
    return wrong(Kind.ALERTS_SILENT, "alerts", cause, impact=impact, command=_LOOK)
