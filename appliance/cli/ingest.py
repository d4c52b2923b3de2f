"""`xdr ingest`: carry files into the appliance."""

from pathlib import Path
from typing import Annotated

import typer

from appliance.cli import reading
from appliance.cli.commands import Commands
from appliance.cli.delivering import Delivery
from appliance.cli.failures import CommandFailure, invalid
from appliance.cli.progress import ImportProgress, sentence
from appliance.cli.sending import Sender
from appliance.cli.session import Session
from appliance.cli.source_token import SourceToken, given_token
from appliance.cli.tallying import COLUMNS, Tally, exit_code, total


def register(app: Commands) -> None:
    app.command()(ingest)


def ingest(
    session: Session,
    paths: Annotated[
        list[str], typer.Argument(metavar="FILE|DIR|-", help="What to read; - is standard input.")
    ],
    *,
    source: Annotated[
        str, typer.Option(help="The source it comes from; made on a node if there is none.")
    ] = "imports",
    form: Annotated[
        str, typer.Option("--format", help="How to read it; auto tells event by event.")
    ] = "auto",
    url: Annotated[
        str, typer.Option(help="The ingest receiver, if not this node's. [env: XDR_INGEST_URL]")
    ] = "",
    parallel: Annotated[int, typer.Option(min=1, max=32, help="Batches under way at once.")] = 4,
    timeout: Annotated[
        float, typer.Option(min=0, help="Seconds a busy appliance may refuse in a row.")
    ] = 600.0,
    restart: Annotated[
        bool, typer.Option("--restart", help="Forget what an interrupted import had sent.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be read; send nothing.")] = False,
) -> None:
    """
    Store and match events of files, folders, archives (zip, tar, gz, zst, EVTX) or standard input.

    Running it again changes nothing: content that was stored is known by its hash. An interrupted import
    goes on where it was. --token-file (or XDR_SOURCE_TOKEN_FILE) names a source's token here; on a node
    one is made and kept. Ends with 7 if something was quarantined or left out.
    """
    is_stream = paths == ["-"]
    if "-" in paths and not is_stream:
        raise invalid("standard input (-) cannot be mixed with files")
    files = [] if is_stream else reading.files_of([Path(path) for path in paths])
    if dry_run:
        session.say(f"{len(files)} files, {_size(files):,} bytes, for the source {source}")
        return
    token = SourceToken(session, source, given_token(session))
    sender = Sender(
        session, url=_url(session, url), source=source, token=token, form=form, patience_seconds=timeout
    )
    journals = session.environment.state_home / "xdr-cli" / "imports"
    delivery = Delivery(
        session,
        sender,
        journals,
        parallel=parallel,
        restart=restart,
        meant_for=f"{_url(session, url)}\n{source}\n{form}",
    )
    with ImportProgress(session, None if is_stream else _size(files)) as progress:
        tallies = delivery.stream(progress) if is_stream else delivery.files(files, progress)
    _summary(session, tallies, progress.seconds)
    if delivery.failure is not None:
        raise delivery.failure
    raise typer.Exit(exit_code(tallies))


def _summary(session: Session, tallies: list[Tally], seconds: float) -> None:
    session.printer.rows([tally.row() for tally in tallies], COLUMNS)
    together = total(tallies)
    session.say(f"{sentence(together)}; {seconds:,.1f} s, {together.received / seconds:,.0f} events/s")
    if together.quarantined:
        session.say("  next: xdr source quarantine list   # why they were no events")


def _size(files: list[Path]) -> int:
    return sum(file.stat().st_size for file in files)


def _url(session: Session, given: str) -> str:
    if given or session.environment.ingest_url:
        return (given or session.environment.ingest_url).rstrip("/")
    found = session.target.ingest_url
    if not found:
        raise CommandFailure(
            f"nobody said where {session.target.name} receives events",
            next_step="give --url https://HOST:PORT or set XDR_INGEST_URL",
        )
    return found
