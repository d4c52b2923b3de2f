"""`xdr token`: API tokens of your own."""

from pathlib import Path
from typing import Annotated

import typer

from appliance.cli import secret_files
from appliance.cli.commands import group
from appliance.cli.output import Column, moment
from appliance.cli.session import Session

app = group("API tokens of your own.")
service = group("API tokens that belong to programs.")

_TOKEN = [
    Column("NAME", "name"),
    Column("PREFIX", "prefix"),
    Column("PERMISSIONS", "permissions"),
    Column("EXPIRES", moment("expires_at")),
    Column("LAST USED", moment("last_used_at")),
    Column("CREATED", moment("created_at"), wide=True),
    Column("ID", "id"),
]
_ISSUED = [Column("token", "token"), Column("id", "id"), Column("expires", moment("expires_at"))]


@app.command(name="list")
def list_(session: Session) -> None:
    """Your tokens that still work."""
    session.printer.rows(session.api.get("/tokens")["items"], _TOKEN)


@app.command()
def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="What it is for.")],
    permission: Annotated[
        list[str], typer.Option(metavar="PERMISSION", help="Such as events:view; may be given again.")
    ],
    days: Annotated[int, typer.Option(help="How long it works.")] = 30,
    to: Annotated[Path | None, typer.Option(help="Write it into this new file, not to the terminal.")] = None,
) -> None:
    """A token with no more rights than you have; shown this once."""
    made = session.api.post("/tokens", {"name": name, "permissions": permission, "days": days})
    if to is not None:
        secret_files.keep(to, made.pop("token"))
        session.say(f"the token is in {to}; give it with --token-file")
    session.printer.one(made, _ISSUED)


@service.command(name="list")
def list_service(session: Session) -> None:
    """The programs' tokens that still work."""
    session.printer.rows(session.api.get("/service-tokens")["items"], _TOKEN)


@service.command(name="create")
def create_service(  # noqa: PLR0917 — Typer maps parameters to options
    session: Session,
    name: Annotated[str, typer.Argument(help="Which program it is for.")],
    permission: Annotated[
        list[str], typer.Option(metavar="PERMISSION", help="Such as events:view; may be given again.")
    ],
    days: Annotated[int, typer.Option(help="How long it works.")] = 30,
    network: Annotated[
        list[str] | None, typer.Option(metavar="CIDR", help="Where it may be used from; may be given again.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="Write it into this new file, not to the terminal.")] = None,
) -> None:
    """A token for a program; it needs no account, and is shown this once."""
    wanted = {"name": name, "permissions": permission, "days": days, "networks": network or []}
    made = session.api.post("/service-tokens", wanted)
    if to is not None:
        secret_files.keep(to, made.pop("token"))
        session.say(f"the token is in {to}; give it with --token-file")
    session.printer.one(made, _ISSUED)


@service.command(name="revoke")
def revoke_service(
    session: Session,
    token_id: Annotated[str, typer.Argument(help="The token's id, from `xdr service-token list`.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Stop a program's token."""
    session.confirm(f"Stop the token {token_id}?", yes=yes)
    session.api.delete(f"/service-tokens/{token_id}")
    session.say(f"token {token_id} works no longer")


@app.command()
def revoke(
    session: Session,
    token_id: Annotated[str, typer.Argument(help="The token's id, from `xdr token list`.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Stop one of your tokens."""
    session.confirm(f"Stop the token {token_id}?", yes=yes)
    session.api.delete(f"/tokens/{token_id}")
    session.say(f"token {token_id} works no longer")
