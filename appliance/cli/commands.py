"""
Groups of commands that all know the common options and end with the documented exit status.

A command is a function whose first parameter is its `Session`; the other parameters are its own. A
parameter of its own takes the place of a common option of that name.
"""

import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup

from appliance.cli.failures import CommandFailure, ExitCode
from appliance.cli.options import COMMON, Options
from appliance.cli.session import Session
from appliance.foundation.errors import (
    ApplianceError,
    Conflict,
    Exhausted,
    Invalid,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    TooLarge,
    Unavailable,
)

_KINDS: tuple[tuple[type[ApplianceError], ExitCode], ...] = (
    (Invalid, ExitCode.USAGE), (TooLarge, ExitCode.USAGE), (NotAuthenticated, ExitCode.DENIED),
    (NotPermitted, ExitCode.DENIED), (NotFound, ExitCode.NOT_FOUND), (Conflict, ExitCode.CONFLICT),
    (Exhausted, ExitCode.UNAVAILABLE), (Unavailable, ExitCode.UNAVAILABLE),
)  # fmt: skip


class Commands(typer.Typer):
    """A group of commands."""

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        register = super().command(name, **settings)

        def decorate(function: Callable[..., None]) -> Callable[..., None]:
            register(_through_the_door(function))
            return function

        return decorate


def group(about: str) -> Commands:
    return Commands(help=about, no_args_is_help=True, rich_markup_mode=None)


class LazyGroup(TyperGroup):
    """
    Commands of a module that is imported when one of them is named.

    `xdr dev` and `xdr db` bring the database layer with them: two seconds that `xdr --help` need not wait.
    """

    module: ClassVar[str]

    def list_commands(self, ctx: Any) -> list[str]:
        return self._loaded().list_commands(ctx)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return self._loaded().get_command(ctx, cmd_name)

    def _loaded(self) -> TyperGroup:
        found = typer.main.get_group(importlib.import_module(self.module).app)
        assert isinstance(found, TyperGroup)
        return found


def lazy(module: str, about: str) -> typer.Typer:
    """The commands of `module.app`, imported when first needed."""
    kind = type("Lazy", (LazyGroup,), {"module": module})
    return typer.Typer(cls=kind, help=about, no_args_is_help=True, rich_markup_mode=None)


def _through_the_door(function: Callable[..., None]) -> Callable[..., None]:
    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    common = [name for name in COMMON if name not in {parameter.name for parameter in own}]

    def run(ctx: typer.Context, **arguments: Any) -> None:
        session = ctx.find_object(Session)
        assert session is not None
        session = session.given(Options(**{name: arguments.pop(name) for name in common}))
        with translated(session, ctx.command_path):
            function(session, **arguments)

    run.__name__, run.__doc__, run.__module__ = function.__name__, function.__doc__, function.__module__
    return _declaring(run, own, common)


def root_options(function: Callable[..., None]) -> Callable[..., None]:
    """For the program itself: the common options may also stand before the command's name."""
    return _declaring(function, [], list(COMMON))


def _declaring(
    function: Callable[..., None], own: list[inspect.Parameter], common: list[str]
) -> Callable[..., None]:
    """Tell Typer, which reads signatures, which parameters there are."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter("ctx", keyword, annotation=typer.Context)]
    parameters += [parameter.replace(kind=keyword) for parameter in own]
    parameters += [inspect.Parameter(n, keyword, default=None, annotation=COMMON[n]) for n in common]
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by Typer
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return function


@contextmanager
def translated(session: Session, command: str) -> Iterator[None]:
    """Turn a failure into words and an exit status."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()  # a reader that has gone is noticed here and not at exit
    except CommandFailure as failure:
        raise typer.Exit(_tell(session, command, failure)) from failure
    except ApplianceError as error:
        code = next((code for kind, code in _KINDS if isinstance(error, kind)), ExitCode.FAILED)
        known = CommandFailure(str(error), code=code, detail=error.code)
        raise typer.Exit(_tell(session, command, known)) from error
    except KeyboardInterrupt as error:
        session.say("interrupted")
        raise typer.Exit(ExitCode.INTERRUPTED) from error
    except BrokenPipeError as error:
        # Whoever read our output has had enough (`| head`); Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(ExitCode.DONE) from error
    except FileExistsError as error:
        taken = CommandFailure(f"{error.filename} is there already", code=ExitCode.CONFLICT)
        raise typer.Exit(_tell(session, command, taken)) from error
    except OSError as error:
        raise typer.Exit(_tell(session, command, CommandFailure(str(error)))) from error


def _tell(session: Session, command: str, failure: CommandFailure) -> int:
    if session.options.debug:
        session.say(traceback.format_exc().rstrip())
    session.say(f"{command}: {failure}", style="red")
    if failure.next_step:
        session.say(f"  next: {failure.next_step}")
    if session.options.debug and failure.detail:
        session.say(f"  ({failure.detail})")
    return failure.code
