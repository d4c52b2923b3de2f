"""A shell command line under the names of Sigma's process rules."""

import re

from appliance.telemetry.decoding.flattening import Fields

_MOST_COMMANDS = 32
_LONGEST_SCANNED = 16_384
# Assignments and wrappers before the command itself: `A=1 sudo -u x nohup wget …`.
_SEPARATOR = re.compile(r"[;\n|&]+")
_WORD = re.compile(r"[^\s\"'`()<>]+")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_WRAPPERS = frozenset(("sudo", "nohup", "exec", "busybox", "env", "command", "time", "then", "do", "else"))


def add_command(fields: Fields, command_line: str) -> None:
    """
    Sets `CommandLine` and `Image`.

    A line of several commands names several images. A bare word is stored as "/word", because rules ask
    how the path ends; which directory it would have been found in is not known and not invented.
    """
    fields["CommandLine"] = command_line
    found = images(command_line)
    if found:
        fields["Image"] = found[0] if len(found) == 1 else found


def images(command_line: str) -> tuple[str, ...]:
    """The programs a shell line would start, in order, each once."""
    out: dict[str, None] = {}
    for part in _SEPARATOR.split(command_line[:_LONGEST_SCANNED])[:_MOST_COMMANDS]:
        for name in _programs(part):
            out[name if "/" in name else "/" + name] = None
    return tuple(out)[:_MOST_COMMANDS]


def _programs(part: str) -> list[str]:
    names: list[str] = []
    for match in _WORD.finditer(part):
        word = match[0]
        if _ASSIGNMENT.match(word) or word.startswith("-"):
            continue
        names.append(word)
        if word.rsplit("/", 1)[-1] not in _WRAPPERS:
            break
    return names[:_MOST_COMMANDS]
