"""
`xdr`: puts the commands together. The only module that reads `XDR_*` from the environment.

Exit status: 0 done · 1 failed · 2 usage · 3 not found · 4 denied · 5 conflict · 6 timeout or busy ·
7 partly · 8 problems found · 130 interrupted.
"""

import os
import sys
from pathlib import Path

import typer

from appliance.cli import (
    access,
    audit,
    doctor,
    documenting,
    events,
    governance,
    helping,
    identity_providers,
    incidents,
    ingest,
    logs,
    rules,
    signing_in,
    sources,
    status,
    tokens,
    users,
)
from appliance.cli.commands import Commands, lazy, root_options
from appliance.cli.failures import ExitCode
from appliance.cli.options import Environment, Options
from appliance.cli.session import Session

app = Commands(
    name="xdr",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (status, ingest, doctor, logs, signing_in, helping, documenting):
    module.register(app)
app.add_typer(incidents.app, name="incident")
app.add_typer(events.app, name="event")
app.add_typer(rules.app, name="rules")
app.add_typer(sources.app, name="source")
app.add_typer(users.app, name="user")
app.add_typer(identity_providers.app, name="idp")
app.add_typer(tokens.app, name="token")
app.add_typer(tokens.service, name="service-token")
app.add_typer(access.roles, name="role")
app.add_typer(access.sessions, name="session")
app.add_typer(access.policy, name="policy")
app.add_typer(access.organisations, name="organisation")
app.add_typer(access.keys, name="signing-key")
app.add_typer(lazy("appliance.cli.password_lists", "Breached passwords, offline."), name="password-list")
app.add_typer(governance.proposals, name="proposal")
app.add_typer(governance.reviews, name="review")
app.add_typer(audit.app, name="audit")
app.add_typer(
    lazy("appliance.cli.cluster", "The cluster: who leads, who follows; hand over, hold still."),
    name="cluster",
)
app.add_typer(lazy("appliance.cli.node", "Nodes: let a new machine in, replace a lost one."), name="node")
app.add_typer(
    lazy("appliance.cli.maintenance", "Maintenance of this node: not ready, with a reason and an end."),
    name="maintenance",
)
app.add_typer(
    lazy("appliance.cli.alert", "Alerts of this node: what fires, who is told, silences."), name="alert"
)
app.add_typer(lazy("appliance.cli.database", "Prepare and migrate the database."), name="db")
app.add_typer(
    lazy("appliance.cli.development", "Run everything on this machine, for evaluation and development."),
    name="dev",
)


@app.callback()
@root_options
def root(ctx: typer.Context, **common: object) -> None:
    """Administer and use a Mini-XDR Appliance."""
    session = ctx.obj or Session(environment())
    ctx.obj = session.given(Options(**common))  # type: ignore[arg-type]  # Typer has checked each


def environment() -> Environment:
    """What this process was started in."""
    home = Path.home()
    state_home = Path(os.environ.get("XDG_STATE_HOME") or home / ".local" / "state")
    development = Path("/var/lib/xdr-dev") if os.getuid() == 0 else state_home / "xdr"
    return Environment(
        config=os.environ.get("XDR_CONFIG", ""),
        url=os.environ.get("XDR_URL", ""),
        token_file=os.environ.get("XDR_TOKEN_FILE", ""),
        profile=os.environ.get("XDR_PROFILE", ""),
        ingest_url=os.environ.get("XDR_INGEST_URL", ""),
        source_token_file=os.environ.get("XDR_SOURCE_TOKEN_FILE", ""),
        config_home=Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config"),
        state_home=state_home,
        development_config=development / "xdr.toml",
    )


def main() -> None:
    try:
        app(prog_name="xdr")
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        print(
            f"xdr: unexpected {type(error).__name__}: {error!r}\n  next: run it again with --debug",
            file=sys.stderr,
        )
        sys.exit(ExitCode.FAILED)


if __name__ == "__main__":
    main()
