"""`xdr docs`: the reference of every command, from the program itself."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.main import get_command

from appliance.cli.commands import Commands
from appliance.cli.failures import MEANINGS, invalid
from appliance.cli.helping import CONNECTION, OUTPUT
from appliance.cli.options import COMMON, PANEL
from appliance.cli.session import Session

_HEAD = """\
# `xdr`, the command line

Written by `xdr docs markdown`; a test keeps it current.

"""


class Kind(StrEnum):
    MARKDOWN = "markdown"
    MAN = "man"


def register(app: Commands) -> None:
    def docs(
        session: Session,
        kind: Annotated[Kind, typer.Argument(help="markdown: one page; man: a page for each command.")],
        to: Annotated[Path | None, typer.Option(help="The folder for man pages.")] = None,
    ) -> None:
        """Print the reference, or write manual pages."""
        if kind is Kind.MARKDOWN:
            print(markdown(app), end="")
        elif to is None:
            raise invalid("manual pages need a folder", "give --to DIR")
        else:
            to.mkdir(parents=True, exist_ok=True)
            for path, command in commands(app):
                (to / f"{'-'.join(path)}.1").write_text(man_page(path, command))
            session.say(f"manual pages are in {to}")

    app.command(hidden=True)(docs)


def commands(app: typer.Typer) -> Iterator[tuple[list[str], Any]]:
    """Every command that is no group, with the words to type, in order."""
    root = get_command(app)
    yield from _below(["xdr"], root, root.context_class(root, info_name="xdr"))


def markdown(app: typer.Typer) -> str:
    """The reference as one page."""
    parts = [_HEAD, "## Exit status\n\n| status | meaning |\n|---|---|\n"]
    parts += [f"| {int(code)} | {said} |\n" for code, said in MEANINGS.items()]
    parts.append(f"\n## Output\n\n```text\n{OUTPUT}```\n\n## Which appliance\n\n```text\n{CONNECTION}```\n")
    parts.append(
        f"\nEvery command also takes {', '.join(f'`{one}`' for one in _common_names())}.\n\n## Commands\n"
    )
    for path, command in commands(app):
        parts.append(_section(path, command))
    return "".join(parts)


def man_page(path: list[str], command: Any) -> str:
    """One manual page (man(7) macros)."""
    name = "-".join(path)
    lines = [
        f'.TH {name.upper()} 1 "" "Mini-XDR Appliance"',
        ".SH NAME",
        rf"{name} \- {_roff(_brief(command))}",
        ".SH SYNOPSIS",
        f".B {_roff(_usage(path, command))}",
        ".SH DESCRIPTION",
        _roff(_help(command)),
        ".SH OPTIONS",
    ]
    for names, about in _parameters(command, common=True):
        lines += [".TP", f".B {_roff(names)}", _roff(about) or "."]
    lines += [".SH EXIT STATUS"]
    for code, said in MEANINGS.items():
        lines += [".TP", f".B {int(code)}", _roff(said)]
    return "\n".join(lines) + "\n"


def _below(path: list[str], command: Any, context: Any) -> Iterator[tuple[list[str], Any]]:
    if not hasattr(command, "list_commands"):
        yield path, command
        return
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        if found is not None and not found.hidden:
            inner = found.context_class(found, info_name=name, parent=context)
            yield from _below([*path, name], found, inner)


def _section(path: list[str], command: Any) -> str:
    lines = [f"\n### {' '.join(path)}\n", f"```text\n{_usage(path, command)}\n```\n", f"{_help(command)}\n"]
    rows = list(_parameters(command, common=False))
    if rows:
        lines.append("| argument | meaning |\n|---|---|")
        lines += [f"| `{_cell(names)}` | {_cell(about)} |" for names, about in rows]
        lines.append("")
    return "\n".join(lines)


def _usage(path: list[str], command: Any) -> str:
    context = command.context_class(command, info_name=" ".join(path))
    return " ".join([" ".join(path), *command.collect_usage_pieces(context)])


def _parameters(command: Any, *, common: bool) -> Iterator[tuple[str, str]]:
    for parameter in command.params:
        is_common = parameter.name in COMMON and getattr(parameter, "rich_help_panel", None) == PANEL
        if parameter.name != "help" and (common or not is_common):
            yield _names(parameter), _about(parameter)


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return parameter.metavar or str(parameter.name).upper()
    return ", ".join([*parameter.opts, *parameter.secondary_opts])


def _about(parameter: Any) -> str:
    about = getattr(parameter, "help", "") or ""
    default = parameter.default
    shown = default not in (None, "", False, [], ()) and not parameter.required
    return f"{about} Default: {default}." if shown else about


def _brief(command: Any) -> str:
    return _help(command).split("\n\n")[0].replace("\n", " ")


def _help(command: Any) -> str:
    lines = (command.help or "").strip().splitlines()
    return "\n".join(line.strip() for line in lines)


def _common_names() -> list[str]:
    names = {"fields": "--json", "token_file": "--token-file"}
    return [names.get(name, f"--{name}") for name in COMMON]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _roff(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in escaped.splitlines())
