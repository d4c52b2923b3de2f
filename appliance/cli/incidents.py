"""`xdr incident`: the triage queue and the work on one incident."""

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import typer

from appliance.cli.commands import group
from appliance.cli.failures import CommandFailure, ExitCode, invalid
from appliance.cli.output import Column, moment, number
from appliance.cli.paging import listed
from appliance.cli.session import Session

app = group("Incidents: find, understand, work them.")


class Status(StrEnum):
    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    IN_PROGRESS = "in_progress"
    CONTAINED = "contained"
    CLOSED = "closed"


class CloseReason(StrEnum):
    TRUE_POSITIVE = "true_positive"
    FALSE_POSITIVE = "false_positive"
    BENIGN = "benign"
    DUPLICATE = "duplicate"
    TEST = "test"


class Level(StrEnum):
    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


def _techniques(item: Any) -> str:
    return ", ".join(technique["id"] for technique in item["techniques"])


def _entities(item: Any) -> str:
    return ", ".join(f"{entity['kind']} {entity['value']}" for entity in item["entities"])


_INCIDENT = [
    Column("NUMBER", lambda item: f"#{item['number']}"),
    Column("RISK", "risk"),
    Column("SEVERITY", "severity"),
    Column("STATUS", "status"),
    Column("TITLE", "title"),
    Column("OWNER", "owner.name"),
    Column("FINDINGS", number("findings_count")),
    Column("LAST EVENT", moment("last_event_at")),
    Column("EVENTS", number("events_count"), wide=True),
    Column("FIRST EVENT", moment("first_event_at"), wide=True),
    Column("TECHNIQUES", _techniques, wide=True),
    Column("ENTITIES", _entities, wide=True),
    Column("TAGS", "tags", wide=True),
    Column("ID", "id", wide=True),
]
_DETAIL = [
    *(Column(column.header, column.read) for column in _INCIDENT),
    Column("TACTICS", "tactics"),
    Column("ACKNOWLEDGED BY", "acknowledged_by.name"),
    Column("ACKNOWLEDGED", moment("acknowledged_at")),
    Column("CLOSED AS", "closure.reason"),
    Column("CLOSED BY", "closure.by.name"),
    Column("NEXT STATES", lambda item: ", ".join(step["to"] for step in item["allowed_transitions"])),
]
_TIMELINE = [
    Column("AT", moment("at")),
    Column("KIND", "kind"),
    Column("LEVEL", "level"),
    Column("TITLE", "title"),
    Column("BY", "actor.name"),
    Column("TECHNIQUES", lambda item: ", ".join(one["id"] for one in item["techniques"]), wide=True),
    Column("DETAIL", "detail", wide=True),
    Column("EVENT ID", "event_id", wide=True),
]

Which = Annotated[str, typer.Argument(metavar="INCIDENT", help="Its number, such as 12, or its id.")]
Note = Annotated[str, typer.Option(help="Why, in a sentence.")]


@app.command(name="list")
def list_(
    session: Session,
    *,
    status: Annotated[
        list[Status] | None, typer.Option(metavar="STATUS", help=f"{', '.join(Status)}; may be given again.")
    ] = None,
    severity: Annotated[
        list[Level] | None, typer.Option(metavar="LEVEL", help=f"{', '.join(Level)}; may be given again.")
    ] = None,
    owner: Annotated[str, typer.Option(help="A user's id, me, or none.")] = "",
    tag: Annotated[str, typer.Option(help="That bear this tag.")] = "",
    text: Annotated[str, typer.Option(help="Part of the title, or #number.")] = "",
    sort: Annotated[
        str, typer.Option(help="-risk, newest, -updated_at, -created_at, created_at or -severity.")
    ] = "-risk",
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 50,
    everything: Annotated[bool, typer.Option("--all", help="Every incident.")] = False,
    cursor: Annotated[str, typer.Option(help="Go on from here.")] = "",
) -> None:
    """The triage queue, riskiest first."""
    rows = listed(
        session,
        "/incidents",
        limit=limit,
        everything=everything,
        cursor=cursor,
        owner=owner,
        tag=tag,
        q=text,
        sort=sort,
        status=[one.value for one in status or []],
        severity=[one.value for one in severity or []],
    )
    session.printer.rows(rows, _INCIDENT)


