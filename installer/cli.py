"""`xdr-install`: what is called on a machine that is to become a node."""

import dataclasses
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, get_args

import msgspec
import typer

from installer import answers, checks, files, first_boot, inventory, joining
from installer.answers import Node, Site
from installer.checks.finding import Occasion
from installer.failures import ExitCode, InstallFailure
from installer.paths import Paths
from installer.playbooks import Runner

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Set up nodes of Mini-XDR Appliance from one site file. On a node, as root.",
)  # fmt: skip
_As = Annotated[
    str, typer.Option("--as", metavar="NODE", help="Which node this is, if addresses do not tell.")
]
_Json = Annotated[bool, typer.Option("--json", help="For programs.")]
_HOURS = 24.0
_MOST_HOURS = 24 * 14


def main() -> None:
    """Entry point: a failure is two lines on standard error and one of `ExitCode`."""
    try:
        app()
    except InstallFailure as failure:
        typer.echo(f"xdr-install: {failure}\nnext: {failure.next_step}", err=True)
        sys.exit(failure.code)
    except PermissionError as error:
        typer.echo(f"xdr-install: {error.filename}: permission denied\nnext: run it as root", err=True)
        sys.exit(ExitCode.REFUSED)
    except OSError as error:
        typer.echo(
            f"xdr-install: {error.filename or ''}: {error.strerror}\nnext: mend that, then the same again",
            err=True,
        )
        sys.exit(ExitCode.TRANSIENT)


@app.command()
def plan(name: _As = "") -> None:
    """Show every change that `apply` would make. Changes only the inventory. Exit status 1 on findings."""
    setting = _setting(name)
    found = _checked(setting, "install")
    _tell(found)
    typer.echo(
        "changes against what is there:"
        if setting.paths.settled.exists()
        else "a first installation, task by task:"
    )
    typer.echo(_runner(setting).preview())
    _exit_on_findings(found)


@app.command()
def apply(
    name: _As = "",
    again: Annotated[bool, typer.Option("--again", help="Run stages that are done, too.")] = False,
    despite_findings: Annotated[
        bool, typer.Option("--despite-findings", help="Install although checks failed.")
    ] = False,
) -> None:
    """Install what the site file says, or go on where an earlier run was broken off."""
    setting = _setting(name)
    _refuse(_checked(setting, "install"), unless=despite_findings)
    changes = _runner(setting).apply(again=again)
    typer.echo(f"done, {changes} changes")
    _tell_where(setting)


@app.command()
def bring(
    nodes: Annotated[list[str], typer.Argument(metavar="NODE…", help="Names of the new machines.")],
    address: Annotated[
        list[str] | None, typer.Option(metavar="NODE=ADDRESS", help="A new address, or a node that is added.")
    ] = None,
    vip: Annotated[str, typer.Option(metavar="ADDRESS", help="Where one node becomes three.")] = "",
    name: _As = "",
) -> None:
    """Make new machines members, in a lost node's place or beside the only one; `xdr node` calls it."""
    paths = Paths()
    old = answers.read(paths.site)
    site = _with_addresses(old, address or [], vip)
    moved = [each.name for each in old.nodes if each.name not in nodes and site.node(each.name) != each]
    if moved:
        raise InstallFailure(
            f"{moved[0]} is there and keeps its address", next_step="--address for new machines only"
        )
    missing = [each for each in nodes if site.node(each) is None]
    if missing:
        raise InstallFailure(
            f"{missing[0]} is no node of the site", next_step=f"--address {missing[0]}=ADDRESS adds it"
        )
    node = inventory.controller(site, name=name)
    if node.name in nodes:
        raise InstallFailure(f"{node.name} is this machine", next_step="run it on a node that is a member")
    setting = _Setting(paths, site, node)
    _refuse(_checked(setting, "join"), unless=False)
    files.write(paths.site, answers.write(site))
    changes = _runner(setting).bring(nodes)
    typer.echo(f"{', '.join(nodes)}: members now, {changes} changes")


