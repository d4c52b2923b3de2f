"""
Takes out of a tree what must not be the same on two machines, or differs between two builds.

No machine's identity (host keys, machine-id, random seed), no secret, no log, no package list and no trace of
the build host stays; what the tree then holds is listed file by file.
"""

import hashlib
import os
import shutil
import stat
from pathlib import Path

_EMPTIED = ["var/log", "var/cache", "var/lib/apt/lists", "var/tmp", "tmp", "run", "root"]
_GONE = [
    "etc/.pwd.lock",
    "etc/*-",
    "etc/hostname",
    "etc/resolv.conf",
    "etc/ssh/ssh_host_*",
    "etc/ssl/private/ssl-cert-snakeoil.key",
    "etc/ssl/certs/ssl-cert-snakeoil.pem",
    "var/lib/dbus/machine-id",
    "var/lib/dpkg/*-old",
    "var/lib/systemd/random-seed",
    "var/lib/systemd/credential.secret",
    "var/lib/apt/extended_states.*",
    "var/lib/shells.state",
    "usr/lib/python3*/**/__pycache__",
    "usr/share/**/__pycache__",
    "opt/**/__pycache__",
]
_HAS_PASSWORD = 2  # `!`, `*` and `!*` are locked; a hash is longer


class UnsealedTree(Exception):
    """Something is left in the tree that belongs to one machine."""


def seal(tree: Path) -> None:
    """Take out identities, secrets, logs and whatever the build left."""
    for name in _EMPTIED:
        _empty(tree / name)
    for pattern in _GONE:
        for path in sorted(tree.glob(pattern)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    for link in (tree / "etc/ssl/certs").iterdir():
        if link.is_symlink() and link.readlink() == Path("ssl-cert-snakeoil.pem"):
            link.unlink()
    # Present and empty: systemd makes one at each first boot, and takes it for no reason to reset units.
    (tree / "etc/machine-id").write_text("")
    (tree / "etc/hostname").write_text("xdr\n")
    (tree / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n")


def end(tree: Path, traces: list[str]) -> None:
    """
    Seal what the last steps left, and check that nothing of the build host or of a machine is in the tree.

    Args:
        traces: Words that only the build host knows.

    Raises:
        UnsealedTree: with the file in which something was found.
    """
    for name in _EMPTIED:
        _empty(tree / name)
    for name in ("etc/machine-id", "var/lib/systemd/random-seed"):
        path = tree / name
        if path.exists() and path.read_bytes():
            raise UnsealedTree(f"{name} is not empty; a step after sealing wrote it")
    if keys := sorted(tree.glob("etc/ssh/ssh_host_*")):
        raise UnsealedTree(f"{keys[0].relative_to(tree)} would be the same on every machine")
    for line in (tree / "etc/shadow").read_text().splitlines():
        name, password, *_ = line.split(":")
        if len(password) > _HAS_PASSWORD or not password:
            raise UnsealedTree(f"etc/shadow: {name} has a password, or needs none")
    _search(tree, [trace.encode() for trace in traces])


def listing(tree: Path) -> list[str]:
    """One line for each file: mode, owner, size, SHA-256 or target, path; sorted, without times."""
    return [_line(tree, path) for path in _all_of(tree)]


def digest(listed: Path) -> str:
    """SHA-256 of a list of files: the identity of the tree."""
    return hashlib.sha256(listed.read_bytes()).hexdigest()


def _line(tree: Path, path: Path) -> str:
    status = path.lstat()
    content = "-"
    size = 0
    if stat.S_ISLNK(status.st_mode):
        content = f"-> {path.readlink()}"
    elif stat.S_ISREG(status.st_mode):
        size = status.st_size
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    elif stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
        content = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
    return f"{status.st_mode:06o} {status.st_uid}:{status.st_gid} {size} {content} /{path.relative_to(tree)}"


def _all_of(tree: Path) -> list[Path]:
    return sorted(
        Path(folder) / name for folder, folders, files in os.walk(tree) for name in [*folders, *files]
    )


def _empty(folder: Path) -> None:
    """Folders of logs stay, since services expect them; caches and the rest go wholly."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            if folder.name == "log":
                _empty(path)
            else:
                shutil.rmtree(path)
        else:
            path.unlink()


def _search(tree: Path, traces: list[bytes]) -> None:
    for part in ("etc", "opt", "root", "usr/local", "usr/lib/python3", "var"):
        for path in _all_of(tree / part):
            if path.is_symlink() or not path.is_file():
                continue
            content = path.read_bytes()
            for trace in traces:
                if trace in content:
                    raise UnsealedTree(f"/{path.relative_to(tree)} names {trace.decode()} of the build host")
