"""`xdr maintenance`: tell load balancers and colleagues that this node is being worked on. Needs no API."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from appliance.cli.commands import group
from appliance.cli.deeds import audited, who
from appliance.cli.failures import invalid
from appliance.cli.output import Column, moment
from appliance.cli.querying import duration, instant
from appliance.cli.session import Session
from appliance.foundation import maintenance
from appliance.foundation.maintenance import Maintenance

app = group("Maintenance of this node: not ready, with a reason and an end. On a node, as root.")

_SHOWN = [
    Column("state", "state"),
    Column("reason", "reason"),
    Column("by", "by"),
    Column("since", moment("since")),
    Column("until", moment("until")),
]


@app.command()
def on(
    session: Session,
    reason: Annotated[str, typer.Option(help="Why; load balancers and colleagues get to read it.")],
    span: Annotated[str, typer.Option("--for", metavar="TIME", help="Such as 30m, 2h or 1d.")] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="Such as 2026-12-01T18:00Z.")] = "",
) -> None:
    """
    Begin. The node leaves the virtual address and answers 503 on /health/ready; ingest goes on.

    It ends by itself. Said again, it names another reason and end.
    """
    now = datetime.now(UTC)
    asked = Maintenance(reason, who(), now, _end(now, span, until))
    with audited(session, "maintenance.begun", reason=reason, until=asked.until.isoformat()):
        maintenance.begin(session.settings.state_dir, asked)
    session.say(f"{session.settings.node} is {asked}")


@app.command()
def off(session: Session) -> None:
    """End it now."""
    with audited(session, "maintenance.ended"):
        maintenance.end(session.settings.state_dir)
    session.say(f"{session.settings.node} is not in maintenance")


@app.command()
def status(session: Session) -> None:
    """Whether this node is in maintenance, why and until when."""
    found = maintenance.current(session.settings.state_dir, datetime.now(UTC))
    shown = {"state": "off", "reason": "", "by": "", "since": None, "until": None}
    session.printer.one(shown if found is None else {"state": "on"} | msgspec.to_builtins(found), _SHOWN)


def _end(now: datetime, span: str, until: str) -> datetime:
    if bool(span) == bool(until):
        raise invalid("say either --for or --until", "xdr maintenance on --for 2h --reason …")
    return now + duration(span) if span else instant(until)
