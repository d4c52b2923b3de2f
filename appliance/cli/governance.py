"""`xdr proposal` and `xdr review`: what takes a second person, and who keeps access."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from appliance.cli.commands import group
from appliance.cli.failures import CommandFailure, ExitCode, invalid
from appliance.cli.output import Column, moment
from appliance.cli.session import Session
from appliance.cli.users import find

proposals = group("Four eyes: what waits for a second person.")
reviews = group("Access reviews: who keeps access, signed.")

Comment = Annotated[str, typer.Option(help="Why.")]

_PROPOSAL = [
    Column("ID", "id"),
    Column("ACTION", "action"),
    Column("BY", "proposed_by"),
    Column("REASON", "reason"),
    Column("STATE", "state"),
    Column("UNTIL", moment("expires_at")),
    Column("PAYLOAD", "payload", wide=True),
    Column("HASH", "payload_hash", wide=True),
]
_REVIEW = [
    Column("ID", "id"),
    Column("OPENED", moment("opened_at")),
    Column("BY", "opened_by"),
    Column("DUE", moment("due_at")),
    Column("CLOSED", moment("closed_at")),
    Column("SIGNED WITH", "key_id", wide=True),
]
_PERSON = [
    Column("EMAIL", "email"),
    Column("ROLES", "roles"),
    Column("FACTORS", "factors"),
    Column("LAST SIGN-IN", "last_sign_in_at"),
    Column("DECISION", "decision"),
]


@proposals.command(name="list")
def list_proposals(session: Session) -> None:
    """Those that wait and concern you."""
    session.printer.rows(session.api.get("/proposals")["items"], _PROPOSAL)


@proposals.command(name="make")
def propose(
    session: Session,
    action: Annotated[str, typer.Argument(help="Such as incident.delete.")],
    payload: Annotated[str, typer.Argument(help='As JSON, such as {"incident_id": "…"}.')],
    reason: Annotated[str, typer.Option(help="Why it should be done.")],
) -> None:
    """Ask for a second person."""
    try:
        body = json.loads(payload)
    except ValueError as error:
        raise invalid(f"the payload is no JSON: {error}") from error
    made = session.api.post("/proposals", {"action": action, "payload": body, "reason": reason})
    session.printer.one(made, _PROPOSAL)


@proposals.command(name="approve")
def approve(
    session: Session,
    proposal_id: str,
    payload_hash: Annotated[
        str, typer.Argument(help="As `list -o wide` shows it: what you saw is what you approve.")
    ],
    comment: Comment = "",
) -> None:
    """Agree to what somebody else proposed; it is done at once."""
    approval = {"payload_hash": payload_hash, "comment": comment}
    session.printer.one(session.api.post(f"/proposals/{proposal_id}/approval", approval), _PROPOSAL)


@proposals.command(name="reject")
def reject(session: Session, proposal_id: str, comment: Comment = "") -> None:
    """Say no, or take back your own."""
    rejection = {"comment": comment}
    session.printer.one(session.api.post(f"/proposals/{proposal_id}/rejection", rejection), _PROPOSAL)


@reviews.command(name="list")
def list_reviews(session: Session) -> None:
    """Every review, newest first."""
    session.printer.rows(session.api.get("/access-reviews")["items"], _REVIEW)


@reviews.command(name="open")
def open_review(session: Session) -> None:
    """Begin a review of everybody who may sign in now."""
    made = session.api.post("/access-reviews")
    session.printer.one(made, _REVIEW)
    session.say(f"{len(made['items'])} people to decide about: xdr review show {made['id']}")


@reviews.command(name="show")
def show_review(session: Session, review_id: str) -> None:
    """The people of a review, and what was decided."""
    session.printer.rows(_review(session, review_id)["items"], _PERSON)


@reviews.command(name="decide")
def decide(
    session: Session,
    review_id: str,
    who: Annotated[list[str], typer.Argument(help="Email addresses or ids.")],
    keep: Annotated[bool, typer.Option("--keep/--remove", help="Keep the access, or remove it.")],
    comment: Comment = "",
) -> None:
    """Keep or remove people's access; takes effect when the review is closed."""
    decision = "keep" if keep else "remove"
    decisions = [{"user_id": find(session, one), "decision": decision, "comment": comment} for one in who]
    session.api.post(f"/access-reviews/{review_id}/decisions", {"decisions": decisions})
    session.say(f"{len(who)}: {decision}")


@reviews.command(name="close")
def close(
    session: Session, review_id: str, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Take away what was not kept, and sign. Takes a person who is signed in."""
    session.confirm(f"Close and sign the review {review_id}?", yes=yes)
    session.printer.one(session.api.post(f"/access-reviews/{review_id}/closure"), _REVIEW)


@reviews.command(name="export")
def export(
    session: Session,
    review_id: str,
    to: Annotated[Path, typer.Argument(help="A new file for the signed document.")],
) -> None:
    """The signed document and its signature, for an auditor."""
    review = _review(session, review_id)
    if not review["signature"]:
        raise invalid("the review is not closed, so nothing is signed yet", f"xdr review show {review_id}")
    signed = {name: review[name] for name in ("document", "signature", "key_id")}
    to.write_text(json.dumps(signed, indent=2) + "\n")
    session.say(f"the signed review is in {to}")


def _review(session: Session, review_id: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = session.api.get("/access-reviews")["items"]
    for review in found:
        if review["id"] == review_id:
            return review
    raise CommandFailure(f"no review {review_id}", code=ExitCode.NOT_FOUND, next_step="xdr review list")
