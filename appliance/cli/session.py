"""What a command works with: its options, the printer, the API, and a voice on standard error."""

import sys
from functools import cached_property

import httpx
import typer
from rich.console import Console
from rich.text import Text

from appliance.cli import targets
from appliance.cli.client import APIClient
from appliance.cli.failures import CommandFailure, ExitCode, invalid
from appliance.cli.inert import inert
from appliance.cli.options import Colour, Environment, Options
from appliance.cli.output import Printer, console
from appliance.cli.targets import Target
from appliance.foundation.settings import Settings


class Session:
    """
    One command's run. Nothing is looked up or opened before it is asked for.

    Args:
        transport: Stands in for the network in tests.
    """

    def __init__(
        self,
        environment: Environment,
        options: Options | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.environment, self.options, self.transport = environment, options or Options(), transport

    def given(self, options: Options) -> "Session":
        """The same run with what was given after the command's name."""
        return Session(self.environment, options.over(self.options), self.transport)

    @cached_property
    def target(self) -> Target:
        return targets.find(self.options, self.environment)

    @cached_property
    def settings(self) -> Settings:
        """This node's settings; the API is not asked."""
        return targets.settings_of(self.options, self.environment)

    @cached_property
    def api(self) -> APIClient:
        return APIClient(self.target, warn=self.warn, transport=self.transport)

    @cached_property
    def printer(self) -> Printer:
        return Printer(self.options.output, self.options.fields, self.options.color or Colour.AUTO)

    @cached_property
    def stderr(self) -> Console:
        return console(self.options.color or Colour.AUTO, sys.stderr)

    def say(self, text: str, *, style: str = "") -> None:
        """A line for the person at the terminal; never on standard output."""
        self.stderr.print(Text(inert(text, keep="\n"), style=style), soft_wrap=True)

    def warn(self, text: str) -> None:
        self.say(f"warning: {text}", style="yellow")

    def confirm(self, question: str, *, yes: bool) -> None:
        """
        Go on only if that is meant.

        Raises:
            CommandFailure: It is not, or nobody can be asked.
        """
        if yes:
            return
        if not sys.stdin.isatty():
            raise invalid(f"{question} Nobody can be asked here.", "add --yes if you mean it")
        if not typer.confirm(inert(question), err=True):
            raise CommandFailure("nothing was changed", code=ExitCode.FAILED)
