"""What only other programs can judge; not run where they are missing, and then listed so."""

import shutil
import subprocess
import tarfile
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from packer import disks

_PACKER = Path(disks.__file__).parent
_PROJECT = _PACKER.parent


def _needs(tool: str) -> str:
    found = shutil.which(tool)
    if not found:
        pytest.skip(f"{tool} is not installed")
    return found


def test_packer_accepts_the_definition() -> None:
    packer = _needs("packer")
    given = {"medium": "medium.iso", "medium_sha256": "0" * 64, "output": "out", "logs": "logs",
             "accelerator": "tcg", "python": "python3"}  # fmt: skip
    variables = [word for name, value in given.items() for word in ("-var", f"{name}={value}")]
    subprocess.run([packer, "fmt", "-check", _PACKER], check=True)
    subprocess.run(
        [packer, "validate", "-var-file", _PACKER / "debian-13.pkrvars.hcl", *variables, _PACKER], check=True
    )


def test_scripts_of_image_and_medium_are_sound() -> None:
    shellcheck = _needs("shellcheck")
    scripts = [
        path
        for folder in ("in_tree", "on_medium")
        for path in (_PACKER / folder).rglob("*")
        if path.is_file() and path.read_bytes().startswith((b"#!/bin/", b"# shellcheck shell"))
    ]
    assert len(scripts) >= 5
    subprocess.run([shellcheck, "--exclude=SC1091", *scripts], check=True)


def test_vagrantfile_is_ruby() -> None:
    subprocess.run([_needs("ruby"), "-c", _PROJECT / "Vagrantfile"], check=True)


def test_an_ova_holds_descriptor_sums_and_disk_in_this_order(tmp_path: Path) -> None:
    vmdk = tmp_path / "xdr.vmdk"
    vmdk.write_bytes(b"disk")
    target = tmp_path / "xdr.ova"
    disks.ova(vmdk, target, 48 * 2**30)
    with tarfile.open(target) as archive:
        assert archive.getnames() == ["xdr.ovf", "xdr.mf", "xdr.vmdk"]
        descriptor = archive.extractfile("xdr.ovf")
        listed = archive.extractfile("xdr.mf")
        assert descriptor
        assert listed
        root = ET.fromstring(descriptor.read())
        sums = listed.read().decode()
    name = "{http://schemas.dmtf.org/ovf/envelope/1}"
    disk = root.find(f"{name}DiskSection/{name}Disk")
    assert disk is not None
    assert disk.get(f"{name}capacity") == str(48 * 2**30)
    assert sums.count("SHA256(") == 2
