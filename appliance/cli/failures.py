"""
What can go wrong for whoever types a command, and the exit status it ends with.

The numbers are a contract with scripts: they never change their meaning.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    DENIED = 4
    CONFLICT = 5
    UNAVAILABLE = 6
    PARTLY = 7
    PROBLEMS = 8
    INTERRUPTED = 130


MEANINGS: dict[ExitCode, str] = {
    ExitCode.DONE: "done",
    ExitCode.FAILED: "failed; the message says why",
    ExitCode.USAGE: "used wrongly, or what was sent is invalid",
    ExitCode.NOT_FOUND: "there is none, or it is not yours",
    ExitCode.DENIED: "not signed in, or not permitted",
    ExitCode.CONFLICT: "somebody was faster, or the state forbids it",
    ExitCode.UNAVAILABLE: "timed out, busy or not reachable; trying again may help",
    ExitCode.PARTLY: "done in part; the output says which part",
    ExitCode.PROBLEMS: "a check found problems",
    ExitCode.INTERRUPTED: "interrupted (Ctrl-C)",
}

_CODES: dict[int, ExitCode] = {
    400: ExitCode.USAGE, 401: ExitCode.DENIED, 403: ExitCode.DENIED, 404: ExitCode.NOT_FOUND,
    408: ExitCode.UNAVAILABLE, 409: ExitCode.CONFLICT, 410: ExitCode.NOT_FOUND, 412: ExitCode.CONFLICT,
    413: ExitCode.USAGE, 415: ExitCode.USAGE, 422: ExitCode.USAGE, 428: ExitCode.CONFLICT,
    429: ExitCode.UNAVAILABLE, 502: ExitCode.UNAVAILABLE, 503: ExitCode.UNAVAILABLE,
    504: ExitCode.UNAVAILABLE,
}  # fmt: skip


class CommandFailure(Exception):
    """
    Ends the command.

    Args:
        message: What failed and why.
        code: The exit status.
        next_step: A command to type, or a thing to do, now.
        detail: The machine's word for it (a problem's `code`), shown with `--debug`.
    """

    def __init__(
        self, message: str, *, code: ExitCode = ExitCode.FAILED, next_step: str = "", detail: str = ""
    ) -> None:
        super().__init__(message)
        self.code, self.next_step, self.detail = code, next_step, detail


def code_of(status: int) -> ExitCode:
    """The exit status for an HTTP status that is no success."""
    return _CODES.get(status, ExitCode.FAILED)


def invalid(message: str, next_step: str = "") -> CommandFailure:
    """What the user typed cannot be right."""
    return CommandFailure(message, code=ExitCode.USAGE, next_step=next_step)
