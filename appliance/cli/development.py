"""
`xdr dev`: the whole appliance on one machine, with a Postgres of its own. For trying and for working on it.

Nothing is asked and nothing has to be set up; a second start goes on where the first one ended.
"""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import httpx
import typer
from sqlalchemy import URL

from appliance.cli.embedded import EmbeddedPostgres, state_folder
from appliance.cli.settling import first_sign_in
from appliance.foundation import settings as configuration
from appliance.migrations.apply import bootstrap, migrate

app = typer.Typer(
    help="Run everything on this machine, for evaluation and development.", no_args_is_help=True
)

PROCESSES = {
    "web": "appliance.web.serving",
    "administration": "appliance.web.administration",
    "ingest": "appliance.jobs.ingest",
    "detect": "appliance.jobs.detect",
    "scheduler": "appliance.jobs.scheduler",
    "seal": "appliance.jobs.seal",
    "alert": "appliance.jobs.alert",
    "directory": "appliance.jobs.directory",
}
_CREDENTIALS = {
    "database-owner": 24, "database-app": 24, "database-platform": 24, "scope-key": 32, "field-key": 32,
    "web-key": 32, "cache-key": 32, "audit-key": 32,
}  # fmt: skip
_START_SECONDS = 90


@app.command()
def run(
    port: Annotated[int, typer.Option(help="Port of the console and API.")] = 8443,
    ingest_port: Annotated[int, typer.Option(help="Port of the ingest receivers.")] = 8088,
    state: Annotated[Path | None, typer.Option(help="Folder of all state.")] = None,
    own_log: Annotated[bool, typer.Option(help="Monitor this machine's own log.")] = True,
) -> None:
    """Start everything, print a sign-in link, and run until Ctrl-C."""
    folder = state or state_folder()
    started = time.monotonic()
    postgres, config = prepare(folder, port=port, ingest_port=ingest_port, own_log=own_log)
    link = asyncio.run(first_sign_in(configuration.load(config)))
    shutil.rmtree(folder / "metrics", ignore_errors=True)
    (folder / "metrics").mkdir()
    children = {name: _spawn(module, config) for name, module in PROCESSES.items()}
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        _wait_until_ready(port, children)
        _greet(config, folder, link, time.monotonic() - started)
        _watch(children, config)
    except KeyboardInterrupt:
        typer.echo("\nstopping; what was accepted is being stored", err=True)
    finally:
        stop(children)
        postgres.stop()


def prepare(
    folder: Path, *, port: int, ingest_port: int, own_log: bool = True, syslog: bool = True
) -> tuple[EmbeddedPostgres, Path]:
    """
    Credentials, database, schema, first organisation and settings; the server runs afterwards.

    Returns:
        The database server and the path of the settings file.
    """
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    credentials = folder / "credentials"
    _make_credentials(credentials)
    postgres = EmbeddedPostgres(folder / "postgres", socket_dir=folder / "run")
    typer.echo("starting the database", err=True)
    postgres.start()
    passwords = {
        f"xdr_{role}": (credentials / f"database-{role}").read_text() for role in ("owner", "app", "platform")
    }
    bootstrap(postgres.superuser_dsn, database="xdr", passwords=passwords)
    owner = URL.create(
        "postgresql+psycopg",
        "xdr_owner",
        passwords["xdr_owner"],
        database="xdr",
        query={"host": str(folder / "run")},
    )
    migrate(owner, scope_key=(credentials / "scope-key").read_bytes())
    config = folder / "xdr.toml"
    config.write_text(_settings(folder, port, ingest_port, own_log=own_log, syslog=syslog))
    return postgres, config


def _make_credentials(folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, size in _CREDENTIALS.items():
        path = folder / name
        if not path.exists():
            path.touch(mode=0o600)
            # Keys are raw bytes but must not end in a newline, which reading a credential strips.
            raw = (
                secrets.token_urlsafe(size).encode()
                if name.startswith("database")
                else secrets.token_bytes(size)
            )
            path.write_bytes(raw if not raw.endswith(b"\n") else raw[:-1] + b"\x00")


def _settings(folder: Path, port: int, ingest_port: int, *, own_log: bool, syslog: bool) -> str:
    relp, plain = (2514, 5514) if syslog else (0, 0)
    return f"""# Written by `xdr dev run`; changed lines are overwritten at the next start.
state_dir = "{folder}"
credentials_dir = "{folder / "credentials"}"
node = "{socket.gethostname().lower() or "node-1"}"
log_format = "console"

[database]
host = "{folder / "run"}"

[web]
port = {port}
public_url = "http://localhost:{port}"
admin_socket = "{folder / "admin.sock"}"

[ingest]
host = "::1"
http_port = {ingest_port}
relp_port = {relp}
syslog_tcp_port = {plain}
syslog_udp_port = {plain}
drop_folder = "{folder / "drop"}"
monitor_own_log = {str(own_log).lower()}
"""


def _spawn(module: str, config: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 — our own modules, no shell
        [sys.executable, "-m", module, str(config)],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        # How the processes share their metrics; what ended ones counted stays until the next start.
        env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(config.parent / "metrics")},
    )


def _wait_until_ready(port: int, children: dict[str, subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        for name, child in children.items():
            if child.poll() is not None:
                raise typer.Exit(_failed(name, child.returncode))
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"http://localhost:{port}/health/ready", timeout=2).status_code == 200:  # noqa: PLR2004 — ready
                return
        time.sleep(0.2)
    raise typer.Exit(_failed("web", None))


def _failed(name: str, status: int | None) -> int:
    typer.echo(f"{name} did not start (status {status}); its last lines are above", err=True)
    return 1


def _greet(config: Path, folder: Path, link: str | None, seconds: float) -> None:
    settings = configuration.load(config)
    typer.echo(f"\nMini-XDR Appliance runs at {settings.web.public_url} (started in {seconds:.1f} s)")
    if link:
        typer.echo("Sign in once, within 24 hours, with this link:\n")
        typer.echo(f"    {settings.web.public_url}/welcome/{link}\n")
    typer.echo(f"Feed it:   XDR_CONFIG={config} xdr ingest FILE")
    typer.echo(f"State:     {folder}   Stop: Ctrl-C\n")


def _watch(children: dict[str, subprocess.Popen[bytes]], config: Path) -> None:
    """Start again what ends, as systemd would."""
    while True:
        time.sleep(1)
        for name, child in children.items():
            if child.poll() is not None:
                typer.echo(f"{name} ended with status {child.returncode}; starting it again", err=True)
                children[name] = _spawn(PROCESSES[name], config)


def stop(children: dict[str, subprocess.Popen[bytes]]) -> None:
    """Receivers first, then the rest; whoever does not end in 40 seconds is killed."""
    for name in sorted(children, key=lambda name: name != "ingest"):
        with contextlib.suppress(ProcessLookupError):
            children[name].terminate()
    for child in children.values():
        try:
            child.wait(40)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


@app.command()
def reset(
    state: Annotated[Path | None, typer.Option(help="Folder of all state.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete all state of `xdr dev run` on this machine."""
    folder = state or state_folder()
    if not yes:
        typer.confirm(f"Delete {folder} and every event in it?", abort=True)
    postgres = EmbeddedPostgres(folder / "postgres", socket_dir=folder / "run")
    postgres.stop("immediate")
    subprocess.run(["/bin/rm", "-rf", "--one-file-system", str(folder)], check=True)  # noqa: S603 — our own folder
    typer.echo(f"deleted {folder}")
