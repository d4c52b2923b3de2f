"""Secrets that an answer shows once: to standard output, or into a file of one's own."""

import os
from pathlib import Path

from appliance.cli.failures import CommandFailure, ExitCode


def keep(path: Path, secret: str) -> None:
    """
    Write a secret so that only its owner can read it, even while it is being written.

    Raises:
        CommandFailure: The file is there already, or cannot be written.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise CommandFailure(
            f"{path} is there already; a secret is never written over another", code=ExitCode.CONFLICT
        ) from error
    with os.fdopen(handle, "w") as file:
        file.write(secret + "\n")
