"""`xdr audit`: the audit trail. `verify` of an export needs no appliance."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from appliance.audit.verifier import program
from appliance.audit.verifier.export import NotAnExport
from appliance.audit.verifier.export import verify as verify_export
from appliance.cli.client import APIClient
from appliance.cli.commands import group
from appliance.cli.failures import CommandFailure, ExitCode, invalid
from appliance.cli.output import Column, moment, number
from appliance.cli.paging import listed
from appliance.cli.session import Session

app = group("The audit trail: read, verify, take away.")
keys_app = group("The keys that sign the trail.")
app.add_typer(keys_app, name="keys")

_EXPORT_SECONDS = 3_600.0
_ENTRY = [
    Column("AT", moment("at")),
    Column("ACTION", "action"),
    Column("OUTCOME", "outcome"),
    Column("WHO", lambda item: item["actor"]["name"] or item["actor"]["kind"]),
    Column("SUBJECT", "subject"),
    Column("RECORD", lambda item: "" if item["record"] is None else item["record"]["seq"]),
    Column("FROM", lambda item: item["actor"]["address"], wide=True),
    Column("DETAIL", "detail", wide=True),
    Column("ID", "id", wide=True),
]
_SHOWN = [
    Column("id", "entry.id"), Column("at", moment("entry.at")), Column("action", "entry.action"),
    Column("outcome", "entry.outcome"), Column("who", "entry.actor"),
    Column("subject", "entry.subject"),
    Column("detail", "entry.detail"), Column("record", "entry.record.seq"),
    Column("leaf", "entry.record.leaf"),
    Column("checkpoint", "checkpoint.checkpoint"),
]  # fmt: skip
_CHECKPOINT = [
    Column("NUMBER", number("number")),
    Column("RECORDS", number("size")),
    Column("AT", moment("at")),
    Column("KEY", "key"),
]
_KEY = [
    Column("FINGERPRINT", "fingerprint"),
    Column("STATE", "state"),
    Column("PUBLISHED", moment("published_at")),
    Column("SINCE", moment("activated_at")),
    Column("UNTIL", moment("retired_at")),
    Column("PUBLIC KEY", "public_key", wide=True),
]


@app.command(name="list")
def list_(
    session: Session,
    *,
    by: Annotated[str, typer.Option(metavar="ID", help="Whoever did it, by id.")] = "",
    action: Annotated[str, typer.Option(help="Such as user.invited, or user. for all of users.")] = "",
    subject: Annotated[str, typer.Option(help="What it was done to, by id.")] = "",
    outcome: Annotated[str, typer.Option(help="success, denied or failed.")] = "",
    since: Annotated[str, typer.Option(help="From this moment on (ISO 8601).")] = "",
    until: Annotated[str, typer.Option(help="Before this moment (ISO 8601).")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 50,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    cursor: Annotated[str, typer.Option(help="Go on where a list ended.")] = "",
) -> None:
    """Entries, latest first."""
    found = listed(
        session, "/audit/entries", limit=limit, everything=everything, cursor=cursor, by=by, action=action,
        subject=subject, outcome=outcome, since=since, until=until,
    )  # fmt: skip
    session.printer.rows(found, _ENTRY)


@app.command()
def show(session: Session, entry_id: Annotated[str, typer.Argument(help="The entry's id.")]) -> None:
    """One entry, its record in the chain, and the checkpoint that covers it."""
    session.printer.one(session.api.get(f"/audit/entries/{entry_id}"), _SHOWN)


@app.command()
def checkpoints(
    session: Session,
    after: Annotated[int, typer.Option(min=0, help="Only those with a higher number.")] = 0,
    to: Annotated[Path | None, typer.Option(help="Append them to this file, for --expect.")] = None,
) -> None:
    """Signed states of the trail, to be kept elsewhere."""
    found = list(_after(session.api, "/audit/checkpoints", after))
    if to is None:
        session.printer.rows(found, _CHECKPOINT)
        return
    with to.open("a", encoding="utf-8") as file:
        file.writelines(f"{_line(one)}\n" for one in found)
    session.say(f"{len(found)} checkpoints appended to {to}; keep it where this appliance cannot write")


@keys_app.command(name="list")
def keys(session: Session) -> None:
    """Public keys; pin a fingerprint when you verify."""
    session.printer.rows(session.api.get("/audit/keys")["items"], _KEY)


@keys_app.command()
def rotate(session: Session, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Have the key in `audit-key-next` take over."""
    session.confirm("Sign the audit trail with the next key from now on?", yes=yes)
    session.api.post("/audit/keys/rotation")
    session.say("asked for; `xdr audit keys list` shows the new key as active in a moment")


