"""
`xdr node`: machines come, go, and are worked on.

What changes machines is the installer (`xdr-install`); this looks first whether the cluster can bear it. On a
node, as root; the API may be down.
"""

import subprocess
from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.cluster import open_patroni, refuse
from appliance.cli.commands import group
from appliance.cli.deeds import audited
from appliance.cli.failures import CommandFailure, ExitCode
from appliance.cli.reaching import ssh
from appliance.cli.session import Session
from appliance.cluster.members import ClusterState, objections, removal_objections
from appliance.integrations.patroni.client import Patroni

app = group("Nodes: let a new machine in, replace a lost one, take one out for work. On a node, as root.")

_INSTALLER = "/usr/local/bin/xdr-install"
_SERVICES = "keepalived.service xdr.target"
_Name = Annotated[str, typer.Argument(metavar="NODE")]
_Names = Annotated[list[str], typer.Argument(metavar="NODE…")]
_Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command()
def token(
    session: Session,
    name: _Name,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The address the machine has.")],
    hours: Annotated[float, typer.Option(help="How long it may be used.")] = 24.0,
) -> None:
    """Print a token with which one new machine lets this cluster in (`xdr-install join` there). Secret."""
    with audited(session, "node.token_made", target=name, address=address):
        _install("token", name, address, f"--hours={hours}")


@app.command()
def join(
    session: Session,
    names: _Names,
    address: Annotated[list[str] | None, typer.Option(metavar="NODE=ADDRESS")] = None,
    vip: Annotated[
        str, typer.Option(metavar="ADDRESS", help="The address that stays when a node is lost.")
    ] = "",
    yes: _Yes = False,
) -> None:
    """Make two machines members beside the only node there is; both have accepted their tokens."""
    if session.settings.cluster.nodes:
        raise CommandFailure(
            "this is a cluster of three already",
            code=ExitCode.CONFLICT,
            next_step="xdr node replace NODE, for a machine in a lost one's place",
        )
    session.confirm(f"{', '.join(names)} become members?", yes=yes)
    with audited(session, "node.joined", target=", ".join(names)):
        _install("bring", *names, *(f"--address={pair}" for pair in address or []), f"--vip={vip}")


@app.command()
def replace(
    session: Session,
    name: _Name,
    address: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Of the new machine, if it is another one.")
    ] = "",
    yes: _Yes = False,
) -> None:
    """Put a new machine, which has accepted its token, in a lost node's place; it copies the database."""
    with open_patroni(session) as patroni:
        state = patroni.state()
        refuse(removal_objections(state, name))
        _refuse_alive(state, name)
    session.confirm(
        f"The machine that was {name} does not come back, and a new one takes its place?", yes=yes
    )
    with audited(session, "node.replaced", target=name, address=address):
        _install("bring", name, *([f"--address={name}={address}"] if address else []))


@app.command()
def remove(session: Session, name: _Name, yes: _Yes = False) -> None:
    """Take a node out for good. The other two go on, and neither of them may be lost then."""
    with open_patroni(session) as patroni:
        state = patroni.state()
        refuse(removal_objections(state, name))
        session.confirm(f"{name} leaves, and until it is replaced no other node may be lost?", yes=yes)
        others = {each: host for each, host in session.settings.cluster.nodes.items() if each != name}
        with audited(session, "node.removed", target=name):
            if state.etcd.get(name):
                _stop(session, patroni, state, name, more="xdr-patroni.service etcd.service")
            _forget_vote(name, next(iter(others.values())))
    session.say(
        f"{name} is no member any more; a new machine: xdr node token {name} ADDRESS, xdr node replace {name}"
    )


@app.command()
def drain(session: Session, name: _Name, yes: _Yes = False) -> None:
    """Take a node out for work: it hands over, empties its spool and stops serving."""
    with open_patroni(session) as patroni:
        state = patroni.state()
        refuse(removal_objections(state, name))
        session.confirm(f"{name} stops serving until `xdr node resume {name}`?", yes=yes)
        with audited(session, "node.drained", target=name):
            _stop(session, patroni, state, name)
    session.say(f"{name} serves nobody; its database follows. Afterwards: xdr node resume {name}")


