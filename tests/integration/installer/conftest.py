"""Machines for the installer: a tree of their own over this one's, and a network with one address."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).parents[3]
STAGES = ("first", "second")
# The tree lies on a tmpfs, as an overlay's upper layer may not be below its lower one; what it got is copied out.
ENTER = """
set -e
mount -t tmpfs tmpfs "$LAYERS"
mkdir "$LAYERS/upper" "$LAYERS/work" "$LAYERS/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$LAYERS/upper,workdir=$LAYERS/work" "$LAYERS/root"
mount --rbind /dev "$LAYERS/root/dev"
mount -t proc proc "$LAYERS/root/proc"
mount --rbind /sys "$LAYERS/root/sys"
rm -rf "$LAYERS/root/etc/xdr" "$LAYERS/root/var/lib/xdr-install"
mkdir -p "$LAYERS/root/var/lib/xdr-bundles" "$LAYERS/root/root/.ssh" "$LAYERS/root/etc/ssh"
cp -a "$BUNDLE" "$LAYERS/root/var/lib/xdr-bundles/current"
cp -a "$FILES/." "$LAYERS/root/"
ip link set lo up
ip link add eth0 type veth peer name cable
ip address add "$ADDRESS/24" dev eth0
ip link set cable up
ip link set eth0 up
status=0
chroot "$LAYERS/root" env -C "$PROJECT" PYTHONPATH="$PROJECT" "$PYTHON" -c 'from installer.cli import main; main()' "$@" || status=$?
cp -a "$LAYERS/upper/." "$RESULT/"
exit $status
"""


class Terminal:
    """A program that somebody types into."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        self.said = ""
        self._seen = 0
        self.program = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
        )
        os.close(theirs)

    def expect(self, pattern: str) -> "re.Match[str]":
        """Wait until it says that, after what was last expected."""
        until = time.monotonic() + 120
        while True:
            found = re.search(pattern, self.said[self._seen :])
            if found:
                self._seen += found.end()
                return found
            assert time.monotonic() < until, f"{pattern!r} was not said:\n{self.said}"
            assert self._hear(), f"ended before {pattern!r}:\n{self.said}"

    def answer(self, pattern: str, typed: str = "") -> None:
        self.expect(pattern)
        os.write(self._ours, typed.encode() + b"\n")

    def finish(self) -> int:
        until = time.monotonic() + 120
        while self._hear():
            assert time.monotonic() < until, f"did not end:\n{self.said}"
        return self.program.wait(60)

    def close(self) -> None:
        if self.program.poll() is None:
            self.program.kill()
        self.program.wait()
        os.close(self._ours)

    def _hear(self) -> bool:
        """False once it has ended and nobody holds the terminal any more."""
        ready, _, _ = select.select([self._ours], [], [], 1)
        if not ready:
            return True
        try:
            heard = os.read(self._ours, 65536)
        except OSError:
            return False
        self.said += heard.decode().replace("\r\n", "\n")
        return bool(heard)


class Machine:
    """One with `xdr-install`; its files are below `result` once it ended."""

    def __init__(self, folder: Path, address: str) -> None:
        self._folder, self._address = folder, address
        self.files, self.result = folder / "files", folder / "result"
        for each in (self.files, self.result, folder / "layers"):
            each.mkdir(parents=True)
        # Restarting ssh is the one thing asked of systemd, which does not run here.
        self.put("usr/bin/systemctl", '#!/bin/sh\necho "$@" >> /asked-of-systemd\n', mode=0o755)

    def put(self, name: str, text: str, mode: int = 0o644) -> None:
        path = self.files / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def type_into(self, *arguments: str) -> Terminal:
        environment = os.environ | {
            "LAYERS": str(self._folder / "layers"), "FILES": str(self.files), "RESULT": str(self.result),
            "BUNDLE": str(self._folder.parent / "bundle"), "ADDRESS": self._address,
            "PYTHON": sys.executable, "PROJECT": str(PROJECT), "TERM": "dumb", "COLUMNS": "200",
        }  # fmt: skip
        command = [
            "unshare",
            "--mount",
            "--net",
            "--propagation",
            "private",
            "sh",
            "-c",
            ENTER,
            "sh",
            *arguments,
        ]
        return Terminal(command, environment)

    def __getitem__(self, name: str) -> str:
        return (self.result / name).read_text()


@pytest.fixture
def machines(tmp_path: Path) -> Callable[[str], Machine]:
    """Makes machines by their address; all have the same bundle, in which one file is not as its manifest says."""
    missing = [name for name in ("unshare", "chroot", "ip", "blkid", "ssh-keygen") if not shutil.which(name)]
    if os.getuid() != 0 or missing:
        pytest.skip(f"machines of their own need root{' and ' + ', '.join(missing) if missing else ''}")
    playbooks = tmp_path / "bundle/ansible/playbooks"
    playbooks.mkdir(parents=True)
    for stage in STAGES:
        task = {"name": f"The {stage} thing is made", "ansible.builtin.command": f"mkdir /made-{stage}",
                "args": {"creates": f"/made-{stage}"}}  # fmt: skip
        (playbooks / f"{stage}.yml").write_text(
            yaml.safe_dump([{"hosts": "xdr", "gather_facts": False, "tasks": [task]}])
        )
    index = [{"ansible.builtin.import_playbook": f"playbooks/{stage}.yml"} for stage in STAGES]
    (tmp_path / "bundle/ansible/ansible.cfg").write_text(
        "[defaults]\ninterpreter_python = /usr/bin/python3\n"
    )
    (tmp_path / "bundle/ansible/site.yml").write_text(yaml.safe_dump(index))
    (tmp_path / "bundle/manifest.sha256").write_text("0" * 64 + "  ansible/site.yml\n")
    return lambda address: Machine(tmp_path / address, address)
