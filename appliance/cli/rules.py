"""`xdr rules`: import them, see what became of each, test them, switch them."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from appliance.cli.archives import archive_of
from appliance.cli.commands import group
from appliance.cli.failures import ExitCode, invalid
from appliance.cli.output import Column, instant, moment, number
from appliance.cli.paging import listed
from appliance.cli.session import Session

app = group("Sigma rules.")

# Compiling the whole public set and its pattern databases takes a minute on a small machine.
_COMPILE_SECONDS = 900.0

_RULE = [
    Column("LEVEL", "level"),
    Column("STATE", "state"),
    Column("TITLE", "title"),
    Column("MATCHES 24H", number("matches_24h")),
    Column("ID", "id"),
    Column("REASON", "reason", wide=True),
    Column("TECHNIQUES", "techniques", wide=True),
    Column("AUTHOR", "author", wide=True),
    Column("ORIGIN", "origin", wide=True),
    Column("PATH", "path", wide=True),
]
_DETAIL = [
    *_RULE,
    Column("DETAIL", "detail"),
    Column("STATUS", "status"),
    Column("LOG SOURCE", "logsource"),
    Column("LAST MATCH", moment("last_match_at")),
    Column("DESCRIPTION", "description"),
    Column("FALSE POSITIVES", "falsepositives"),
    Column("REFERENCES", "references"),
    Column("NEEDS", "definition"),
    Column("VERSION", "version"),
]
_REASON = [Column("REASON", "reason"), Column("DOCUMENTS", number("documents"))]
_PROBLEM = [
    Column("REASON", "reason"),
    Column("PATH", "path"),
    Column("TITLE", "title"),
    Column("DETAIL", "detail"),
]
_CLAUSE = [
    Column("FIELD", "field"),
    Column("MODIFIER", "modifier"),
    Column("PATTERN", "pattern"),
    Column("VALUE", "value"),
]

RuleId = Annotated[str, typer.Argument(help="The rule's id.")]


@app.command(name="import")
def import_(
    session: Session,
    path: Annotated[Path, typer.Argument(exists=True, help="A folder of rules, or a ZIP archive of one.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent; send nothing.")] = False,
) -> None:
    """
    Replace the imported rules by these; all of them, or none if the load fails.

    Prints the load report; `-o wide` names every rule that is not active, with the reason.
    """
    content, count = archive_of(path)
    session.say(f"{count} rule files in {path}, {len(content):,} bytes to send")
    if dry_run:
        return
    session.say("compiling; events go on being matched by the rules of before")
    headers = {"Content-Type": "application/zip", "X-Rules-Origin": _header(path.resolve().name)}
    _report(session, session.api.upload("/rules/imports", content, headers=headers, seconds=_COMPILE_SECONDS))


@app.command()
def report(session: Session) -> None:
    """What became of every document of the active set; `-o wide` names each that is not active."""
    _report(session, session.api.get("/rules/loads/latest"))


@app.command(name="list")
def list_(
    session: Session,
    *,
    state: Annotated[str, typer.Option(help="active, disabled or inactive.")] = "",
    level: Annotated[str, typer.Option(help="critical, high, medium, low or informational.")] = "",
    text: Annotated[str, typer.Option(help="Part of the title.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 50,
    everything: Annotated[bool, typer.Option("--all", help="Every rule.")] = False,
    cursor: Annotated[str, typer.Option(help="Go on from here.")] = "",
) -> None:
    """Rules of the active set, by title."""
    rows = listed(
        session, "/rules", limit=limit, everything=everything, cursor=cursor, state=state, level=level, q=text
    )
    session.printer.rows(rows, _RULE)


@app.command()
def show(session: Session, rule_id: RuleId) -> None:
    """One rule with its text."""
    rule = session.api.get(_path(rule_id))
    session.printer.one(rule, _DETAIL)
    session.printer.text(f"\n{rule['text'].rstrip()}")


@app.command()
def enable(session: Session, rule_id: RuleId) -> None:
    """Have a rule match in this organisation."""
    session.printer.one(session.api.patch(_path(rule_id), {"enabled": True}), _RULE)


@app.command()
def disable(session: Session, rule_id: RuleId) -> None:
    """Have a rule match no longer in this organisation."""
    session.printer.one(session.api.patch(_path(rule_id), {"enabled": False}), _RULE)


@app.command(name="test")
def try_rule(
    session: Session,
    rule: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A Sigma rule.")],
    event: Annotated[
        str, typer.Argument(help="File with one event as it would arrive; - for standard input.")
    ] = "-",
    form: Annotated[str, typer.Option("--format", help="The decoder to read the event with.")] = "auto",
    expect: Annotated[
        bool | None, typer.Option("--match/--no-match", help="End with 8 if it is not so.")
    ] = None,
) -> None:
    """Whether a rule matches an event, by the decoder and matcher that ingest uses, and by which clauses."""
    sent = {"text": rule.read_text(), "event": _event(event), "format": form}
    found = session.api.post("/rules/test", sent)
    if not session.printer.is_table:
        session.printer.one(found, [])
    else:
        session.printer.text("matches" if found["matched"] else "does not match", style="bold")
        if found["clauses"]:
            session.printer.rows(found["clauses"], _CLAUSE)
        for problem in found["problems"]:
            session.say(f"the rule is not active: {problem['reason']}: {problem['detail']}")
    if found["problems"] or (expect is not None and expect != found["matched"]):
        raise typer.Exit(ExitCode.PROBLEMS)


def _report(session: Session, load: dict[str, Any]) -> None:
    if not session.printer.is_table:
        session.printer.one(load, [])
        return
    counts = ", ".join(f"{count:,} {name}" for name, count in load["counts"].items())
    loaded = f"loaded {instant(load['loaded_at'])} by {load['by']}"
    session.printer.text(f"set {load['version'][:12]} from {load['origin']}, {loaded}")
    session.printer.text(counts, style="bold")
    if load["reasons"]:
        reasons = [{"reason": name, "documents": count} for name, count in load["reasons"].items()]
        session.printer.text("")
        session.printer.rows(reasons, _REASON)
    if load["problems"] and session.options.output == "wide":
        session.printer.text("")
        session.printer.rows(load["problems"], _PROBLEM)
    elif load["problems"]:
        session.say(
            f"{len(load['problems'])} are not active; `xdr rules report -o wide` says why each is not"
        )


def _event(place: str) -> Any:
    try:
        text = sys.stdin.read() if place == "-" else Path(place).read_text()
    except UnicodeDecodeError as error:
        raise invalid(f"{place} is no text; EVTX and other binary files go through `xdr ingest`") from error
    try:
        return json.loads(text)
    except ValueError:
        return text


def _path(rule_id: str) -> str:
    return f"/rules/{quote(rule_id, safe='')}"


def _header(name: str) -> str:
    return name.encode("ascii", "backslashreplace").decode()[:200]
