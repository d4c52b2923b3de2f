"""
A QEMU machine whose serial console is read and typed on; its whole output stays in a file as the proof.

    python -m packer.virtual_machine DISK LOG WORDS ACCELERATOR

boots a copy-on-write view of a disk until the words appear on its console.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

_PROBE_SECONDS = 10
_BOOT_SECONDS = 900
_FIRMWARE = Path("/usr/share/OVMF")


class NotSeen(Exception):
    """What was waited for did not appear on the console."""


def accelerator(kernel: Path) -> str:
    """
    `kvm` where it boots a kernel within 10 s, else `tcg`: a /dev/kvm that exists may not run all of a guest.

    Args:
        kernel: Any; it is given no root, so that it panics and resets at the end of its own start.
    """
    if not Path("/dev/kvm").exists():
        return "tcg"
    command = [
        "qemu-system-x86_64", "-accel", "kvm", "-cpu", "max", "-m", "512", "-display", "none", "-nodefaults",
        "-serial", "stdio", "-no-reboot", "-kernel", str(kernel), "-append", "console=ttyS0 panic=-1",
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PROBE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return "tcg"
    return "kvm" if b"Unable to mount root" in done.stdout else "tcg"


class Machine:
    """
    A running machine; leaving the context kills it.

    Args:
        drives: Values of `-drive`, in order.
        log: Where the serial console's output is kept.
        oem: OEM strings of the firmware (SMBIOS type 11): credentials of systemd, answers for the medium.
        uefi: Firmware is OVMF, otherwise SeaBIOS.
    """

    def __init__(
        self, drives: list[str], log: Path, *, oem: list[str] | None = None, uefi: bool = False,
        network: str = "user,id=n,restrict=on", snapshot: bool = False, accel: str = "tcg",
    ) -> None:  # fmt: skip
        self._folder = tempfile.TemporaryDirectory(prefix="xdr-vm-")
        self._socket = Path(self._folder.name) / "serial"
        self.log = log
        self._read_to = 0
        log.parent.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
        command = [
            "nice", "-n", "10", "qemu-system-x86_64", "-machine", f"q35,accel={accel}", "-cpu", "max",
            "-smp", "2", "-m", "4096", "-display", "none", "-vga", "std", "-no-reboot",
            "-netdev", network, "-device", "virtio-net-pci,netdev=n", "-device", "virtio-rng-pci",
            "-chardev", f"socket,id=s,path={self._socket},server=on,wait=off,logfile={log}",
            "-serial", "chardev:s", "-monitor", "none",
        ]  # fmt: skip
        for drive in drives:
            command += ["-drive", drive]
        for number, text in enumerate(oem or []):
            place = Path(self._folder.name) / f"oem-{number}"
            place.write_text(text)
            command += ["-smbios", f"type=11,path={place}"]
        if uefi:
            variables = Path(self._folder.name) / "variables.fd"
            shutil.copy(_FIRMWARE / "OVMF_VARS_4M.fd", variables)
            command += ["-drive", f"if=pflash,format=raw,readonly=on,file={_FIRMWARE}/OVMF_CODE_4M.fd"]
            command += ["-drive", f"if=pflash,format=raw,file={variables}"]
        if snapshot:
            command += ["-snapshot"]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def text(self) -> str:
        """All that the console said so far, without escape sequences."""
        said = self.log.read_bytes().decode(errors="replace") if self.log.exists() else ""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)|[\r\x00]", "", said)

    def wait(self, pattern: str, seconds: float, failing: str | None = None) -> str:
        """
        Wait until the console says something new that matches.

        Raises:
            NotSeen: Not within the time, or it said what `failing` names, or the machine is off.
        """
        end = time.monotonic() + seconds
        while True:
            said = self.text()
            # Only what the last wait had not seen.
            found = re.search(pattern, said[self._read_to :])
            if found:
                self._read_to += found.end()
                return found.group()
            if failing and (bad := re.search(failing, said[self._read_to :])):
                raise NotSeen(f"{bad.group()!r} instead of {pattern!r}; see {self.log}")
            if self._process.poll() is not None:
                raise NotSeen(f"the machine is off before {pattern!r}; see {self.log}")
            if time.monotonic() > end:
                raise NotSeen(f"{pattern!r} not within {seconds:.0f} s; see {self.log}")
            time.sleep(0.3)

    def wait_off(self, seconds: float) -> None:
        """
        Wait until the machine powered itself off.

        Raises:
            NotSeen: It did not.
        """
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise NotSeen(f"the machine is not off after {seconds:.0f} s; see {self.log}") from error

    def write(self, text: str) -> None:
        """Type on the serial console."""
        if not hasattr(self, "_connection"):
            self._connection = socket.socket(socket.AF_UNIX)
            self._connection.connect(str(self._socket))
        self._connection.sendall(text.encode())


def main(arguments: list[str]) -> int:
    disk, log, words, accel = arguments
    begun = time.monotonic()
    with Path(disk).open("rb") as file:
        kind = "qcow2" if file.read(4) == b"QFI\xfb" else "raw"
    with Machine([f"file={disk},format={kind},if=virtio"], Path(log), snapshot=True, accel=accel) as machine:
        machine.wait(words, _BOOT_SECONDS)
    print(f"boot: {words!r} after {time.monotonic() - begun:.0f} s, by {accel}; {log}")
    return 0


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main(sys.argv[1:]))
