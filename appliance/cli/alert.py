"""`xdr alert`: what fires on this node, who is told, silences. Needs neither API nor database."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from appliance.cli.commands import group
from appliance.cli.deeds import audited, who
from appliance.cli.failures import CommandFailure, ExitCode, invalid
from appliance.cli.output import Column, moment
from appliance.cli.querying import duration
from appliance.cli.session import Session
from appliance.foundation.errors import ApplianceError, Invalid
from appliance.integrations.alert_receivers import receivers as made
from appliance.support import alert_rules, alerting
from appliance.support.alerting import Book, Silence

app = group("Alerts of this node: what fires, who is told, silences. On a node, as root.")

_SECONDS = 60
_ALERT = [
    Column("ALERT", "rule"),
    Column("STATE", "state"),
    Column("SEVERITY", "severity"),
    Column("SINCE", moment("since")),
    Column("SUMMARY", lambda item: item["annotations"].get("summary", "")),
    Column("COMMAND", lambda item: item["annotations"].get("command", "")),
    Column("RUNBOOK", lambda item: item["annotations"].get("runbook", "")),
]
_RULE = [
    Column("ALERT", "name"),
    Column("SEVERITY", "severity"),
    Column("FOR", lambda item: f"{item['for_seconds']:.0f} s"),
    Column("EXPRESSION", "text"),
]
_RECEIVER = [
    Column("NAME", "name"),
    Column("KIND", "kind"),
    Column("TO", "to"),
    Column("STATE", "state"),
    Column("WAITING", "waiting"),
    Column("CAUSE", "cause"),
]
_SILENCE = [
    Column("ALERT", "rule"), Column("UNTIL", moment("until")), Column("BY", "by"), Column("REASON", "reason")
]  # fmt: skip
_Rule = Annotated[str, typer.Argument(metavar="ALERT")]


@app.command("list")
def list_(session: Session) -> None:
    """
    What fires or is about to. Ends with 8 if something fires that is not silenced.
    """
    book, now = _book(session), datetime.now(UTC)
    shown = [each for each in book.alerts if each.severity != "none"]
    session.printer.rows([msgspec.to_builtins(each) for each in shown], _ALERT)
    quiet = {each.rule for each in alerting.silences(session.settings.state_dir, now)}
    if book.evaluated_at is None:
        raise CommandFailure(
            "alerts were never evaluated on this node",
            code=ExitCode.UNAVAILABLE,
            next_step="systemctl status xdr-alert",
        )
    session.say(f"evaluated {(now - book.evaluated_at).total_seconds():.0f} s ago")
    if any(each.state == "firing" and each.rule not in quiet for each in shown):
        raise typer.Exit(ExitCode.PROBLEMS)


@app.command()
def rules(session: Session) -> None:
    """The rules of this release, as Prometheus reads them too."""
    session.printer.rows(
        [
            {"name": one.name, "severity": one.severity, "for_seconds": one.for_seconds, "text": one.text}
            for one in alert_rules.shipped()
        ],
        _RULE,
    )


@app.command()
def receivers(session: Session) -> None:
    """Who is told, what waits for them, and why. Ends with 8 if one does not take what it should."""
    book = _book(session)
    shown = []
    for receiver in session.settings.alerts.receivers:
        waiting = [each for each in book.waiting if each.receiver == receiver.name]
        cause = next((each.cause for each in waiting if each.attempts), "")
        shown.append(
            {"name": receiver.name, "kind": receiver.kind, "to": receiver.to,
             "state": "failing" if cause else "ok", "waiting": len(waiting), "cause": cause}
        )  # fmt: skip
    session.printer.rows(shown, _RECEIVER)
    if not shown:
        session.say("not_configured: [alerts] receivers is empty; docs/operations/alerts.md")
    if book.dropped:
        session.warn(f"{book.dropped} notifications were given up for newer ones")
    if any(each["cause"] for each in shown):
        raise typer.Exit(ExitCode.PROBLEMS)


@app.command()
def test(session: Session, name: Annotated[str, typer.Argument(metavar="RECEIVER")]) -> None:
    """Send a receiver a test now, and say whether it took it."""
    known = {each.name for each in session.settings.alerts.receivers}
    if name not in known:
        raise CommandFailure(
            f"there is no receiver {name!r}",
            code=ExitCode.NOT_FOUND,
            next_step=f"one of {', '.join(sorted(known))}" if known else "docs/operations/alerts.md",
        )
    try:
        with audited(session, "alert.tested", target=name):
            probe = alerting.probe(session.settings.node)
            asyncio.run(asyncio.wait_for(made(session.settings)[name].tell(probe), _SECONDS))
    except TimeoutError as error:
        raise CommandFailure(
            f"{name} did not take it within {_SECONDS} s", code=ExitCode.UNAVAILABLE
        ) from error
    except Invalid as error:
        raise invalid(str(error), "docs/operations/alerts.md") from error
    except ApplianceError as error:
        raise CommandFailure(
            str(error), code=ExitCode.UNAVAILABLE, next_step="docs/operations/alerts.md"
        ) from error
    kind = next(each.kind for each in session.settings.alerts.receivers if each.name == name)
    session.say(f"sent to {name}; syslog confirms nothing" if kind == "syslog" else f"{name} took it")


@app.command()
def silence(
    session: Session,
    rule: _Rule,
    span: Annotated[str, typer.Option("--for", metavar="TIME", help="Such as 30m, 2h or 1d.")],
    reason: Annotated[str, typer.Option(help="Why; the trail keeps it.")],
) -> None:
    """Tell nobody of an alert for a time. It is listed all the same, and told later if it still fires."""
    names = [each.name for each in alert_rules.shipped()]
    if rule not in names:
        raise invalid(f"there is no alert {rule!r}", "xdr alert rules")
    now = datetime.now(UTC)
    asked = Silence(rule, now + duration(span), reason, who())
    with audited(session, "alert.silenced", target=rule, reason=reason, until=asked.until.isoformat()):
        alerting.silence(session.settings.state_dir, asked, now)
    session.say(f"nobody is told of {rule} until {asked.until:%Y-%m-%d %H:%M} UTC, by this node")


@app.command()
def unsilence(session: Session, rule: _Rule) -> None:
    """End a silence now."""
    with audited(session, "alert.unsilenced", target=rule):
        was = alerting.unsilence(session.settings.state_dir, rule, datetime.now(UTC))
    session.say(f"{rule} is told again" if was else f"{rule} was not silenced")


@app.command()
def silences(session: Session) -> None:
    """What nobody is told of, until when, and why."""
    found = alerting.silences(session.settings.state_dir, datetime.now(UTC))
    session.printer.rows([msgspec.to_builtins(each) for each in found], _SILENCE)


def _book(session: Session) -> Book:
    try:
        return alerting.read_book(session.settings.state_dir)
    except (OSError, msgspec.MsgspecError) as error:
        raise CommandFailure(
            f"what alerts said last cannot be read: {error}",
            code=ExitCode.FAILED,
            next_step="journalctl -u xdr-alert",
        ) from error
