"""`xdr help` and `xdr completion`."""

from enum import StrEnum
from typing import Annotated, Any

import typer
from typer.completion import get_completion_script  # type: ignore[attr-defined]  # used by --show-completion

from appliance.cli.commands import Commands
from appliance.cli.failures import MEANINGS, invalid
from appliance.cli.output import Column
from appliance.cli.session import Session

_TOPICS = {
    "exit-codes": "What the exit status of a command says.",
    "output": "Formats, fields and colours.",
    "connection": "Which appliance is asked, and as whom.",
}
OUTPUT = """\
-o table    for people, the default; `-o wide` shows more columns
-o json     one document; -o jsonl one line for each item, as it comes
-o yaml     one document
-o csv      for spreadsheets; a cell that would be a formula starts with an apostrophe
--json a,b  only these fields, as JSON; a dotted name reaches inside: owner.name

The keys of json, jsonl, yaml and csv are those of the API and stay as they are; tables may change.
Answers go to standard output, everything else to standard error. What came from outside is shown
inert: control characters, terminal sequences and bidi marks appear as escapes such as \\x1b.
NO_COLOR, FORCE_COLOR, TERM=dumb and --color=auto|always|never are honoured.
"""
CONNECTION = """\
The nearest wins:
1. --url, --profile, --config on the command line
2. XDR_CONFIG, XDR_URL, XDR_PROFILE in the environment
3. `default` in your config file, $XDG_CONFIG_HOME/xdr/config.toml:
       default = "site"
       [profiles.site]
       url = "https://xdr.example.org"
       token_file = "~/.config/xdr/site.token"
       ca_file = "/etc/ssl/site-ca.pem"
4. this node: /etc/xdr/xdr.toml, then the state folder of `xdr dev run`

On a node the settings name a Unix socket: you are its local administrator, and no token is needed.
Elsewhere an API token comes from --token-file, XDR_TOKEN_FILE or the profile, never from the command line;
without one it is the session that `xdr login` opened.
"""


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def register(app: Commands) -> None:
    app.command(name="help")(help_)
    app.command()(completion)


def help_(
    session: Session,
    topic: Annotated[str, typer.Argument(help=f"One of {', '.join(_TOPICS)}.")] = "",
) -> None:
    """Explain a topic."""
    if topic == "exit-codes":
        rows: list[dict[str, Any]] = [{"code": int(code), "meaning": said} for code, said in MEANINGS.items()]
        session.printer.rows(rows, [Column("CODE", "code"), Column("MEANING", "meaning")])
    elif topic == "output":
        print(OUTPUT, end="")
    elif topic == "connection":
        print(CONNECTION, end="")
    elif topic:
        raise invalid(f"there is no topic {topic!r}; there are {', '.join(_TOPICS)}")
    else:
        topics = [{"topic": name, "about": said} for name, said in _TOPICS.items()]
        session.printer.rows(topics, [Column("TOPIC", "topic"), Column("ABOUT", "about")])
        session.say("for a command: xdr COMMAND --help")


def completion(
    _session: Session, shell: Annotated[Shell, typer.Argument(help="The shell to complete in.")]
) -> None:
    """
    Print what makes your shell complete `xdr`.

    For bash: `xdr completion bash > ~/.local/share/bash-completion/completions/xdr`
    """
    print(get_completion_script(prog_name="xdr", complete_var="_XDR_COMPLETE", shell=shell.value))
