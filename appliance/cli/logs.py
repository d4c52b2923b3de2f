"""
`xdr logs`: the journals of all nodes as one timeline, read on a node as root; API and database may be down.

Journals hold what senders wrote: nothing of it reaches a terminal raw (`inert`).
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Annotated, Any

import msgspec
import typer

from appliance.cli.commands import Commands
from appliance.cli.failures import CommandFailure, ExitCode, invalid
from appliance.cli.inert import inert
from appliance.cli.moments import LAST_FAILOVER, around, stretch
from appliance.cli.options import Format
from appliance.cli.output import Column
from appliance.cli.reaching import ssh
from appliance.cli.session import Session
from appliance.cluster.timeline import Entry, Level, merged
from appliance.foundation.clock import SystemClock
from appliance.integrations.journald.reading import Reader, Wanted, asking, following, quoted

_ENTRY = [Column(name, name) for name in ("time", "node", "level", "unit", "identifier", "pid", "message")]


def register(app: Commands) -> None:
    app.command()(logs)


def logs(
    session: Session,
    *,
    what: Annotated[
        str,
        typer.Option(
            "--around",
            metavar="EVENT",
            help=f"Around a time, an incident (7 or its id), an event's id, or {LAST_FAILOVER}.",
        ),
    ] = "",
    within: Annotated[
        str, typer.Option(metavar="TIME", help="With --around: so long before and after.")
    ] = "5m",
    since: Annotated[
        str, typer.Option(metavar="TIME", help="A time, or such as 15m ago. [default: 1h]")
    ] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="A time, or such as 5m ago.")] = "",
    unit: Annotated[
        list[str] | None, typer.Option(metavar="UNIT", help="Such as 'xdr-*'. Repeatable.")
    ] = None,
    node: Annotated[list[str] | None, typer.Option(metavar="NODE", help="Only of these. Repeatable.")] = None,
    level: Annotated[Level | None, typer.Option(help="As grave as this, or graver.")] = None,
    directory: Annotated[
        list[str] | None,
        typer.Option(metavar="NODE=DIR", help="Read a node's journal from a folder, such as a lost disk's."),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
) -> None:
    """
    The journals of all nodes, merged by time.

    Ends with 7 if a node's journal could not be read, with 6 if none could.
    """
    wanted = _wanted(session, what, within, since, until, follow=follow)
    wanted = msgspec.structs.replace(wanted, units=tuple(unit or ()), level=level)
    commands = _commands(session, wanted, node or [], directory or [])
    if os.geteuid() != 0:
        session.warn(
            "not root: the journal shows this account only a part, and other nodes let nobody else in"
        )
    with ExitStack() as opened:
        readers = [opened.enter_context(Reader(name, command, session.warn)) for name, command in commands]
        found = following(readers) if follow else merged(reader.entries() for reader in readers)
        _print(session, found)
    failed = sum(reader.failed for reader in readers)
    if failed:
        raise typer.Exit(ExitCode.UNAVAILABLE if failed == len(readers) else ExitCode.PARTLY)


def _wanted(session: Session, what: str, within: str, since: str, until: str, *, follow: bool) -> Wanted:
    if what and (since or until or follow):
        raise invalid("--around excludes --since, --until and --follow")
    if follow and until:
        raise invalid("--follow has no end, so it excludes --until")
    now = SystemClock().now()
    if what:
        begin, end = around(session, what, within)
    elif follow and not since:
        begin, end = now, None
    else:
        begin, end = stretch(since, until, now)
    return Wanted(begin, end, follow=follow)


def _commands(
    session: Session, wanted: Wanted, only: list[str], directories: list[str]
) -> list[tuple[str, list[str]]]:
    """What prints each node's journal: a folder where one is named, else here or over ssh."""
    folders = dict(_pair(one) for one in directories)
    here, hosts = _nodes(session, folders)
    names = list(dict.fromkeys([*hosts, *([here] if here else []), *folders]))
    unknown = sorted(set(only) - set(names))
    if unknown:
        raise invalid(f"there is no node {', '.join(unknown)}; there are {', '.join(names)}")
    return [
        (name, _command(wanted, folders.get(name, ""), "" if name == here else hosts.get(name, "")))
        for name in names
        if not only or name in only
    ]


def _command(wanted: Wanted, directory: str, host: str) -> list[str]:
    if directory or not host:
        return asking(wanted, directory)
    return ssh(host, quoted(asking(wanted)))


def _nodes(session: Session, folders: dict[str, str]) -> tuple[str, dict[str, str]]:
    """
    This node's name, and all nodes' addresses; none of it on a machine where only folders can be read.

    Raises:
        CommandFailure: The settings cannot be read, and no folder is named either.
    """
    try:
        return session.settings.node, session.settings.cluster.nodes
    except CommandFailure as failure:
        if not folders:
            raise
        session.warn(f"only what --directory names is read: {failure}")
        return "", {}


def _pair(text: str) -> tuple[str, str]:
    name, mark, folder = text.partition("=")
    if not (name and mark and folder):
        raise invalid(f"a folder is named as NODE=DIR, not {text!r}")
    return name, folder


def _print(session: Session, entries: Iterator[Entry]) -> None:
    printer = session.printer
    if printer.is_table:
        for entry in entries:
            print(_line(entry), flush=True)
        return
    if printer.format is Format.YAML:
        raise invalid("a timeline has no end that could be waited for; choose jsonl or csv")
    if printer.format is Format.JSON:
        printer.format = Format.JSONL  # an array would have to be held whole
    printer.rows((_row(entry) for entry in entries), _ENTRY)


def _line(entry: Entry) -> str:
    about = (entry.node, entry.level or "-", entry.unit or entry.identifier or "-")
    return inert(f"{entry.time:%Y-%m-%d %H:%M:%S.%f}Z {' '.join(about)}: {entry.message}")


def _row(entry: Entry) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(entry)
    return row