@app.command()
def resume(session: Session, name: _Name) -> None:
    """Let a drained node serve again."""
    with audited(session, "node.resumed", target=name):
        _on(session, name, f"systemctl start {_SERVICES}")
    session.say(f"{name} serves again")


def _refuse_alive(state: ClusterState, name: str) -> None:
    """
    A machine whose database runs is no lost one: two with one name would vote twice.

    One whose etcd answers and whose database does not follow yet may be the new one of a broken-off run.
    """
    member = state.member(name)
    if member is not None and (member.leads or member.follows):
        raise CommandFailure(
            f"{name} is there and well",
            code=ExitCode.CONFLICT,
            next_step=f"xdr-install apply ends a broken-off run; xdr node remove {name}, if it is to go",
        )


def _stop(session: Session, patroni: Patroni, state: ClusterState, name: str, more: str = "") -> None:
    """Hand over what the node leads, let its spool run empty, stop what senders and browsers reach."""
    if state.leader is not None and state.leader.name == name:
        candidates = [member.name for member in state.members if not objections(state, member.name)]
        if not candidates:
            refuse([f"{name} leads, and nobody can take over now"])
        session.say(patroni.switch(name, candidates[0]).strip())
    _on(session, name, "systemctl stop keepalived.service")
    left = _on(session, name, _SPOOL_SENT).strip()
    if left != "0":
        raise CommandFailure(
            f"{name} still keeps {left} spooled batches that the database has not taken",
            code=ExitCode.UNAVAILABLE,
            next_step="xdr status shows why; then the same again (keepalived is stopped there)",
        )
    _on(session, name, f"systemctl stop {_SERVICES} {more}")


# Waits up to a minute until nothing is spooled; how many files there still are.
_SPOOL_SENT = (
    "for i in $(seq 60); do n=$(find /var/lib/xdr/spool -type f -size +0 2>/dev/null | wc -l); "
    '[ "$n" = 0 ] && break; sleep 1; done; echo "$n"'
)


def _on(session: Session, name: str, command: str) -> str:
    """Run a command on a node by the cluster's key; what it prints."""
    host = session.settings.cluster.nodes.get(name)
    if host is None:
        raise CommandFailure(
            f"there is no node {name}", code=ExitCode.NOT_FOUND, next_step="xdr cluster status"
        )
    done = subprocess.run(  # noqa: S603 — commands of this module, a host of the settings
        ssh(host, command),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        raise CommandFailure(
            f"{name}: {done.stderr.strip() or f'ssh ended with {done.returncode}'}",
            code=ExitCode.UNAVAILABLE,
            next_step=f"on {name}: {command}",
        )
    return done.stdout


def _forget_vote(name: str, by: str) -> None:
    """Remove a member of etcd by its name, asked of a node that stays; one that is none is no error."""
    tls = ["--cacert=/etc/xdr/tls/ca.crt", "--cert=/etc/xdr/tls/node.crt", "--key=/etc/xdr/tls/node.key"]
    etcdctl = ["/usr/bin/etcdctl", f"--endpoints=https://{by}:2379", *tls, "member"]
    listed = _run([*etcdctl, "list"])
    number = next((line.split(",")[0] for line in listed.splitlines() if f", {name}, " in line), None)
    if number is not None:
        _run([*etcdctl, "remove", number])


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise CommandFailure(
            f"{command[0]}: {done.stderr.strip()}", code=ExitCode.UNAVAILABLE, next_step="xdr cluster status"
        )
    return done.stdout


def _install(*arguments: str) -> None:
    """The installer does it and speaks for itself; its exit status becomes ours."""
    if not Path(_INSTALLER).exists():
        raise CommandFailure(
            f"{_INSTALLER} is not there: this is no installed node",
            code=ExitCode.NOT_FOUND,
            next_step="docs/operations/installing.md",
        )
    status = subprocess.run([_INSTALLER, *arguments], check=False).returncode  # noqa: S603
    if status:
        raise typer.Exit(ExitCode.FAILED)
