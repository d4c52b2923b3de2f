"""`xdr event`: search stored events, read one, get its exact bytes."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from appliance.cli.client import PAGE
from appliance.cli.commands import group
from appliance.cli.failures import invalid
from appliance.cli.output import Column, instant, moment
from appliance.cli.querying import tree, window
from appliance.cli.session import Session
from appliance.foundation.clock import SystemClock

app = group("Stored events.")

_EVENT = [
    Column("EVENT TIME", moment("event_time")),
    Column("HOST", "host"),
    Column("KIND", "kind"),
    Column("SUMMARY", "summary"),
    Column("CODE", "code", wide=True),
    Column("CHANNEL", "channel", wide=True),
    Column("SOURCE", "source.name", wide=True),
    Column("RECEIVED", moment("received_at"), wide=True),
    Column("ID", "id"),
]
_ENTITY = [Column("ENTITY", "kind"), Column("VALUE", "value"), Column("ROLE", "role")]
_FINDING = [
    Column("LEVEL", "level"),
    Column("RULE", "rule_title"),
    Column("AUTHOR", "rule_author"),
    Column("RULE ID", "rule_id"),
]
_FIELD = [Column("FIELD", "name"), Column("VALUE", "value")]

EventId = Annotated[UUID, typer.Argument(help="The event's id.")]
Many = list[str] | None


@app.command()
def search(
    session: Session,
    *,
    field: Annotated[
        Many,
        typer.Option("--field", "-f", metavar="NAME=VALUE", help="Also != > >= < <=; * at an end of VALUE."),
    ] = None,
    text: Annotated[Many, typer.Option(metavar="TEXT", help="In any field.")] = None,
    entity: Annotated[
        Many,
        typer.Option(
            metavar="KIND=VALUE", help="Wherever it is named: host, user, address, hash, process, …"
        ),
    ] = None,
    where: Annotated[str, typer.Option(metavar="JSON", help="A query tree.")] = "",
    start: Annotated[
        str, typer.Option("--from", metavar="TIME", help="Happened since; UTC unless it says otherwise.")
    ] = "",
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="Happened before.")] = "",
    last: Annotated[str, typer.Option(metavar="SPAN", help="Happened within 90s, 15m, 24h, 7d or 2w.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 50,
    everything: Annotated[bool, typer.Option("--all", help="Every match.")] = False,
    cursor: Annotated[str, typer.Option(help="Go on from here.")] = "",
) -> None:
    """
    Find events; latest received first. All conditions must hold; times are those of the events.

    `-o csv` writes a table for a spreadsheet, `-o jsonl` one line for each event, both as they come.
    """
    body = {"where": tree(where, field or [], text or [], entity or [])}
    body |= window(start, end, last, SystemClock().now())
    found = _found(session, body, limit=limit, everything=everything, cursor=cursor)
    session.printer.rows(found, _columns(session))


@app.command()
def show(session: Session, event_id: EventId) -> None:
    """One event: its fields, entities, what rules said, and what was received, inert."""
    event = session.api.get(f"/events/{event_id}")
    session.printer.one(event, _EVENT)
    if not session.printer.is_table:
        return
    fields = [{"name": name, "value": value} for name, value in event["fields"].items()]
    for rows, columns in ((fields, _FIELD), (event["entities"], _ENTITY), (event["findings"], _FINDING)):
        if rows:
            session.printer.text("")
            session.printer.rows(rows, columns)
    original = event["original"]
    shown = original["text"] or "(too large to show; `xdr event original` gets it)"
    session.printer.text(f"\noriginal, {original['size_bytes']:,} bytes:\n{shown}")


@app.command()
def original(
    session: Session,
    event_id: EventId,
    to: Annotated[Path | None, typer.Option(help="Write them into this new file.")] = None,
) -> None:
    """The exact bytes received; raw, so never straight to a terminal."""
    if to is None and sys.stdout.isatty():
        raise invalid("what was received may hold terminal sequences", "give --to FILE, or pipe it")
    content = session.api.content(f"/events/{event_id}/original")
    if to is None:
        sys.stdout.buffer.write(content)
    else:
        with to.open("xb") as file:
            file.write(content)
        session.say(f"{len(content):,} bytes in {to}")


def _found(
    session: Session, body: dict[str, Any], *, limit: int, everything: bool, cursor: str
) -> Iterator[Any]:
    left = limit
    while True:
        size = PAGE if everything else min(left, PAGE)
        page = session.api.post("/events/search", body | {"limit": size, "cursor": cursor or None})
        yield from page["items"]
        left -= len(page["items"])
        cursor = page["next_cursor"] or ""
        if not cursor:
            return
        if not everything and (left <= 0 or page["searched"]["stopped"]):
            _say_more(session, page["searched"], cursor)
            return


def _say_more(session: Session, searched: dict[str, Any], cursor: str) -> None:
    back_to = instant(searched.get("received_back_to"))
    why = f"the search stopped at its budget, back at {back_to}" if searched["stopped"] else "there are more"
    session.say(f"{why}: add --all, or --cursor {cursor}")


def _columns(session: Session) -> list[Column]:
    if session.printer.is_table:
        return _EVENT
    # A spreadsheet sorts times as they are in JSON, and wants every column.
    names = ("event_time", "received_at", "host", "kind", "channel", "code", "source.name", "summary", "id")
    return [Column(name, name) for name in names] + [Column("fields", _as_text)]


def _as_text(event: Any) -> str:
    return "; ".join(f"{name}={value}" for name, value in event["fields"].items())
