"""What every command understands, and where the surroundings come from."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

PANEL = "Common options"


class Format(StrEnum):
    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    JSONL = "jsonl"
    YAML = "yaml"
    CSV = "csv"


class Colour(StrEnum):
    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Options(msgspec.Struct, frozen=True):
    """What was given on the command line; None where nothing was."""

    output: Format | None = None
    fields: str | None = None
    url: str | None = None
    token_file: Path | None = None
    profile: str | None = None
    config: Path | None = None
    organisation: str | None = None
    color: Colour | None = None
    debug: bool | None = None

    def over(self, outer: "Options") -> "Options":
        """These, and the outer ones where nothing was given."""
        given = {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}
        return msgspec.structs.replace(outer, **given)


class Environment(msgspec.Struct, frozen=True):
    """
    What the process was started in; read once, in `cli/running.py`.

    Attributes:
        config: The settings file of this node, from XDR_CONFIG.
        ingest_url: Where `xdr ingest` sends, from XDR_INGEST_URL.
        source_token_file: The token it sends, from XDR_SOURCE_TOKEN_FILE.
        system_config: The settings file of an installed appliance.
        development_config: That of `xdr dev run`.
    """

    config: str = ""
    url: str = ""
    token_file: str = ""
    profile: str = ""
    ingest_url: str = ""
    source_token_file: str = ""
    config_home: Path = Path("/nonexistent")
    state_home: Path = Path("/nonexistent")
    system_config: Path = Path("/etc/xdr/xdr.toml")
    development_config: Path = Path("/nonexistent")


def _option(kind: object, *names: str, about: str, metavar: str | None = None) -> object:
    return Annotated[kind | None, typer.Option(*names, help=about, metavar=metavar, rich_help_panel=PANEL)]  # type: ignore[operator]  # a type, at run time


COMMON: dict[str, object] = {
    "output": _option(Format, "--output", "-o", about="How to print. [default: table]"),
    "fields": _option(str, "--json", about="Only these fields, as JSON.", metavar="FIELDS"),
    "url": _option(str, "--url", about="The appliance's address. [env: XDR_URL]"),
    "token_file": _option(Path, "--token-file", about="File with a token. [env: XDR_TOKEN_FILE]"),
    "profile": _option(str, "--profile", about="A profile of your config file. [env: XDR_PROFILE]"),
    "organisation": _option(str, "--organisation", about="Name or id; on the node. [default: the first]"),
    "config": _option(Path, "--config", about="This node's settings file. [env: XDR_CONFIG]"),
    "color": _option(Colour, "--color", about="Colours. [default: auto]"),
    "debug": _option(bool, "--debug", about="Show a trace when something fails."),
}
