"""
The whole image: bundle, tree, installer medium, disk, formats, parts list, sums.

    python -m packer.image OUT [--rules DIR] [--sign KEY] [--no-disk]

Runs as root. A step is done again only when what goes into it changed; a killed build goes on where it was.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

from packer import bundle, disks, medium, sbom, sealing, tree
from packer.virtual_machine import accelerator

HERE = Path(__file__).parent
PROJECT = HERE.parent
NAMESPACE = "xdr-image"
_TOOLS = ["mmdebstrap", "mksquashfs", "grub-mkrescue", "xorriso", "mformat", "qemu-img", "apt-ftparchive"]
_TOOLS_OF_DISK = ["packer", "qemu-system-x86_64"]
# grub-mkrescue leaves a way of booting out without a word if its modules are not there.
_GRUB = [Path("/usr/lib/grub/i386-pc"), Path("/usr/lib/grub/x86_64-efi")]
_ENDINGS = ("iso", "qcow2", "raw", "vhdx", "ova", "libvirt.box", "virtualbox.box", "cdx.json")
_LICENCES = ("licen[sc]e*", "copying*", "notice*")
_REFUSED = 3


class Build:
    """
    A build in a folder: `work/` keeps what steps hand on, the folder itself is what is published.

    Args:
        rules: A rule set to carry, with its licence.
    """

    def __init__(self, out: Path, rules: Path | None) -> None:
        self.out, self.work, self.rules = out, out / "work", rules
        self.work.mkdir(parents=True, exist_ok=True)
        self.version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
        self.name = f"mini-xdr-{self.version}"
        self.taken: list[str] = []
        self.published: list[Path] = []
        self._journal = self.work / "steps.json"
        self.steps: dict[str, dict[str, str | float]] = (
            json.loads(self._journal.read_text()) if self._journal.exists() else {}
        )

    def step(self, name: str, key: str, make: Callable[[], object], *made: Path) -> None:
        """Do `make` unless the journal says that it was done for this key and its files are there."""
        self.taken.append(name)
        self.published += [path for path in made if path.parent == self.out]
        known = self.steps.get(name, {})
        if known.get("key") == key and all(path.exists() for path in made):
            print(f"{name}: unchanged")
            return
        self.steps.pop(name, None)
        self._save()
        begun = time.monotonic()
        make()
        seconds = round(time.monotonic() - begun, 1)
        self.steps[name] = {"key": key, "seconds": seconds}
        self._save()
        sizes = ", ".join(f"{path.name} {_size(path) / 1e6:.0f} MB" for path in made)
        print(f"{name}: {seconds:.0f} s; {sizes}", flush=True)

    def file(self, ending: str) -> Path:
        """Where a published file lies."""
        return self.out / f"{self.name}.{ending}"

    def _save(self) -> None:
        partial = self._journal.with_suffix(".new")
        partial.write_text(json.dumps(self.steps, indent=1))
        partial.rename(self._journal)


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("out", type=Path)
    options.add_argument("--rules", type=Path, help="a rule set to carry, with its licence and authors")
    options.add_argument("--sign", type=Path, help="private key of ssh that signs SHA256SUMS")
    options.add_argument("--no-disk", action="store_true", help="end with the installer medium")
    chosen = options.parse_args()
    if refused := _refused(chosen.rules, with_disk=not chosen.no_disk):
        print(f"{refused}; nothing was made")
        return _REFUSED
    os.umask(0o022)
    build = Build(chosen.out.resolve(), chosen.rules and chosen.rules.resolve())
    _tree(build)
    if not chosen.no_disk:
        _disk(build)
        _formats(build)
    _parts(build)
    _publish(build, chosen.sign)
    return 0


def _refused(rules: Path | None, *, with_disk: bool) -> str:
    """Why nothing can be built here; empty if it can."""
    if os.geteuid() != 0:
        return "the tree belongs to root, so the build needs root"
    wanted = _TOOLS + (_TOOLS_OF_DISK if with_disk else [])
    missing = [tool for tool in wanted if not shutil.which(tool)]
    if missing := missing + [str(folder) for folder in _GRUB if not folder.is_dir()]:
        return f"not installed here: {', '.join(missing)}; docs/operations/image.md lists the packages"
    return "" if rules is None else refused_rules(rules)


def refused_rules(rules: Path) -> str:
    """Why an image may not carry a rule set; empty if it may."""
    if not rules.is_dir():
        return f"--rules {rules}: there is no such folder"
    names = [path.name.lower() for path in rules.iterdir() if path.is_file()]
    if not any(fnmatch(name, pattern) for name in names for pattern in _LICENCES):
        return f"--rules {rules}: no LICENSE, COPYING or NOTICE beside the rules, so nobody may pass them on"
    return ""


def _tree(build: Build) -> None:
    minimal = build.work / "minimal"
    wanted = (HERE / "base-packages.txt").read_text().split()
    build.step("minimal", _key(wanted), lambda: tree.minimal(minimal, wanted), minimal)
    place = build.work / "bundle"
    begun = time.monotonic()
    bundle.build(place, minimal)
    print(f"bundle: {time.monotonic() - begun:.0f} s")
    sources = [HERE / name for name in ("tree.py", "sealing.py", "image-packages.txt", "base-packages.txt")]
    key = _key(tree.number_of(place), tree.epoch(), _digest_of(build.rules), *map(_digest_of, sources),
               _digest_of(HERE / "in_tree"))  # fmt: skip
    listed = build.work / "tree.list"
    build.step("tree", key, lambda: tree.make(build.work, place, build.rules), build.work / "tree", listed)
    key = _key(sealing.digest(listed), _digest_of(HERE / "on_medium"), _digest_of(HERE / "medium.py"))
    iso = build.file("iso")
    build.step("medium", key, lambda: medium.make(build.work, iso), iso)


def _disk(build: Build) -> None:
    folder = build.work / "disk"
    iso = build.file("iso")
    digest = sealing.digest(iso)
    key = _key(digest, *(_digest_of(path) for path in sorted(HERE.glob("*.hcl"))))
    build.step("disk", key, lambda: _packer(build, folder, iso, digest), folder / "disk.qcow2")


def _packer(build: Build, folder: Path, iso: Path, digest: str) -> None:
    """The medium installs itself on a blank disk, and the disk is booted once."""
    accel = accelerator(max((build.work / "tree/boot").glob("vmlinuz-*")))
    print(f"disk: by {accel}", flush=True)
    logs = build.out / "logs"
    logs.mkdir(exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    given = {
        "medium": iso, "medium_sha256": digest, "output": folder, "logs": logs, "accelerator": accel,
        "python": sys.executable,
    }  # fmt: skip
    variables = [word for name, value in given.items() for word in ("-var", f"{name}={value}")]
    subprocess.run(
        ["packer", "build", "-var-file", str(HERE / "debian-13.pkrvars.hcl"), *variables, str(HERE)],
        cwd=PROJECT,
        check=True,
        env={
            **os.environ,
            "CHECKPOINT_DISABLE": "1",
            "PACKER_NO_COLOR": "1",
            "PACKER_CACHE_DIR": str(build.work / "packer-cache"),
        },
    )


def _formats(build: Build) -> None:
    disk = build.work / "disk/disk.qcow2"
    key = _key(str(build.steps["disk"]["key"]), _digest_of(HERE / "disks.py"))
    for kind in ("qcow2", "raw", "vhdx"):
        target = build.file(kind)
        build.step(kind, key, lambda target=target, kind=kind: disks.convert(disk, target, kind), target)  # type: ignore[misc]
    vmdk = build.work / f"{build.name}.vmdk"
    build.step("vmdk", key, lambda: disks.convert(disk, vmdk, "vmdk"), vmdk)
    size = disks.capacity(disk)
    build.step("ova", key, lambda: disks.ova(vmdk, build.file("ova"), size), build.file("ova"))
    for provider, of in (("libvirt", build.file("qcow2")), ("virtualbox", vmdk)):
        target = build.file(f"{provider}.box")
        build.step(
            f"box {provider}", key,
            lambda of=of, target=target, provider=provider: disks.box(of, target, provider, size),  # type: ignore[misc]
            target,
        )  # fmt: skip


def _parts(build: Build) -> None:
    place = build.work / "bundle"
    parts = [
        *sbom.debian((build.work / "tree/var/lib/dpkg/status").read_text()),
        *sbom.wheels(place / "wheels"),
        *sbom.wheels(place / "installer"),
        *sbom.npm((PROJECT / "appliance/web/ui/package-lock.json").read_text()),
    ]
    if build.rules:
        parts.append(sbom.rules(build.rules, _digest_of(build.rules)))
    text = sbom.make(parts, version=build.version, commit=_commit(), epoch=int(tree.epoch()))
    build.file("cdx.json").write_text(text)
    build.published.append(build.file("cdx.json"))
    print(f"parts: {len(parts)} components")


def _publish(build: Build, key: Path | None) -> None:
    """The manifest names every file; SHA256SUMS covers the manifest, and a signature covers SHA256SUMS."""
    begun = time.monotonic()
    # What an earlier run left (disks, and now --no-disk) was made of another tree and is not vouched for.
    for path in sorted({build.file(ending) for ending in _ENDINGS} - set(build.published)):
        if path.exists():
            print(f"removed: {path.name}, of an earlier build")
            path.unlink()
    files = {path.name: (path.stat().st_size, sealing.digest(path)) for path in sorted(build.published)}
    about = {
        "version": build.version,
        "commit": _commit(),
        "source_date_epoch": int(tree.epoch()),
        "bundle": tree.number_of(build.work / "bundle"),
        "tree_sha256": sealing.digest(build.work / "tree.list"),
        "files": {name: {"bytes": size, "sha256": digest} for name, (size, digest) in files.items()},
        "seconds": {name: build.steps[name]["seconds"] for name in build.taken},
        "signature": f"SHA256SUMS.sig, ssh-keygen, name space {NAMESPACE}" if key else "unsigned",
    }
    manifest = build.out / "manifest.json"
    manifest.write_text(json.dumps(about, indent=1) + "\n")
    sums = build.out / "SHA256SUMS"
    lines = [f"{digest}  {name}" for name, (_, digest) in files.items()]
    sums.write_text("\n".join([*lines, f"{sealing.digest(manifest)}  manifest.json"]) + "\n")
    signature = build.out / "SHA256SUMS.sig"
    signature.unlink(missing_ok=True)
    if key:
        subprocess.run(
            ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(sums)], check=True
        )
    print(f"sums: {time.monotonic() - begun:.0f} s")
    for name, (size, _) in files.items():
        print(f"  {size / 1e6:8.0f} MB  {name}")


def _commit() -> str:
    def git(*words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=PROJECT, check=True, capture_output=True, text=True
        ).stdout.strip()

    return git("rev-parse", "HEAD") + ("-changed" if git("status", "--porcelain") else "")


def _key(*parts: object) -> str:
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()


def _digest_of(path: Path | None) -> str:
    """SHA-256 of a file, or of all names, contents and executable bits of a folder."""
    if path is None:
        return "none"
    if path.is_file():
        return sealing.digest(path)
    inner = sorted(each for each in path.rglob("*") if each.is_file())
    return _key(*[
        (each.relative_to(path), each.stat().st_mode & 0o100, sealing.digest(each)) for each in inner
    ])  # fmt: skip


def _size(path: Path) -> int:
    """What a file or a folder takes on the disk, in bytes."""
    if path.is_file():
        return path.stat().st_blocks * 512
    return sum(each.lstat().st_blocks * 512 for each in path.rglob("*"))


if __name__ == "__main__":
    sys.exit(main())
