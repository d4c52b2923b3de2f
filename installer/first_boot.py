"""
From an image's first boot to a running node: a site file that somebody brought, or a few questions.

Looked for, in this order: `/etc/xdr/site.yml`; a volume labelled `XDR-SITE` (a stick) or `cidata` (a seed of
cloud-init, NoCloud) with `site.yml`, `xdr-site.yml`, `join.token`, or a site's file as `user-data`. Otherwise
the wizard asks. Whoever sits at the console may correct what failed; nobody there leaves all as it was.
"""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from installer import answers, files, inventory, joining, wizard
from installer.failures import ExitCode, InstallFailure
from installer.paths import Paths
from installer.wizard import Ask, Say, Wizard

# Gets whether to install although checks failed.
Install = Callable[[bool], None]
_LABELS = ("XDR-SITE", "cidata", "CIDATA")
_SITE_NAMES = ("site.yml", "xdr-site.yml")
_TOKEN_NAME = "join.token"  # noqa: S105 — a file's name
_TOKEN_HOURS = 24
_SEED_NAME = "user-data"
_MAX_BYTES = 256 * 1024
# A stick comes from anywhere: no other code of the kernel than this reads it.
_KINDS = "vfat,iso9660,ext4"
AGAIN, ANEW, DESPITE, LEAVE = "", "a", "d", "l"


def run(paths: Paths, ask: Ask | None, say: Say, *, install: Install, let_in: Callable[[], None]) -> None:
    """
    Go on until this node is installed, or waits for its cluster.

    Args:
        ask: None where nobody sits at a terminal: the first failure ends it.
        install: Does what the site's file says.
        let_in: Has ssh read its new host key, by which a controller knows this machine.

    Raises:
        InstallFailure: Nobody is there to correct it, or the person there gave up.
    """
    interviewer = Wizard(ask, say) if ask else None
    despite_findings = False
    while True:
        try:
            if bring_answers(paths, interviewer, say):
                if ask:
                    _show_tokens(paths, ask, say)
                install(despite_findings)
            else:
                let_in()
                say("this machine waits for its cluster: xdr node join, or replace, on a node of it")
            break
        except InstallFailure as failure:
            if ask is None:
                raise
            say(f"\n{failure}\nnext: {failure.next_step}\n")
            despite_findings = _after(failure, paths, ask, say)
    for line in fingerprints(paths):
        say(line)
    files.write(paths.state / "done", "")


def bring_answers(paths: Paths, interviewer: Wizard | None, say: Say) -> bool:
    """
    Have `site.yml`, or accept a token.

    Returns:
        Whether this node is to install; False where it waits for a controller.

    Raises:
        InstallFailure: What was brought is wrong, or nothing was and nobody can be asked.
    """
    if paths.site.exists():
        say(f"{paths.site} is there")
        answers.read(paths.site)
        return True
    brought = _brought(say)
    if brought is not None:
        return _take(brought, paths)
    if interviewer is None:
        raise InstallFailure(
            f"no {paths.site}, no volume labelled {' or '.join(_LABELS[:2])}, and no terminal to ask on",
            next_step="bring the site's file; docs/operations/installing.md says how",
            code=ExitCode.NEEDS_HUMAN,
        )
    return _interview(paths, interviewer)


def _interview(paths: Paths, interviewer: Wizard) -> bool:
    kind = interviewer.choose()
    if kind == wizard.JOIN:
        return _take((_TOKEN_NAME, interviewer.token()), paths)
    text = answers.write(interviewer.site(kind))
    files.write(paths.site, text)
    return True


def _take(brought: tuple[str, str], paths: Paths) -> bool:
    name, text = brought
    if name == _TOKEN_NAME:
        joining.accept(joining.decode(text), paths)
        return False
    answers.parse(text, source=name)
    files.write(paths.site, text)
    return True


def _show_tokens(paths: Paths, ask: Ask, say: Say) -> None:
    """The other machines need a token each, and this console may be all there is to make them on."""
    site = answers.read(paths.site)
    node = inventory.controller(site)
    inventory.write(site, node, paths)
    new = [each for each in site.nodes if each != node and not inventory.knows(paths, each.address)]
    if not new:
        return
    say("\nEach of the other machines asks for its token (choice 3 there). Secret, and shown once:\n")
    for each in new:
        token = joining.make(site, each.name, each.address, hours=_TOKEN_HOURS, paths=paths)
        say(f"{each.name}, {each.address}:\n{token}\n")
    ask("Enter when they wait for their cluster", "")


def _after(failure: InstallFailure, paths: Paths, ask: Ask, say: Say) -> bool:
    """What the person at the console wants next; whether to install despite findings."""
    has_findings = failure.code == ExitCode.FINDINGS
    say("Enter  try again\na      answer anew")
    if has_findings:
        say("d      install despite these findings")
    say("l      leave, to a login; `xdr-install first-boot` goes on from there, and so does the next boot")
    chosen = ask("What next", AGAIN).lower()
    if chosen == LEAVE:
        raise failure
    if chosen == ANEW and paths.site.exists():
        paths.site.replace(paths.site.with_name("site.yml.before"))
    return chosen == DESPITE and has_findings


def _brought(say: Say) -> tuple[str, str] | None:
    """Name and text of the first file of ours on a labelled volume."""
    for label in _LABELS:
        device = _labelled(label)
        if device is None:
            continue
        with _mounted(device) as folder:
            for name in (*_SITE_NAMES, _TOKEN_NAME, _SEED_NAME):
                text = read_brought(folder / name)
                if text is None or (name == _SEED_NAME and not _is_site(text)):
                    continue
                say(f"{name} found on the volume {label}")
                return name, text
    return None


def _labelled(label: str) -> Path | None:
    found = subprocess.run(  # noqa: S603 — labels of ours
        # Without its cache, which remembers sticks that were drawn.
        ["blkid", "-c", "/dev/null", "-l", "-o", "device", "-t", f"LABEL={label}"],  # noqa: S607
        capture_output=True, text=True, check=False,
    ).stdout.strip()  # fmt: skip
    return Path(found) if found else None


def read_brought(path: Path) -> str | None:
    """
    The text of a file on a volume that anybody may have written, or None where it is not there.

    Raises:
        InstallFailure: It is no plain file of a sensible size.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InstallFailure(
            f"{path.name}: {error.strerror}", next_step="write it as a plain file, not as a link"
        ) from error
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise InstallFailure(
            f"{path.name}: larger than {_MAX_BYTES} bytes", next_step="it is no file of ours"
        )
    return data.decode(errors="replace")


def _is_site(text: str) -> bool:
    """Whether `user-data` is a site's file, and not a configuration or a script for cloud-init."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return not first.startswith(("#cloud-config", "#!", "#include", "Content-Type:")) and "\ncluster:" in text


@contextlib.contextmanager
def _mounted(device: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="xdr-volume-") as folder:
        done = subprocess.run(  # noqa: S603 — a device with a label of ours
            ["mount", "-t", _KINDS, "-o", "ro,nosuid,nodev,noexec", str(device), folder],  # noqa: S607
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise InstallFailure(
                f"{device} could not be mounted: {done.stderr.strip()}",
                next_step="write the volume anew (FAT, ISO 9660 or ext4)",
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
