"""`xdr cluster`: who leads, who follows, handing over. It speaks to Patroni, also while the API is down."""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer

from appliance.cli.commands import group
from appliance.cli.deeds import audited
from appliance.cli.failures import CommandFailure, ExitCode
from appliance.cli.output import Column
from appliance.cli.session import Session
from appliance.cluster.members import ClusterState, objections, problems
from appliance.foundation.data_risk import DataRisk
from appliance.integrations.patroni.client import Patroni

app = group("The cluster: who leads, who follows; hand over, hold still. On a node, as root.")

_MEMBER = [
    Column("NODE", "name"),
    Column("ROLE", "role"),
    Column("STATE", "state"),
    Column("LAG", lambda item: "" if item["lag"] is None else f"{item['lag']:,}"),
    Column("TIMELINE", "timeline"),
    Column("ETCD", "etcd"),
    Column("HOST", "host", wide=True),
]
_Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command()
def status(session: Session) -> None:
    """
    Each node, its role and lag, how many may be lost, and the last change of leader.

    Ends with 8 if something is wrong.
    """
    with open_patroni(session) as patroni:
        state = patroni.state()
    rows: list[dict[str, Any]] = [
        msgspec.to_builtins(member) | {"etcd": "healthy" if state.etcd.get(member.name) else "silent"}
        for member in state.members
    ]
    session.printer.rows(rows, _MEMBER)
    if state.history:
        last = state.history[-1]
        session.say(
            f"last change: {last.leader} leads since {last.at} (timeline {last.timeline}; {last.why})"
        )
    session.say(f"cluster {state.name}")
    session.say(f"{state.spare} of {len(state.members)} nodes may be lost while writing goes on")
    found = problems(state)
    for problem in found:
        session.warn(str(problem))
    if found:
        raise typer.Exit(ExitCode.PROBLEMS)


@app.command()
def switchover(
    session: Session,
    to: Annotated[str, typer.Option(metavar="NODE", help="Who leads from then on.")],
    yes: _Yes = False,
) -> None:
    """Hand leadership over by plan; writing pauses for a few seconds and nothing is lost."""
    with open_patroni(session) as patroni:
        state = patroni.state()
        refuse(objections(state, to))
        leader = _leader(state)
        session.confirm(f"{leader} hands over to {to}?", yes=yes)
        with audited(session, "cluster.switched_over", leader=leader, to=to):
            session.say(patroni.switch(leader, to).strip())


@app.command()
def failover(
    session: Session,
    to: Annotated[str, typer.Option(metavar="NODE", help="Who leads from then on.")],
    yes: _Yes = False,
) -> None:
    """Make a node lead although no switchover is possible; what it has not received is lost."""
    with open_patroni(session) as patroni:
        state = patroni.state()
        if not objections(state, to):
            session.say("a switchover is possible and loses nothing: xdr cluster switchover")
        if not state.has_etcd_quorum:
            refuse(["etcd has no majority: bring a second node's etcd up first"])
        if state.member(to) is None:
            refuse(objections(state, to))
        session.confirm(f"{to} leads from now on, and what it has not received is gone?", yes=yes)
        with audited(session, "cluster.failed_over", to=to):
            session.say(patroni.fail_over(to).strip())


@app.command()
def pause(session: Session, yes: _Yes = False) -> None:
    """Hold Patroni still during work: nobody takes over when the leader is lost."""
    with open_patroni(session) as patroni:
        session.confirm("Nobody takes over until `xdr cluster resume`?", yes=yes)
        with audited(session, "cluster.paused"):
            patroni.pause(on=True)
    session.say("paused; end it with `xdr cluster resume`")


@app.command()
def resume(session: Session) -> None:
    """Let Patroni act again."""
    with open_patroni(session) as patroni, audited(session, "cluster.resumed"):
        patroni.pause(on=False)
    session.say("Patroni acts again")


@app.command()
def accept_data_risk(
    session: Session,
    cluster: Annotated[str, typer.Option(metavar="NAME", help="The cluster's name, typed out.")],
) -> None:
    """
    Let this node write again although the leader lacks acknowledged commits; they are then given up.

    Copy the former leader's data directory away first: it may hold the only copy of them. Every node that
    found the loss has to be told.
    """
    risk = DataRisk(session.settings.state_dir)
    if not risk.file.exists():
        raise CommandFailure("there is no loss to accept on this node", code=ExitCode.NOT_FOUND)
    name = _name(session)
    if cluster != name:
        raise CommandFailure(
            f"this is not {cluster!r}; nothing was changed",
            code=ExitCode.CONFLICT,
            next_step="read the name from `xdr cluster status` and type it",
        )
    with audited(session, "cluster.data_risk_accepted", cluster=name, found=risk.cause()):
        risk.accept(datetime.now(UTC))
    session.say("this node writes again; run the same on the others")


def _name(session: Session) -> str:
    """Of the cluster; a single node is called by its own."""
    if not session.settings.cluster.nodes:
        return session.settings.node
    with open_patroni(session) as patroni:
        return patroni.state().name


def open_patroni(session: Session) -> Patroni:
    """
    Raises:
        CommandFailure: This appliance is a single node.
    """
    settings = session.settings.cluster
    if not settings.nodes:
        raise CommandFailure(
            "not_configured: this appliance is a single node ([cluster] nodes is empty)",
            code=ExitCode.NOT_FOUND,
            next_step="docs/operations/cluster.md says how three become one",
        )
    return Patroni(settings)


def refuse(reasons: list[str]) -> None:
    """End the command with all reasons, if there are any."""
    if reasons:
        raise CommandFailure("; ".join(reasons), code=ExitCode.CONFLICT, next_step="xdr cluster status")


def _leader(state: ClusterState) -> str:
    assert state.leader is not None  # `objections` has looked
    return state.leader.name
