"""
The built image in QEMU: its wizard, a whole first boot from a stick, and the installer medium on a blank disk.

    python -m tests.image.boot OUT [--only wizard|site|medium|uefi]

`restrict=on`: the machine reaches nothing but QEMU's own DHCP server. Serial consoles are kept in OUT/logs.
"""

import argparse
import base64
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from packer.virtual_machine import Machine, accelerator

_WIZARD = "What is this machine to be"
_ADDRESS = "10.0.2.15"
_SITE = f"""version: 1
cluster: stick
network: 10.0.2.0/24
nodes:
  - {{name: node1, address: {_ADDRESS}}}
watchdog: {{mode: off, reason: a single node has nobody to take over}}
"""
# systemd takes units from the firmware: nothing is changed in the image, and nobody has to log in.
_ASKING = """[Unit]
Description=Asks the doctor once first boot is over
After=multi-user.target

[Service]
Type=oneshot
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
TimeoutStartSec=infinity
ExecStart=/bin/sh -c 'until [ -e /var/lib/xdr-install/done ]; do sleep 2; done; i=0; until xdr doctor; do i=$((i+1)); [ $i -lt 30 ] || break; sleep 10; done; xdr doctor; echo XDR-TEST-RESULT=$?; xdr status; systemctl --failed --no-legend; echo XDR-TEST-END'
"""
_WANTS = "[Unit]\nWants=xdr-test-asking.service\n"
_BOOT_SECONDS = 1200
_INSTALL_SECONDS = 5400


class Proof:
    """What the tests share: the published files, and how machines are run here."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.name = next(iter(out.glob("*.qcow2"))).stem
        self.accelerator = accelerator(max((out / "work/tree/boot").glob("vmlinuz-*")))

    def machine(self, log: str, *drives: str, oem: list[str] | None = None, uefi: bool = False) -> Machine:
        return Machine(
            list(drives), self.out / "logs" / f"{log}.log", oem=oem, uefi=uefi, accel=self.accelerator
        )

    def view(self, folder: Path) -> str:
        """A copy-on-write view of the published disk."""
        place = folder / "view.qcow2"
        base = self.out / f"{self.name}.qcow2"
        subprocess.run(
            ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(base), str(place)],
            check=True,
        )
        return _drive(place)


def wizard(proof: Proof, folder: Path) -> None:
    """Without a site file the first boot asks, and what it asks first."""
    with proof.machine("wizard", proof.view(folder)) as machine:
        _on_serial(machine)
        machine.wait(_WIZARD, _BOOT_SECONDS, failing="Kernel panic")
        machine.wait("Choice", 60)
        machine.write("1\n")
        machine.wait("Name of the cluster", 60)


def site(proof: Proof, folder: Path) -> None:
    """With a stick that holds `site.yml` nobody is asked, and in the end the doctor finds nothing."""
    oem = [
        f"io.systemd.credential.binary:systemd.extra-unit.xdr-test-asking.service={_base64(_ASKING)}",
        f"io.systemd.credential.binary:systemd.unit-dropin.multi-user.target={_base64(_WANTS)}",
    ]
    stick = _stick(folder, {"site.yml": _SITE})
    with proof.machine("site", proof.view(folder), _drive(stick, "raw"), oem=oem) as machine:
        _on_serial(machine)
        machine.wait("site.yml found on the volume XDR-SITE", _BOOT_SECONDS, failing="Kernel panic")
        said = machine.wait(r"XDR-TEST-RESULT=\d+", _INSTALL_SECONDS, failing="Kernel panic")
        machine.wait("XDR-TEST-END", 300)
        if said != "XDR-TEST-RESULT=0":
            raise AssertionError(f"the doctor is not content: {said}; see {machine.log}")


def medium(proof: Proof, folder: Path) -> None:
    """Asked on the serial console, the medium installs on a blank disk, which then boots to the wizard."""
    disk = folder / "installed.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(disk), "48G"], check=True)
    iso = f"file={proof.out / proof.name}.iso,media=cdrom,readonly=on"
    with proof.machine("medium", _drive(disk), iso) as machine:
        machine.wait("Install Mini-XDR", 120)
        machine.write("s")
        machine.wait("Install on which disk", _BOOT_SECONDS, failing="damaged|Kernel panic")
        machine.write("/dev/vda\n")
        machine.wait("/dev/vda is blank", 60)
        # A slip changes nothing.
        machine.write("/dev/vdb\n")
        machine.wait("The names differ. Nothing was changed", 60)
        machine.write("\n")
        machine.wait("Install on which disk", 60)
        machine.write("/dev/vda\n")
        machine.wait("Type its name once more", 60)
        machine.write("/dev/vda\n")
        machine.wait("installed on /dev/vda", _INSTALL_SECONDS, failing="Kernel panic|Enter: try again")
    with proof.machine("medium-again", _drive(disk), iso, oem=["xdr.install=/dev/vda"]) as machine:
        # The disk comes first in the boot order; the medium is chosen by nobody, so the system boots.
        _on_serial(machine)
        machine.wait(_WIZARD, _BOOT_SECONDS, failing="Kernel panic")


def uefi(proof: Proof, folder: Path) -> None:
    """The same disk boots by UEFI; what was not blank is refused by the medium without a person."""
    with proof.machine("uefi", proof.view(folder), uefi=True) as machine:
        machine.wait("Mini-XDR Appliance: first boot", _BOOT_SECONDS, failing="Kernel panic")


_ALL: dict[str, Callable[[Proof, Path], None]] = {
    "wizard": wizard, "site": site, "medium": medium, "uefi": uefi,
}  # fmt: skip


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("out", type=Path)
    options.add_argument("--only", choices=sorted(_ALL), action="append")
    chosen = options.parse_args()
    proof = Proof(chosen.out.resolve())
    print(f"image: {proof.name}, by {proof.accelerator}", flush=True)
    seconds = {}
    for name, prove in _ALL.items():
        if chosen.only and name not in chosen.only:
            continue
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="xdr-image-", dir=proof.out / "work") as folder:
            prove(proof, Path(folder))
        seconds[name] = round(time.monotonic() - begun)
        print(f"image: {name} sound after {seconds[name]} s", flush=True)
    (proof.out / "logs/proof.json").write_text(json.dumps(seconds) + "\n")
    return 0


def _on_serial(machine: Machine) -> None:
    """Choose the menu's entry that asks on the serial console."""
    machine.wait("serial console", 300)
    machine.write("s")


def _drive(path: Path, kind: str = "qcow2") -> str:
    return f"file={path},format={kind},if=virtio,cache=unsafe,discard=unmap"


def _stick(folder: Path, files: dict[str, str]) -> Path:
    place = folder / "stick.img"
    with place.open("wb") as file:
        file.truncate(16 * 2**20)
    subprocess.run(["mkfs.vfat", "-n", "XDR-SITE", str(place)], check=True, stdout=subprocess.DEVNULL)
    for name, text in files.items():
        subprocess.run(["mcopy", "-i", str(place), "-", f"::{name}"], input=text.encode(), check=True)
    return place


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


if __name__ == "__main__":
    sys.exit(main())
