"""`xdr password-list`: breached passwords, offline."""

from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.commands import group
from appliance.cli.session import Session
from appliance.identity.password_lists import BreachedPasswords, import_list
from appliance.identity.site import BREACHED_FILE

app = group("Breached passwords, offline.")


@app.command(name="import")
def import_passwords(
    session: Session,
    file: Annotated[Path, typer.Argument(help="Lines of SHA1[:count], or one password a line.")],
) -> None:
    """Refuse these passwords from now on. Works on this node without the API; do it on each node."""
    path = session.settings.state_dir / BREACHED_FILE
    with file.open("rb") as source:
        count = import_list(source, path)
    session.say(f"{count:,} breached passwords are refused from now on ({path})")


@app.command()
def show(session: Session) -> None:
    """How many are refused on this node."""
    known = BreachedPasswords(session.settings.state_dir / BREACHED_FILE).entries
    session.say(
        f"{known:,} breached passwords are refused" if known else "not configured: no list was imported"
    )
