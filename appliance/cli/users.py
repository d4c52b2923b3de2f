"""`xdr user`: who may sign in, and what they may do."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from appliance.cli.commands import group
from appliance.cli.failures import CommandFailure, ExitCode, invalid
from appliance.cli.output import Column, moment
from appliance.cli.session import Session

app = group("People: invite them, give them roles, renew their link, suspend them.")

_USER = [
    Column("EMAIL", "email"),
    Column("NAME", "name"),
    Column("ROLES", "roles"),
    Column("FACTORS", "factors"),
    Column("STATUS", "status"),
    Column("ORIGIN", "origin", wide=True),
    Column("LAST SIGN-IN", moment("last_sign_in_at"), wide=True),
    Column("ID", "id"),
]
_LINK = [
    Column("for", "user.email"),
    Column("link", "link"),
    Column("works until", moment("expires_at")),
    Column("mailed", "mailed"),
]

Who = Annotated[str, typer.Argument(help="Email address or id.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


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
    break_glass: Annotated[
        bool, typer.Option("--break-glass", help="May use a password where single sign-on is enforced.")
    ] = False,
) -> None:
    """Invite somebody; prints a link, shown this once, that sets a password."""
    new = {"email": email, "name": name, "roles": role} | ({"break_glass": True} if break_glass else {})
    _show_link(session, session.api.post("/users", new))


@app.command()
def link(session: Session, who: Who) -> None:
    """A new link for somebody who lost the first or forgot the password; second factors stay."""
    _show_link(session, session.api.post(f"/users/{find(session, who)}/link"))


@app.command()
def suspend(session: Session, who: Who, yes: Yes = False) -> None:
    """Let somebody in no longer; ends every session of theirs."""
    user_id = find(session, who)
    session.confirm(f"Suspend {who}?", yes=yes)
    session.api.post(f"/users/{user_id}/suspension")
    session.say(f"{who} is suspended")


@app.command()
def reactivate(session: Session, who: Who) -> None:
    """Let a suspended user in again."""
    session.api.delete(f"/users/{find(session, who)}/suspension")
    session.say(f"{who} may sign in again")


@app.command()
def roles(
    session: Session,
    who: Who,
    role: Annotated[
        list[str],
        typer.Option(metavar="ROLE[@UNTIL]", help="Such as soc_analyst, or soc_analyst@2026-12-31T18:00Z."),
    ],
    yes: Yes = False,
) -> None:
    """Give exactly these roles; what a directory's groups gave stays."""
    grants = [_grant(one) for one in role]
    user_id = find(session, who)
    session.confirm(f"Give {who} exactly: {', '.join(role)}?", yes=yes)
    session.printer.one(session.api.put(f"/users/{user_id}/roles", {"roles": grants}), _USER)


@app.command(name="reset-factors")
def reset_factors(session: Session, who: Who, yes: Yes = False) -> None:
    """Remove the second factors of somebody who lost them, after they proved who they are."""
    user_id = find(session, who)
    session.confirm(f"Remove every second factor of {who}, and end their sessions?", yes=yes)
    session.api.delete(f"/users/{user_id}/factors")
    session.say(f"{who} sets up a new second factor at the next sign-in")


def find(session: Session, who: str) -> str:
    """
    The id of a person named by address or id.

    Raises:
        CommandFailure: Nobody here has the address.
    """
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


def _grant(text: str) -> dict[str, str]:
    role, _, until = text.partition("@")
    if not until:
        return {"role": role}
    try:
        moment_ = datetime.fromisoformat(until)
    except ValueError as error:
        raise invalid(f"{until!r} is no moment; write it like 2026-12-31T18:00Z") from error
    if moment_.tzinfo is None:
        raise invalid(f"{until!r} names no time zone; add Z for UTC")
    return {"role": role, "expires_at": moment_.isoformat()}


def _show_link(session: Session, invitation: dict[str, Any]) -> None:
    settings = session.target.settings
    base = settings.web.public_url if settings else session.target.url
    made = invitation | {"link": f"{base}/welcome/{invitation['link_token']}"}
    session.printer.one(made, _LINK)
