"""`xdr idp`: directories and single sign-on."""

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from appliance.cli import secret_files
from appliance.cli.commands import group
from appliance.cli.failures import CommandFailure, ExitCode, invalid
from appliance.cli.output import Column, moment
from appliance.cli.session import Session

app = group("Directories and single sign-on: set them up, test them, switch them.")

_PROVIDER = [
    Column("NAME", "name"),
    Column("KIND", "kind"),
    Column("ENABLED", "enabled"),
    Column("PEOPLE", "people"),
    Column("VALID UNTIL", moment("facts.valid_until")),
    Column("WARNINGS", "facts.warnings"),
    Column("ID", "id"),
]
_WHOLE = [
    *_PROVIDER,
    Column("shown", "shown"),
    Column("has secret", "has_secret"),
    Column("has SCIM token", "has_scim_token"),
    Column("tell the provider", "addresses"),
    Column("changed", moment("changed_at")),
]
_STEP = [
    Column("STEP", "name"),
    Column("STATE", "state"),
    Column("SAID", "said"),
    Column("WHAT TO DO", "next"),
]
# Documents that are easier kept in files of their own than inside the configuration.
_DOCUMENTS = {"metadata": "metadata", "authorities": "ca_certificates", "keys": "jwks"}

Which = Annotated[str, typer.Argument(help="Name or id, from `xdr idp list`.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Config = Annotated[
    Path | None, typer.Option(help="TOML or JSON with `kind` and its settings; see docs/single-sign-on.md.")
]
Metadata = Annotated[Path | None, typer.Option(help="SAML: the provider's metadata document.")]
Authorities = Annotated[Path | None, typer.Option(help="PEM of the authorities to trust.")]
Keys = Annotated[Path | None, typer.Option(help="OpenID Connect: the provider's JWKS, for air gaps.")]
Secret = Annotated[
    Path | None, typer.Option(help="File with the service account's password or the client secret.")
]


@app.command(name="list")
def list_(session: Session) -> None:
    """Every identity provider, without secrets."""
    session.printer.rows(session.api.get("/identity-providers")["items"], _PROVIDER)


@app.command()
def show(session: Session, provider: Which) -> None:
    """One of them, with the addresses that the other side must be told."""
    session.printer.one(find(session, provider), _WHOLE)


@app.command()
def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="As the sign-in page shows it.")],
    *,
    config: Config = None,
    metadata: Metadata = None,
    authorities: Authorities = None,
    keys: Keys = None,
    secret_file: Secret = None,
    enable: Annotated[bool, typer.Option("--enable", help="Switch it on at once.")] = False,
) -> None:
    """Set up a directory or a provider; test it, then enable it."""
    wanted = _config(config, metadata=metadata, authorities=authorities, keys=keys, before={})
    new = {"name": name, "config": wanted, "enabled": enable, "secret": _secret(secret_file) or ""}
    session.printer.one(session.api.post("/identity-providers", new), _WHOLE)


@app.command()
def update(
    session: Session,
    provider: Which,
    *,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    config: Config = None,
    metadata: Metadata = None,
    authorities: Authorities = None,
    keys: Keys = None,
    secret_file: Secret = None,
    shown: Annotated[bool | None, typer.Option(help="Whether the sign-in page offers it.")] = None,
) -> None:
    """Change what is given; the rest stays."""
    found = find(session, provider)
    wanted: dict[str, Any] = {"name": name, "shown": shown, "secret": _secret(secret_file)}
    if any((config, metadata, authorities, keys)):
        wanted["config"] = _config(
            config, metadata=metadata, authorities=authorities, keys=keys, before=found["config"]
        )
    change = {key: value for key, value in wanted.items() if value is not None}
    session.printer.one(session.api.patch(_path(found), change), _WHOLE)


@app.command()
def enable(session: Session, provider: Which) -> None:
    """Let people sign in by it."""
    session.printer.one(session.api.patch(_path(find(session, provider)), {"enabled": True}), _PROVIDER)


@app.command()
def disable(session: Session, provider: Which, yes: Yes = False) -> None:
    """Let nobody sign in by it; sessions that came by it end."""
    found = find(session, provider)
    session.confirm(f"Switch {found['name']} off? {found['people']} people sign in by it.", yes=yes)
    session.printer.one(session.api.patch(_path(found), {"enabled": False}), _PROVIDER)


@app.command()
def delete(session: Session, provider: Which, yes: Yes = False) -> None:
    """Remove it; the accounts that it vouched for are deactivated."""
    found = find(session, provider)
    session.confirm(f"Remove {found['name']}? {found['people']} people sign in by it.", yes=yes)
    session.api.delete(_path(found))
    session.say(f"{found['name']} is removed")


@app.command()
def test(session: Session, provider: Which) -> None:
    """Try every step, and say what to do about those that fail; exit status 8 if one does."""
    report = session.api.post(f"{_path(find(session, provider))}/test")
    session.printer.rows(report["steps"], _STEP)
    if not report["ok"]:
        raise CommandFailure(f"{provider} does not work yet", code=ExitCode.PROBLEMS)


@app.command(name="scim-token")
def scim_token(
    session: Session,
    provider: Which,
    *,
    to: Annotated[Path | None, typer.Option(help="Write it into this new file, not to the terminal.")] = None,
    revoke: Annotated[bool, typer.Option("--revoke", help="Stop provisioning instead.")] = False,
) -> None:
    """A token for provisioning (SCIM), shown this once; an earlier one stops working."""
    path = f"{_path(find(session, provider))}/scim-token"
    if revoke:
        session.api.delete(path)
        session.say("provisioning has stopped")
        return
    issued = session.api.post(path)
    if to is not None:
        secret_files.keep(to, issued.pop("token"))
        session.say(f"the token is in {to}")
    session.printer.one(issued, [Column("token", "token"), Column("prefix", "prefix")])


def find(session: Session, name: str) -> dict[str, Any]:
    """
    The provider of that name or id.

    Raises:
        CommandFailure: There is none.
    """
    found: list[dict[str, Any]] = session.api.get("/identity-providers")["items"]
    for one in found:
        if name in (one["name"], one["id"]):
            return one
    raise CommandFailure(f"no identity provider {name!r}", code=ExitCode.NOT_FOUND, next_step="xdr idp list")


def _path(found: dict[str, Any]) -> str:
    return f"/identity-providers/{found['id']}"


def _config(path: Path | None, *, before: dict[str, Any], **documents: Path | None) -> dict[str, Any]:
    wanted = before if path is None else _read(path)
    given = {_DOCUMENTS[name]: file.read_text() for name, file in documents.items() if file is not None}
    # What a new configuration does not carry itself, such as uploaded metadata, stays.
    kept = {key: before[key] for key in _DOCUMENTS.values() if before.get(key)}
    made = kept | wanted | given
    if "metadata" in given:
        made.setdefault("kind", "saml")
    if "kind" not in made:
        raise invalid("the configuration names no kind", "give --config FILE with kind = ldap, saml or oidc")
    return made


def _read(path: Path) -> dict[str, Any]:
    text = path.read_text()
    try:
        found: dict[str, Any] = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except ValueError as error:
        raise invalid(f"{path}: {error}", "write TOML, or JSON in a file that ends in .json") from error
    return found


def _secret(path: Path | None) -> str | None:
    return None if path is None else path.read_text().removesuffix("\n")
