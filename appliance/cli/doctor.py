"""`xdr doctor`: what is wrong on this node, found without the API and without the database."""

from typing import Any

import msgspec
import typer

from appliance.cli.checks import run_checks
from appliance.cli.commands import Commands
from appliance.cli.failures import ExitCode
from appliance.cli.output import Column
from appliance.cli.session import Session

PROBLEM = [
    Column("CHECK", "check"),
    Column("STATE", lambda item: "PROBLEM" if item["state"] == "problem" else item["state"]),
    Column("CAUSE", "cause"),
    Column("IMPACT", "impact"),
    Column("COMMAND", "command"),
    Column("RUNBOOK", "doc"),
]


def register(app: Commands) -> None:
    app.command()(doctor)


def doctor(session: Session) -> None:
    """
    Check this node: settings, secrets, spool, disk, services, ports, its cluster, last night's checks.

    Works with the appliance stopped. Ends with 8 if something is wrong, and says what to type.
    """
    findings = run_checks(session)
    rows: list[dict[str, Any]] = [msgspec.to_builtins(finding) for finding in findings]
    session.printer.rows(rows, PROBLEM)
    wrong = sum(not finding.ok for finding in findings)
    session.say(f"{len(findings)} checks, {wrong} problems")
    if wrong:
        raise typer.Exit(ExitCode.PROBLEMS)
