"""`xdr user`: who may sign in."""

from typing import Annotated, Any
from uuid import UUID

import typer

from appliance.cli.commands import group
from appliance.cli.failures import CommandFailure, ExitCode
from appliance.cli.output import Column, moment
from appliance.cli.session import Session

app = group("People: invite them, renew their link, suspend them.")

_USER = [
    Column("EMAIL", "email"),
    Column("NAME", "name"),
    Column("ROLES", "roles"),
    Column("STATUS", "status"),
    Column("ID", "id"),
]
_LINK = [
    Column("for", "user.email"),
    Column("link", "link"),
    Column("works until", moment("expires_at")),
]

Who = Annotated[str, typer.Argument(help="Email address or id.")]


@app.command(name="list")
def list_(session: Session) -> None:
    """Everybody of the organisation."""
    session.printer.rows(session.api.get("/users")["items"], _USER)


@app.command()
def invite(
    session: Session,
    email: Annotated[str, typer.Argument(help="Where the person is reached; also the name to sign in with.")],
    name: Annotated[str, typer.Option(help="The person's name.")],
    role: Annotated[list[str], typer.Option(metavar="ROLE", help="May be given again.")],
) -> None:
    """Invite somebody; prints a link, shown this once, that sets a password."""
    _show_link(session, session.api.post("/users", {"email": email, "name": name, "roles": role}))


@app.command()
def link(session: Session, who: Who) -> None:
    """A new link for somebody who lost the first or forgot the password."""
    _show_link(session, session.api.post(f"/users/{_id(session, who)}/link"))


@app.command()
def suspend(
    session: Session, who: Who, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Let somebody in no longer; ends every session of theirs."""
    user_id = _id(session, who)
    session.confirm(f"Suspend {who}?", yes=yes)
    session.api.post(f"/users/{user_id}/suspension")
    session.say(f"{who} is suspended")


def _show_link(session: Session, invitation: dict[str, Any]) -> None:
    settings = session.target.settings
    base = settings.web.public_url if settings else session.target.url
    made = invitation | {"link": f"{base}/welcome/{invitation['link_token']}"}
    session.printer.one(made, _LINK)


def _id(session: Session, who: str) -> str:
    try:
        return str(UUID(who))
    except ValueError:
        pass
    for user in session.api.get("/users")["items"]:
        if user["email"].casefold() == who.casefold():
            return str(user["id"])
    raise CommandFailure(
        f"nobody here has the address {who}", code=ExitCode.NOT_FOUND, next_step="xdr user list"
    )
