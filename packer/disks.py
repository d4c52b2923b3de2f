"""The disk in the formats that hypervisors take: qcow2, raw, OVA, VHDX, and Vagrant boxes."""

import io
import json
import subprocess
import tarfile
from hashlib import file_digest
from pathlib import Path
from xml.sax.saxutils import escape

from packer.tree import epoch

_GIB = 2**30
_OVF = """<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
 xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"
 xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData">
  <References><File ovf:href="{disk}" ovf:id="file1" ovf:size="{size}"/></References>
  <DiskSection><Info>Disks</Info>
    <Disk ovf:capacity="{capacity}" ovf:capacityAllocationUnits="byte" ovf:diskId="disk1" ovf:fileRef="file1"
     ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
  </DiskSection>
  <NetworkSection><Info>Networks</Info>
    <Network ovf:name="nodes"><Description>Network of the nodes</Description></Network>
  </NetworkSection>
  <VirtualSystem ovf:id="{name}"><Info>A node</Info><Name>{name}</Name>
    <OperatingSystemSection ovf:id="96"><Info>Debian 64-bit</Info></OperatingSystemSection>
    <VirtualHardwareSection><Info>Hardware</Info>
      <System><vssd:ElementName>Virtual Hardware Family</vssd:ElementName><vssd:InstanceID>0</vssd:InstanceID>
        <vssd:VirtualSystemIdentifier>{name}</vssd:VirtualSystemIdentifier>
        <vssd:VirtualSystemType>vmx-13</vssd:VirtualSystemType></System>
{items}
    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
"""
# Elements of an item stand in the schema's (alphabetical) order; importers refuse others.
_ITEMS: list[dict[str, str]] = [
    {"AllocationUnits": "hertz * 10^6", "ElementName": "2 processors", "InstanceID": "1", "ResourceType": "3",
     "VirtualQuantity": "2"},
    {"AllocationUnits": "byte * 2^20", "ElementName": "8192 MB of memory", "InstanceID": "2",
     "ResourceType": "4", "VirtualQuantity": "8192"},
    {"Address": "0", "ElementName": "SATA controller", "InstanceID": "3", "ResourceSubType": "AHCI",
     "ResourceType": "20"},
    {"AddressOnParent": "0", "ElementName": "Disk 1", "HostResource": "ovf:/disk/disk1", "InstanceID": "4",
     "Parent": "3", "ResourceType": "17"},
    {"AddressOnParent": "1", "AutomaticAllocation": "true", "Connection": "nodes", "ElementName": "Network 1",
     "InstanceID": "5", "ResourceSubType": "E1000", "ResourceType": "10"},
]  # fmt: skip


def convert(disk: Path, target: Path, kind: str) -> None:
    """Write `disk` as qcow2, raw, vmdk or vhdx; empty parts take no room but in none."""
    options = {
        "qcow2": ["-c", "-o", "compression_type=zstd"],
        "raw": [],
        "vmdk": ["-o", "subformat=streamOptimized"],
        "vhdx": ["-o", "subformat=dynamic"],
    }[kind]
    partial = target.with_suffix(".new")
    subprocess.run(
        ["qemu-img", "convert", "-q", "-m", "2", "-O", kind, *options, str(disk), str(partial)], check=True
    )
    partial.rename(target)


def capacity(disk: Path) -> int:
    """What a machine sees of a disk, in bytes."""
    said = subprocess.run(
        ["qemu-img", "info", "--output=json", str(disk)], check=True, capture_output=True, text=True
    ).stdout
    size: int = json.loads(said)["virtual-size"]
    return size


def descriptor(name: str, vmdk: Path, size: int) -> str:
    """
    The OVF descriptor of one node: two processors, 8 GB, one disk, one wire.

    Args:
        size: Capacity of the disk in bytes.
    """
    items = "\n".join(
        "      <Item>"
        + "".join(f"<rasd:{key}>{escape(value)}</rasd:{key}>" for key, value in item.items())
        + "</Item>"
        for item in _ITEMS
    )
    return _OVF.format(
        disk=vmdk.name, size=vmdk.stat().st_size, capacity=size, name=escape(name), items=items
    )


def ova(vmdk: Path, target: Path, size: int) -> None:
    """An OVA: descriptor, manifest, disk, in the order that the standard asks for."""
    text = descriptor(target.stem, vmdk, size)
    listed = "".join(
        f"SHA256({name})= {digest}\n"
        for name, digest in (
            (f"{target.stem}.ovf", file_digest(io.BytesIO(text.encode()), "sha256").hexdigest()),
            (vmdk.name, _digest(vmdk)),
        )
    )
    _pack(target, {f"{target.stem}.ovf": text, f"{target.stem}.mf": listed, vmdk.name: vmdk})


def box(disk: Path, target: Path, provider: str, size: int) -> None:
    """A Vagrant box of a qcow2 (libvirt) or a VMDK (virtualbox)."""
    about: dict[str, object] = {"provider": provider, "architecture": "amd64"}
    # The image has no user of Vagrant: keys of administrators come with site.yml.
    own = 'Vagrant.configure("2") { |config| config.ssh.username = "root" }\n'
    if provider == "libvirt":
        about |= {"format": "qcow2", "virtual_size": -(-size // _GIB)}
        _pack(target, {"metadata.json": json.dumps(about), "Vagrantfile": own, "box.img": disk})
        return
    text = descriptor("xdr", disk, size)
    _pack(target, {"metadata.json": json.dumps(about), "Vagrantfile": own, "box.ovf": text, disk.name: disk})


def _pack(target: Path, members: dict[str, str | Path]) -> None:
    partial = target.with_suffix(".new")
    with tarfile.open(partial, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in members.items():
            about = tarfile.TarInfo(name)
            about.mode, about.mtime = 0o644, int(epoch())
            if isinstance(content, str):
                about.size = len(content.encode())
                archive.addfile(about, io.BytesIO(content.encode()))
                continue
            about.size = content.stat().st_size
            with content.open("rb") as file:
                archive.addfile(about, file)
    partial.rename(target)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