@app.command()
def show(session: Session, incident: Which) -> None:
    """One incident, and why it exists."""
    found = session.api.get(path_of(session, incident))
    session.printer.one(found, _DETAIL)
    if session.printer.is_table:
        session.printer.text(f"\n{_why(found['why'])}")


@app.command()
def timeline(
    session: Session,
    incident: Which,
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 50,
    everything: Annotated[bool, typer.Option("--all", help="From beginning to end.")] = False,
    cursor: Annotated[str, typer.Option(help="Go on from here.")] = "",
) -> None:
    """What happened and what was done, in order of time."""
    path = f"{path_of(session, incident)}/timeline"
    session.printer.rows(listed(session, path, limit=limit, everything=everything, cursor=cursor), _TIMELINE)


@app.command()
def acknowledge(session: Session, incident: Which, note: Note = "") -> None:
    """Take a new incident in hand; this stops its time to acknowledge."""
    done = session.api.post(f"{path_of(session, incident)}/acknowledgement", {"note": note or None})
    _say_state(session, done)


@app.command()
def transition(
    session: Session,
    incident: Which,
    to: Annotated[Status, typer.Argument(help="The state it gets.")],
    reason: Annotated[str, typer.Option(help="Why; needed to close and to reopen.")] = "",
    note: Note = "",
) -> None:
    """Bring an incident into another state."""
    _move(session, incident, to, reason, note)


@app.command()
def close(
    session: Session,
    incident: Which,
    reason: Annotated[CloseReason, typer.Option(help="What it was.")],
    note: Note = "",
) -> None:
    """Close an incident."""
    _move(session, incident, Status.CLOSED, reason, note)


@app.command()
def note(
    session: Session, incident: Which, text: Annotated[str, typer.Argument(help="What others should know.")]
) -> None:
    """Add a note."""
    made = session.api.post(f"{path_of(session, incident)}/notes", {"text": text})
    columns = [
        Column("at", moment("at")),
        Column("by", "by.name"),
        Column("text", "text"),
        Column("id", "id"),
    ]
    session.printer.one(made, columns)


def _move(session: Session, incident: str, to: Status, reason: str, said: str) -> None:
    wanted = {"to": to.value, "reason": reason or None, "note": said or None}
    _say_state(session, session.api.post(f"{path_of(session, incident)}/transition", wanted))


def _say_state(session: Session, done: dict[str, Any]) -> None:
    if session.printer.is_table:
        session.printer.text(f"#{done['number']} is {done['status']}")
    else:
        session.printer.one(done, _DETAIL)


def path_of(session: Session, which: str) -> str:
    """
    Where an incident is.

    Raises:
        CommandFailure: It is neither a number nor an id, or there is none of that number.
    """
    try:
        return f"/incidents/{UUID(which)}"
    except ValueError:
        pass
    digits = which.removeprefix("#")
    if not (digits.isascii() and digits.isdigit()):
        raise invalid(f"{which!r} is neither an incident's number nor its id", "xdr incident list")
    for found in session.api.get("/incidents", q=f"#{digits}", limit=1)["items"]:
        if found["number"] == int(digits):
            return f"/incidents/{found['id']}"
    raise CommandFailure(f"no incident #{digits}", code=ExitCode.NOT_FOUND, next_step="xdr incident list")


def _why(why: dict[str, Any]) -> str:
    lines = [why["summary"]]
    lines += [f"  - {clause['sentence']} (rule by {clause['rule_author']})" for clause in why["clauses"]]
    lines += [f"  - {rarity['sentence']}" for rarity in why["rarity"]]
    for entity in why["entities"]:
        lines.append(
            f"  - {entity['kind']} {entity['value']}: risk {entity['risk']}: {'; '.join(entity['reasons'])}"
        )
    if why["next_steps"]:
        lines += ["What to look at next:", *(f"  - {step}" for step in why["next_steps"])]
    return "\n".join(lines)