@app.command()
def check(
    occasion: Annotated[str, typer.Option("--for", help="install, join, upgrade or nightly.")] = "install",
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the findings there, whole or not at all.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Look at this machine and its peers. Exit status 1 if something has to be mended."""
    if occasion not in get_args(Occasion):
        raise InstallFailure(f"--for {occasion}", next_step=f"one of {', '.join(get_args(Occasion))}")
    paths = Paths()
    site = answers.read(paths.site) if paths.site.exists() else None
    node = inventory.controller(site) if site else None
    found = checks.run(checks.Context(paths=paths, occasion=occasion, site=site, node=node))  # type: ignore[arg-type]
    report = {
        "checked_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "findings": msgspec.to_builtins(found),
    }
    if to:
        files.write(to, msgspec.json.encode(report), mode=0o644)
    if as_json:
        typer.echo(msgspec.json.encode(report).decode())
    else:
        _tell(found)
    _exit_on_findings(found)


@app.command()
def token(
    node: Annotated[str, typer.Argument(metavar="NODE", help="The new machine's name.")],
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The address it has.")],
    hours: Annotated[float, typer.Option(help="How long it may be used.", min=0.1, max=_MOST_HOURS)] = _HOURS,
) -> None:
    """Print a token that lets one new machine and this node know each other. Secret; shown once."""
    setting = _setting("")
    inventory.write(setting.site, setting.node, setting.paths)
    typer.echo(joining.make(setting.site, node, address, hours=hours, paths=setting.paths))


@app.command()
def join() -> None:
    """Let a controller in, on a new machine; asks for the token, or reads it from standard input."""
    paths = Paths()
    text = typer.prompt("Token", hide_input=True) if sys.stdin.isatty() else sys.stdin.read(8192)
    given = joining.decode(text)
    joining.accept(given, paths)
    joining.reload_ssh()
    typer.echo(
        f"{given.name} waits for the cluster {given.cluster}; there: xdr node join {given.name}, or replace"
    )


@app.command("first-boot")
def boot() -> None:
    """Find a site file or ask for one, then install. Run by the image's first boot."""
    first_boot.run(
        Paths(),
        ask if sys.stdin.isatty() else None,
        typer.echo,
        install=lambda despite: apply(name="", again=False, despite_findings=despite),
        let_in=joining.reload_ssh,
    )


@app.command()
def schema() -> None:
    """Print the JSON Schema of the site file."""
    typer.echo(answers.schema(), nl=False)


@dataclasses.dataclass(frozen=True)
class _Setting:
    paths: Paths
    site: Site
    node: Node


def _setting(name: str) -> _Setting:
    paths = Paths()
    site = answers.read(paths.site)
    return _Setting(paths, site, inventory.controller(site, name=name))


def _runner(setting: _Setting) -> Runner:
    folder = inventory.write(setting.site, setting.node, setting.paths)
    return Runner(Path(setting.site.bundle).resolve(), folder, setting.paths, typer.echo)


def _checked(setting: _Setting, occasion: Occasion) -> list[checks.Finding]:
    inventory.write(setting.site, setting.node, setting.paths)
    return checks.run(
        checks.Context(paths=setting.paths, occasion=occasion, site=setting.site, node=setting.node)
    )


def _tell(found: list[checks.Finding]) -> None:
    marks = {"ok": "ok  ", "finding": "BAD ", "not_configured": "--  "}
    for finding in found:
        typer.echo(f"{marks[finding.state]}{finding.id:15} {finding.cause}")
        if finding.state == "finding":
            typer.echo(
                f"    impact: {finding.impact}\n    mend:   {finding.command}\n    more:   {finding.doc}"
            )


def _exit_on_findings(found: list[checks.Finding]) -> None:
    if any(finding.state == "finding" for finding in found):
        raise typer.Exit(ExitCode.FINDINGS)


def _refuse(found: list[checks.Finding], *, unless: bool) -> None:
    _tell(found)
    bad = [finding.id for finding in found if finding.state == "finding"]
    if bad and not unless:
        raise InstallFailure(
            f"{', '.join(bad)}: to be mended first; nothing was changed",
            next_step="do what `mend` says, then the same again",
            code=ExitCode.FINDINGS,
        )


def _tell_where(setting: _Setting) -> None:
    typer.echo(f"console: {setting.site.url}")
    link = setting.paths.first_sign_in
    if link.exists():
        typer.echo(f"first sign-in: the one-time link in {link}, on {setting.node.name}")


def _with_addresses(site: Site, pairs: list[str], vip: str) -> Site:
    """The site with other addresses of its nodes, or with nodes added; as valid as any site file."""
    given = dict(pair.partition("=")[::2] for pair in pairs)
    nodes = [Node(name=node.name, address=given.pop(node.name, node.address)) for node in site.nodes]
    nodes += [Node(name=name, address=address) for name, address in given.items()]
    new = msgspec.structs.replace(site, nodes=nodes, vip=vip or site.vip)
    return answers.parse(answers.write(new), source="the site's file with that")


def ask(question: str, default: str) -> str:
    """What the person at the terminal types; Enter means the default."""
    answer: str = typer.prompt(question, default=default, show_default=bool(default))
    return answer.strip()
