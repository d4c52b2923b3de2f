"""
The tokens of somebody who signed in with `xdr login`, kept for the next commands.

One file for each appliance, readable by its owner only. A refresh token counts once, so commands that run
side by side take turns at renewing it.
"""

import fcntl
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

from appliance.cli.failures import CommandFailure, ExitCode

_EARLY_SECONDS = 30
_AGAIN = "sign in again: xdr login"


class Kept(msgspec.Struct, frozen=True):
    """`expires_at` is the access token's, in seconds since 1970 by this machine's clock."""

    access_token: str
    refresh_token: str
    expires_at: float

    def __repr__(self) -> str:
        return "Kept()"


def path_of(config_home: Path, name: str) -> Path:
    """Where the tokens for an appliance are; `name` is its host and port."""
    return config_home / "xdr" / "sessions" / f"{re.sub(r'[^A-Za-z0-9.-]', '_', name)}.json"


def keep(path: Path, answer: dict[str, Any]) -> Kept:
    """What the appliance answered (RFC 6749 section 5.1), written whole or not at all."""
    kept = Kept(
        access_token=answer["access_token"],
        refresh_token=answer["refresh_token"],
        expires_at=time.time() + answer["expires_in"],
    )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)  # 0600
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(kept))
    Path(name).replace(path)
    return kept


def forget(path: Path) -> None:
    path.unlink(missing_ok=True)


def bearer(path: Path, http: httpx.Client) -> str:
    """
    A token that still works, renewed if it has to be.

    Raises:
        CommandFailure: Nobody is signed in, or no longer; or the appliance does not answer.
    """
    kept = _read(path)
    if kept.expires_at - _EARLY_SECONDS > time.time():
        return kept.access_token
    with _turn(path):
        kept = _read(path)  # another command may have renewed it meanwhile
        if kept.expires_at - _EARLY_SECONDS > time.time():
            return kept.access_token
        return keep(path, _renewed(path, kept, http)).access_token


def _renewed(path: Path, kept: Kept, http: httpx.Client) -> dict[str, Any]:
    try:
        answer = http.post("/api/v1/auth/refresh", json={"refresh_token": kept.refresh_token})
    except httpx.TransportError as error:
        raise CommandFailure(f"your session cannot be renewed: {error}", code=ExitCode.UNAVAILABLE) from error
    if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        forget(path)
        raise CommandFailure("your session has ended", code=ExitCode.DENIED, next_step=_AGAIN)
    if not answer.is_success:
        raise CommandFailure(
            f"your session cannot be renewed: HTTP {answer.status_code}", code=ExitCode.UNAVAILABLE
        )
    renewed: dict[str, Any] = answer.json()
    return renewed


def _read(path: Path) -> Kept:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Kept)
    except (OSError, msgspec.DecodeError) as error:
        raise CommandFailure(
            f"nobody is signed in here ({path})",
            code=ExitCode.DENIED,
            next_step="xdr login, or give --token-file FILE",
        ) from error


@contextmanager
def _turn(path: Path) -> Iterator[None]:
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
