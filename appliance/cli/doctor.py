"""`xdr doctor`: what is wrong on this node, found without the API and without the database."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any

import msgspec
import typer

from appliance.cli.commands import Commands
from appliance.cli.failures import CommandFailure, ExitCode
from appliance.cli.output import Column
from appliance.cli.session import Session
from appliance.cluster.members import ClusterState
from appliance.foundation.clock import SystemClock
from appliance.integrations.patroni.client import Patroni
from appliance.support.checks import Finding, last_good, run_checks, unreadable

PROBLEM = [
    Column("CHECK", "check"),
    Column("STATE", lambda item: "PROBLEM" if item["state"] == "problem" else item["state"]),
    Column("CAUSE", "cause"),
    Column("IMPACT", "impact"),
    Column("COMMAND", "command"),
    Column("RUNBOOK", "doc"),
]
_WAS = Column("WAS", "was")


def register(app: Commands) -> None:
    app.command()(doctor)


def doctor(
    session: Session,
    since_good: Annotated[
        bool, typer.Option("--since-good", help="Only what has changed since the last run without a problem.")
    ] = False,
) -> None:
    """
    Check this node: settings, secrets, spool, disk, services, ports, its cluster, last night's checks.

    Works with the appliance stopped. Ends with 8 if something is wrong, and says what to type.
    """
    findings = findings_of(session)
    wrong = sum(not finding.ok for finding in findings)
    shown: Sequence[Finding] = _since_good(session, findings) if since_good else findings
    rows: list[dict[str, Any]] = [msgspec.to_builtins(finding) for finding in shown]
    session.printer.rows(rows, [*PROBLEM, _WAS] if since_good else PROBLEM)
    session.say(f"{len(findings)} checks, {wrong} problems")
    if wrong:
        raise typer.Exit(ExitCode.PROBLEMS)
    # Whoever may look and not write gets the same answer; only nothing is kept for later.
    with suppress(OSError):
        last_good.keep(session.settings.state_dir, findings, SystemClock().now())


def _since_good(session: Session, findings: list[Finding]) -> Sequence[Finding]:
    """What has changed; everything where there is nothing to compare with, which is said."""
    try:
        good = last_good.last(session.settings.state_dir)
    except (CommandFailure, OSError, msgspec.MsgspecError) as error:
        session.warn(f"the last run without a problem cannot be read: {error}; everything is shown")
        return findings
    if good is None:
        session.say("there was no run without a problem yet; everything is shown")
        return findings
    session.say(f"all was well at {good.at:%Y-%m-%d %H:%M} UTC")
    return list(last_good.changes(good, findings))


def findings_of(session: Session) -> list[Finding]:
    def ask_cluster() -> ClusterState:
        with Patroni(session.settings.cluster) as patroni:
            return patroni.state()

    try:
        settings = session.settings
    except CommandFailure as failure:
        return [unreadable(str(failure), failure.next_step)]
    return run_checks(settings, ask_cluster)
