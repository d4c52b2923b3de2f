"""`xdr db`: make the database and bring its schema to this release. Works with the API stopped."""

import getpass
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from appliance.cli.commands import group
from appliance.cli.failures import CommandFailure, ExitCode
from appliance.cli.output import Column
from appliance.cli.session import Session
from appliance.cli.targets import read_secret
from appliance.foundation.settings import Settings
from appliance.migrations.apply import bootstrap as apply_bootstrap
from appliance.migrations.apply import migrate as apply_migrations

app = group("Prepare and migrate the database.")

_ROLES = ("owner", "app", "platform")
_STATE = [Column("database", "database"), Column("schema", "schema")]


@app.command()
def bootstrap(
    session: Session,
    user: Annotated[str, typer.Option(help="A superuser of Postgres.")] = "postgres",
    password_file: Annotated[
        Path | None, typer.Option(help="File with the superuser's password; none for peer authentication.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """
    Create roles and database, and mark the operators that stay indexable. Safe to run again.

    The passwords of the roles are the credentials database-owner, database-app and database-platform.
    """
    settings = session.settings
    password = read_secret(password_file, "the superuser's password") if password_file else None
    passwords = {f"xdr_{role}": settings.credential(f"database-{role}").decode() for role in _ROLES}
    session.confirm(
        f"Set roles and database {settings.database.name} up on {settings.database.host}?", yes=yes
    )
    dsn = make_conninfo(
        "",
        **settings.database.way,
        user=user,
        password=password,
        dbname="postgres",
    )
    try:
        apply_bootstrap(dsn, database=settings.database.name, passwords=passwords)
    except psycopg.Error as error:
        raise _refused(settings, error) from error
    session.say(f"roles and database {settings.database.name} are there; next: xdr db migrate")


@app.command()
def migrate(
    session: Session,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say which schema there is; change nothing.")
    ] = False,
) -> None:
    """Bring the schema to this release, as the owner; processes of this release may run meanwhile."""
    settings = session.settings
    owner = _owner_url(settings)
    before = _version(settings, owner)
    if not dry_run:
        try:
            apply_migrations(owner, scope_key=settings.credential("scope-key"))
        except SQLAlchemyError as error:
            raise _refused(settings, error) from error
    after = _version(settings, owner)
    session.say(f"schema was {before or 'empty'}, is {after or 'empty'}, by {getpass.getuser()}")
    session.printer.one({"database": settings.database.name, "schema": after}, _STATE)


def _owner_url(settings: Settings) -> URL:
    return URL.create(
        "postgresql+psycopg",
        "xdr_owner",
        settings.credential("database-owner").decode(),
        database=settings.database.name,
        query=settings.database.way,
    )


def _version(settings: Settings, owner: URL) -> str | None:
    engine = create_engine(owner)
    try:
        with engine.connect() as connection:
            known = connection.execute(
                text("SELECT to_regclass('public.alembic_version') IS NOT NULL")
            ).scalar_one()
            if not known:
                return None
            version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
            return None if version is None else str(version)
    except SQLAlchemyError as error:
        raise _refused(settings, error) from error
    finally:
        engine.dispose()


def _refused(settings: Settings, error: Exception) -> CommandFailure:
    why = str(error).splitlines()[0]
    return CommandFailure(
        f"Postgres at {settings.database.host} refused: {why}",
        code=ExitCode.UNAVAILABLE,
        next_step="check that it runs and that the credentials are its own: xdr doctor",
    )
