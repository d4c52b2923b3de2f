"""
The installer medium: an ISO that boots by BIOS and UEFI and writes the tree on a disk somebody names.

    python -m packer.medium OUT

The tree's SHA-256 stands in the boot menu; the initramfs compares it before it mounts the tree.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from packer import sealing
from packer.tree import epoch

HERE = Path(__file__).parent
LABEL = "XDR-MEDIUM"


def make(out: Path, target: Path) -> Path:
    """
    Make `target` from `out`/tree and its list.

    Returns:
        The ISO; it can be written to a stick as it is.
    """
    folder = out / "medium"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "xdr").mkdir(parents=True)
    (folder / "boot/grub").mkdir(parents=True)
    packed = folder / "xdr/tree.squashfs"
    _run(
        "mksquashfs", str(out / "tree"), str(packed), "-comp", "zstd", "-Xcompression-level", "6",
        "-noappend", "-no-progress", "-quiet", "-xattrs",
    )  # fmt: skip
    shutil.copy(out / "tree.list", folder / "xdr/tree.list")
    shutil.copy(HERE / "on_medium/install", folder / "xdr/install")
    for name, pattern in (("vmlinuz", "vmlinuz-*"), ("initrd", "initrd.img-*")):
        shutil.copy(max((out / "tree/boot").glob(pattern)), folder / "boot" / name)
    menu = (HERE / "on_medium/grub.cfg").read_text().replace("@TREE@", sealing.digest(packed))
    (folder / "boot/grub/grub.cfg").write_text(menu)
    partial = target.with_suffix(".new")
    _run("grub-mkrescue", "-o", str(partial), str(folder), "--", "-volid", LABEL)
    partial.rename(target)
    shutil.rmtree(folder)
    return target


def _run(*command: str) -> None:
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env={**os.environ, "SOURCE_DATE_EPOCH": epoch()}
    )
    if done.returncode:
        raise SystemExit(f"{command[0]} failed: {done.stderr.strip()[-2000:]}")


if __name__ == "__main__":
    place = Path(sys.argv[1]).resolve()
    made = make(place, place / "medium.iso")
    print(f"medium: {made.stat().st_size / 1e6:.0f} MB")
