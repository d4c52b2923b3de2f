"""`xdr source`: where events come from, their tokens, and what was no event."""

from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from appliance.cli import secret_files
from appliance.cli.commands import group
from appliance.cli.failures import CommandFailure, ExitCode, invalid
from appliance.cli.output import Column, moment, number
from appliance.cli.paging import listed
from appliance.cli.session import Session

app = group("Sources of events, their tokens, and the quarantine.")
quarantine = group("Pieces that were no event: look at them, have them read again.")
app.add_typer(quarantine, name="quarantine")

_SOURCE = [
    Column("NAME", "name"),
    Column("STATE", "state"),
    Column("FORMAT", "format"),
    Column("EVENTS 24H", number("events_24h")),
    Column("PER SECOND", "rate_per_second"),
    Column("QUARANTINED", number("quarantined")),
    Column("LAST EVENT", moment("last_event_at")),
    Column("DUPLICATES", number("duplicates"), wide=True),
    Column("CLOCK SKEW S", "clock_skew_seconds", wide=True),
    Column("LOST DATAGRAMS", "lost_datagrams", wide=True),
    Column("LISTENER", "listener", wide=True),
    Column("DURABILITY", "durability", wide=True),
    Column("SIGNED", "signed", wide=True),
    Column("DETAIL", "detail", wide=True),
    Column("ID", "id", wide=True),
]
_QUARANTINED = [
    Column("ID", "id"),
    Column("RECEIVED", moment("received_at")),
    Column("SOURCE", "source.name"),
    Column("REASON", "reason"),
    Column("BYTES", number("size_bytes")),
    Column("REPLAYED", moment("replayed_at"), wide=True),
    Column("PREVIEW", lambda item: item["preview"][:80], wide=True),
]
_WHOLE_ENTRY = [*_QUARANTINED[:-1], Column("PREVIEW", "preview")]
_ISSUED = [Column("token", "token"), Column("prefix", "prefix"), Column("hmac key", "hmac_key")]

Which = Annotated[str, typer.Argument(help="Name or id of the source.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command(name="list")
def list_(session: Session) -> None:
    """Every source and what it did in the last 24 hours."""
    session.printer.rows(session.api.get("/sources")["items"], _SOURCE)


@app.command()
def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="Letters, digits, dots, dashes, underscores.")],
    *,
    form: Annotated[
        str, typer.Option("--format", help="How to read it; auto tells event by event.")
    ] = "auto",
    listener: Annotated[str, typer.Option(help="The listener it comes through, such as syslog-udp.")] = "",
    option: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="For the format; may be given again.")
    ] = None,
    durability: Annotated[
        str, typer.Option(help="node, or cluster: refuse what only one node could keep.")
    ] = "node",
) -> None:
    """Set up a source; give it a token next, with `xdr source token NAME`."""
    new = {
        "name": name,
        "format": form,
        "listener": listener,
        "options": _options(option or []),
        "durability": durability,
    }
    session.printer.one(session.api.post("/sources", new), _SOURCE)


@app.command()
def token(
    session: Session,
    source: Which,
    *,
    signed: Annotated[
        bool, typer.Option("--signed", help="Also a key: every body must carry its HMAC.")
    ] = False,
    revoke: Annotated[bool, typer.Option("--revoke", help="Stop all tokens of the source instead.")] = False,
    to: Annotated[Path | None, typer.Option(help="Write it into this new file, not to the terminal.")] = None,
    yes: Yes = False,
) -> None:
    """A token for shippers, shown this once; or stop all that were given."""
    found = find(session, source)
    path = f"/sources/{found['id']}/tokens"
    if revoke:
        session.confirm(f"Stop every token of {found['name']}? Shippers that use them are refused.", yes=yes)
        stopped = session.api.post(f"{path}/revocation")["revoked"]
        session.say(f"{stopped} tokens of {found['name']} work no longer")
        return
    issued = session.api.post(path, {"signed": signed})
    if to is not None:
        secret_files.keep(to, issued.pop("token"))
        session.say(f"the token is in {to}")
    session.printer.one(issued, _ISSUED)


@app.command()
def enable(session: Session, source: Which) -> None:
    """Take from a source again."""
    _switch(session, source, enabled=True)


@app.command()
def disable(session: Session, source: Which, yes: Yes = False) -> None:
    """Take nothing more from a source; what is stored stays."""
    session.confirm(f"Refuse everything that {source} sends from now on?", yes=yes)
    _switch(session, source, enabled=False)


@quarantine.command(name="list")
def list_quarantine(
    session: Session,
    *,
    source: Annotated[str, typer.Option(help="Only of this source.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 50,
    everything: Annotated[bool, typer.Option("--all", help="Every entry.")] = False,
    cursor: Annotated[str, typer.Option(help="Go on from here.")] = "",
) -> None:
    """What was no event, latest first, with the reason."""
    wanted = find(session, source)["id"] if source else None
    rows = listed(session, "/quarantine", limit=limit, everything=everything, cursor=cursor, source=wanted)
    session.printer.rows(rows, _QUARANTINED)


@quarantine.command()
def show(session: Session, entry_id: Annotated[UUID, typer.Argument(help="From the list.")]) -> None:
    """One entry with the head of what was received, inert."""
    wanted = str(entry_id)
    for entry in listed(session, "/quarantine", limit=0, everything=True):
        if entry["id"] == wanted:
            session.printer.one(entry, _WHOLE_ENTRY)
            return
    raise CommandFailure(
        f"no quarantine entry {wanted}", code=ExitCode.NOT_FOUND, next_step="xdr source quarantine list"
    )


@quarantine.command()
def replay(
    session: Session, entry_id: Annotated[list[UUID], typer.Argument(help="From the list; one or more.")]
) -> None:
    """Have entries read again, by the source's format of now."""
    asked = [{"id": str(one)} | session.api.post(f"/quarantine/{one}/replay") for one in entry_id]
    session.printer.rows(asked, [Column("ID", "id"), Column("STATE", "state"), Column("JOB", "job_id")])


def find(session: Session, name: str) -> dict[str, Any]:
    """
    The source of that name or id.

    Raises:
        CommandFailure: There is none.
    """
    found: list[dict[str, Any]] = session.api.get("/sources")["items"]
    for source in found:
        if name in (source["name"], source["id"]):
            return source
    raise CommandFailure(f"no source {name!r}", code=ExitCode.NOT_FOUND, next_step="xdr source list")


def _switch(session: Session, name: str, *, enabled: bool) -> None:
    found = find(session, name)
    changed = session.api.patch(f"/sources/{found['id']}", {"enabled": enabled})
    session.printer.one(changed, _SOURCE)


def _options(given: list[str]) -> dict[str, str]:
    parted = [one.partition("=") for one in given]
    if wrong := [name for name, mark, _ in parted if not mark or not name]:
        raise invalid(f"an option is name=value, not {wrong[0]!r}")
    return {name: value for name, _, value in parted}
