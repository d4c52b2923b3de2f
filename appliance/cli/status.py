"""`xdr status` and `xdr version`."""

import time
from itertools import count
from typing import Annotated, Any

import msgspec
import typer

from appliance.cli.client import product_version
from appliance.cli.commands import Commands
from appliance.cli.doctor import PROBLEM, findings_of
from appliance.cli.failures import CommandFailure, ExitCode
from appliance.cli.options import Format
from appliance.cli.output import Column, moment, number
from appliance.cli.session import Session
from appliance.foundation.clock import SystemClock

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
_SILENCE = [Column("API", "unavailable"), Column("looked at", moment("at"))]


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

    Ends with 8 if a component is down. With --watch it goes on while the API is silent, and shows what
    `xdr doctor` finds.
    """
    if not watch:
        found = session.api.get("/status")
        _show(session, found)
        raise typer.Exit(_code(found))
    if session.printer.format is Format.JSON:
        session.printer.format = Format.JSONL  # one document a line can be followed, a pretty one cannot
    for look in count():
        _look(session, clear=look > 0)
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


def _look(session: Session, *, clear: bool) -> None:
    """One look of many. What is found comes first: the screen stays until there is something to show."""
    try:
        found, show = session.api.get("/status"), _show
    except CommandFailure as failure:
        if failure.code is not ExitCode.UNAVAILABLE:
            raise
        found, show = _without_api(session, failure), _show_silence
    if clear and session.printer.is_table and session.printer.console().is_terminal:
        session.printer.console().clear()
    show(session, found)


def _without_api(session: Session, failure: CommandFailure) -> dict[str, Any]:
    """That it is silent and, where this is its node, what is wrong there."""
    findings = findings_of(session) if _is_here(session) else []
    problems = [msgspec.to_builtins(finding) for finding in findings if not finding.ok]
    return {"unavailable": str(failure), "at": SystemClock().now().isoformat(), "problems": problems}


def _is_here(session: Session) -> bool:
    try:
        return bool(session.target.socket)
    except CommandFailure as failure:
        return failure.code is ExitCode.UNAVAILABLE  # of this node, whose socket is not there


def _show(session: Session, found: dict[str, Any]) -> None:
    session.printer.one(found, _STATUS)
    if session.printer.is_table:
        session.printer.text("")
        session.printer.rows(found["components"], _COMPONENT)


def _show_silence(session: Session, found: dict[str, Any]) -> None:
    session.printer.one(found, _SILENCE)
    if session.printer.is_table and found["problems"]:
        session.printer.text("")
        session.printer.rows(found["problems"], PROBLEM)


def _code(found: dict[str, Any]) -> ExitCode:
    is_down = any(component["state"] == "down" for component in found["components"])
    return ExitCode.PROBLEMS if is_down else ExitCode.DONE
