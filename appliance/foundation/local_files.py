"""Small files by which the processes of a node, and the administrator on it, tell each other something."""

import os
from pathlib import Path
from typing import TypeVar

import msgspec

Kind = TypeVar("Kind")
_MODE = 0o640


def write(path: Path, content: object) -> None:
    """
    Put JSON in the place of what is there, whole or not at all, and wait until it is on the disk.

    The file belongs to whoever owns its folder: what root writes, the product's own account has to read.
    """
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE)
    try:
        os.write(handle, msgspec.json.encode(content) + b"\n")
        os.fsync(handle)
        if os.getuid() == 0:
            owner = path.parent.stat()
            os.fchown(handle, owner.st_uid, owner.st_gid)
    finally:
        os.close(handle)
    part.replace(path)
    _sync_folder(path.parent)


def read(path: Path, kind: type[Kind]) -> Kind | None:
    """
    What is there; None where there is no file.

    Raises:
        msgspec.ValidationError, msgspec.DecodeError: It is not of that kind.
        OSError: It cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None


def remove(path: Path) -> None:
    """Take it away for good; also if it is gone already."""
    path.unlink(missing_ok=True)
    if path.parent.exists():
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
