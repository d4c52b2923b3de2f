"""
From an image's first boot to a running node: a site file that somebody brought, or a few questions.

Looked for, in this order: `/etc/xdr/site.yml`; a volume labelled `XDR-SITE` (a stick) or `cidata` (a seed of
cloud-init, NoCloud) with `site.yml`, `xdr-site.yml` or `join.token`. Otherwise the wizard asks.
"""

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from installer import answers, files, joining, wizard
from installer.failures import InstallFailure
from installer.paths import Paths
from installer.wizard import Ask, Say

_LABELS = ("XDR-SITE", "cidata", "CIDATA")
_SITE_NAMES = ("site.yml", "xdr-site.yml")
_TOKEN_NAME = "join.token"  # noqa: S105 — a file's name


def bring_answers(paths: Paths, ask: Ask, say: Say) -> bool:
    """
    Have `site.yml`, or let a controller in.

    Returns:
        Whether this node is to install; False where it waits for a controller.

    Raises:
        InstallFailure: What was brought is wrong. Nothing was changed.
    """
    if paths.site.exists():
        say(f"{paths.site} is there")
        answers.read(paths.site)
        return True
    brought = _brought(say)
    if brought is not None:
        return _take(brought, paths)
    return _ask(paths, ask, say)


def _ask(paths: Paths, ask: Ask, say: Say) -> bool:
    kind = wizard.choose(ask, say)
    if kind == wizard.JOIN:
        return _take((_TOKEN_NAME, ask("Token", "")), paths)
    while True:
        text = answers.write(wizard.site(kind, ask, say))
        say(f"\nThis is what will be installed:\n\n{text}")
        if ask("Install it (y/n)", "y").lower().startswith("y"):
            files.write(paths.site, text)
            return True


def _take(brought: tuple[str, str], paths: Paths) -> bool:
    name, text = brought
    if name == _TOKEN_NAME:
        joining.accept(joining.decode(text), paths)
        joining.reload_ssh()
        return False
    answers.parse(text, source=name)
    files.write(paths.site, text)
    return True


def _brought(say: Say) -> tuple[str, str] | None:
    """Name and text of the first file of ours on a labelled volume."""
    for label in _LABELS:
        device = Path("/dev/disk/by-label") / label
        if not device.exists():
            continue
        with _mounted(device) as folder:
            for name in (*_SITE_NAMES, _TOKEN_NAME):
                path = folder / name
                if path.is_file():
                    say(f"{name} found on the volume {label}")
                    return name if name == _TOKEN_NAME else "site.yml", path.read_text()
    return None


@contextlib.contextmanager
def _mounted(device: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="xdr-volume-") as folder:
        done = subprocess.run(  # noqa: S603 — a device that udev named
            ["mount", "-o", "ro,nosuid,nodev,noexec", str(device.resolve()), folder],  # noqa: S607
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise InstallFailure(
                f"{device} could not be mounted: {done.stderr.strip()}",
                next_step="write the volume anew (FAT or ISO 9660)",
            )
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=False)  # noqa: S603, S607


def fingerprints(paths: Paths) -> list[str]:
    """Lines by which people recognise this node later."""
    found = []
    public = paths.host_key.with_name(paths.host_key.name + ".pub")
    if public.exists():
        said = _said("ssh-keygen", "-l", "-f", str(public)).split()
        found.append(f"ssh host key   {said[1]}")
    if paths.authority.exists():
        said = _said(
            "openssl", "x509", "-in", str(paths.authority), "-noout", "-fingerprint", "-sha256"
        ).split("=")
        found.append(f"authority      SHA-256 {said[1].strip()}")
    return found


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603