@app.command()
def export(
    session: Session,
    to: Annotated[Path, typer.Argument(help="The new file.")],
    *,
    after: Annotated[int, typer.Option(min=0, help="Only after this record.")] = 0,
    source: Annotated[str, typer.Option(metavar="ID", help="Also this source's events, with proof.")] = "",
    since: Annotated[str, typer.Option(help="Received from this moment on (ISO 8601).")] = "",
    until: Annotated[str, typer.Option(help="Received before this moment (ISO 8601).")] = "",
) -> None:
    """The trail in one file, for `xdr audit verify FILE` or `xdr-audit-verify` anywhere."""
    order = {
        "after": after, "source_id": source or None, "events_from": since or None, "events_to": until or None
    }  # fmt: skip
    with to.open("xb") as file:
        try:
            for chunk in session.api.stream("/audit/export", order, seconds=_EXPORT_SECONDS):
                file.write(chunk)
        except BaseException:
            to.unlink()
            raise
    session.say(f"exported to {to}; verify it with `xdr audit verify {to}`")


@app.command()
def verify(
    session: Session,
    file: Annotated[Path | None, typer.Argument(help="An export; else the appliance verifies.")] = None,
    *,
    public_key: Annotated[Path | None, typer.Option(help="File with the trusted public key, in hex.")] = None,
    fingerprint: Annotated[str, typer.Option(help="SHA-256 of the trusted public key.")] = "",
    expect: Annotated[
        list[Path] | None, typer.Option(help="File of checkpoints kept elsewhere; may be given again.")
    ] = None,
    thorough: Annotated[bool, typer.Option(help="Look at every signature.")] = False,
    allow_clock_back: Annotated[bool, typer.Option(help="A step of the clock is explained.")] = False,
    events_from: Annotated[str, typer.Option(help="Also events received from then on (ISO 8601).")] = "",
    events_to: Annotated[str, typer.Option(help="And before then.")] = "",
) -> None:
    """Whether the trail is what it was; names what is wrong first. Exit status 8 if something is."""
    try:
        pin = program.pinned(fingerprint, public_key)
        kept = [one for path in expect or [] for one in program.kept(path)]
    except ValueError as error:
        raise invalid(str(error)) from error
    if file is None:
        order = {
            "fingerprint": pin, "expect": [one.as_json() for one in kept], "thorough": thorough,
            "allow_clock_back": allow_clock_back,
            "events_from": events_from or None, "events_to": events_to or None,
        }  # fmt: skip
        verdict = session.api.post("/audit/verification", order)
    else:
        verdict = _offline(file, pin=pin, expected=kept, thorough=thorough, allow_clock_back=allow_clock_back)
    _tell(session, verdict)


def _offline(file: Path, **how: Any) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            return verify_export(opened, **how).as_dict()
    except NotAnExport as error:
        raise CommandFailure(f"{file}: {error}", next_step="export it again") from error


def _tell(session: Session, verdict: dict[str, Any]) -> None:
    session.printer.one(
        verdict,
        [
            Column("stream", "stream"), Column("intact", "ok"), Column("records", number("records")),
            Column("checkpoints", number("checkpoints")), Column("head", "head"), Column("keys", "keys"),
            Column("key was pinned", "pinned"), Column("events", "events"),
            Column("wrong", "problem.message"),
            Column("kind", "problem.kind"), Column("record", "problem.seq"),
            Column("entry", "problem.entry_id"),
        ],
    )  # fmt: skip
    if not verdict["ok"]:
        raise CommandFailure(
            f"the trail is not what it was: {verdict['problem']['message']}",
            code=ExitCode.PROBLEMS,
            next_step="keep this database, the export and your checkpoints as they are; see docs/audit.md",
        )
    if not verdict["pinned"]:
        session.warn(
            "no key was pinned: whoever made the trail may have made its key (`xdr audit keys list`)"
        )


def _after(api: APIClient, path: str, after: int) -> Any:
    place: int | None = after
    while place is not None:
        page = api.get(path, after=place)
        yield from page["items"]
        place = page["next_after"]


def _line(checkpoint: dict[str, Any]) -> str:
    return json.dumps({name: checkpoint[name] for name in ("checkpoint", "signature")})
