"""`xdr status` and `xdr version`."""

import time
from itertools import count
from typing import Annotated, Any

import typer

from appliance.cli.client import product_version
from appliance.cli.commands import Commands
from appliance.cli.failures import ExitCode
from appliance.cli.options import Format
from appliance.cli.output import Column, number
from appliance.cli.session import Session

_COMPONENT = [Column("COMPONENT", "name"), Column("STATE", "state"), Column("DETAIL", "detail")]
_STATUS = [
    Column("version", "version"),
    Column("node", "node"),
    Column("events stored", number("pipeline.events_stored")),
    Column("events matched", number("pipeline.events_matched")),
    Column("events per second", "pipeline.rate_per_second"),
    Column("rules active", number("pipeline.rules_active")),
    Column("rule set", lambda item: str(item["pipeline"].get("rule_set_version") or "")[:12]),
    Column("bytes spooled", number("pipeline.spool_bytes")),
]


def register(app: Commands) -> None:
    app.command()(status)
    app.command()(version)


def status(
    session: Session,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until Ctrl-C.")] = False,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between looks with --watch.")] = 2.0,
) -> None:
    """
    Each component, tested now, and what the pipeline did.

    Ends with 8 if a component is down.
    """
    for look in count():
        found = session.api.get("/status")
        if look and session.printer.is_table and session.printer.console().is_terminal:
            session.printer.console().clear()
        _show(session, found, watched=watch)
        if not watch:
            raise typer.Exit(_code(found))
        time.sleep(every)


def version(
    session: Session,
    server: Annotated[bool, typer.Option("--server", help="Ask the appliance for its version too.")] = False,
) -> None:
    """The version of this program."""
    found = {"xdr": product_version()}
    if server:
        found["appliance"] = session.api.get("/status")["version"]
    session.printer.one(found, [Column(name, name) for name in found])


def _show(session: Session, found: dict[str, Any], *, watched: bool) -> None:
    if watched and session.printer.format is Format.JSON:
        session.printer.format = Format.JSONL  # one document a line can be followed, a pretty one cannot
    session.printer.one(found, _STATUS)
    if session.printer.is_table:
        session.printer.text("")
        session.printer.rows(found["components"], _COMPONENT)


def _code(found: dict[str, Any]) -> ExitCode:
    is_down = any(component["state"] == "down" for component in found["components"])
    return ExitCode.PROBLEMS if is_down else ExitCode.DONE
