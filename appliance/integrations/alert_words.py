"""An alert in a person's words, for receivers that show text."""

from appliance.foundation.errors import Invalid
from appliance.support.alerting import Notification

_LAST_PORT = 65_535


def headline(told: Notification) -> str:
    """One line: what changed, where, what it is."""
    word = {"firing": told.severity.upper(), "resolved": "RESOLVED", "alive": "ALIVE", "test": "TEST"}[
        told.change
    ]
    return f"[{word}] {told.node}: {told.annotations.get('summary', told.rule)}"


def lines(told: Notification) -> list[str]:
    """The headline, then impact, command and runbook as far as they are known."""
    found = [headline(told), f"alert {told.rule}, since {told.since:%Y-%m-%d %H:%M:%S} UTC"]
    found += [f"{name} {text}" for name, text in sorted(told.labels.items())]
    if told.change == "resolved":
        return found
    named = [("Impact", "impact"), ("Look", "command"), ("Runbook", "runbook")]
    return found + [f"{title}: {told.annotations[key]}" for title, key in named if key in told.annotations]


def endpoint(to: str, port: int) -> tuple[str, int]:
    """
    Host and port of `HOST[:PORT]`; an IPv6 address stands in brackets.

    Raises:
        Invalid: It is neither.
    """
    host, colon, number = to.rpartition(":")
    if not colon or to.endswith("]"):
        host, number = to, str(port)
    if not host or not number.isdigit() or not 0 < int(number) <= _LAST_PORT:
        raise Invalid(f"{to!r} is not HOST:PORT")
    return host.strip("[]"), int(number)
