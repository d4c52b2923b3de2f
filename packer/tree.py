"""
The root tree of the image: minimal Debian, kernel, boot loader and the roles of an installation, sealed.

    python -m packer.tree OUT BUNDLE

Everything of the product is put there by the bundle's own `image.yml`, run inside the tree without a network,
so that an image and an installation on bare Debian differ in nothing. Two runs give the same digest of files
as long as Debian's archive is the same.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from packer import sealing

HERE = Path(__file__).parent
PROJECT = HERE.parent
SUITE = "trixie"  # from the mirror that mmdebstrap takes by itself
_ENABLED = ["systemd-networkd", "xdr-host-keys", "xdr-take-network", "xdr-first-boot"]
_KEPT_OUT = ["/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*"]
# The tree's own /proc, /dev, /run and /tmp, in a name space that ends with the command, and no network.
_INSIDE = """
set -e
mount --rbind /dev "$TREE/dev"
mount -t proc proc "$TREE/proc"
mount -t sysfs -o ro sysfs "$TREE/sys"
mount -t tmpfs tmpfs "$TREE/run"
mount -t tmpfs tmpfs "$TREE/tmp"
exec chroot "$TREE" "$@"
"""


def make(out: Path, bundle: Path, rules: Path | None = None) -> Path:
    """
    A sealed tree in `out`/tree; its list of files is `out`/tree.list.

    Args:
        bundle: What nodes install from, with its manifest.
        rules: A rule set to carry in /usr/share/xdr/rules, with its licence.
    """
    tree = out / "tree"
    base = base_archive(out)
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    _run("tar", "--extract", "--file", str(base), "--directory", str(tree), "--numeric-owner", "--xattrs",
         "--xattrs-include=*")  # fmt: skip
    _put_bundle(tree, bundle)
    of_debian = starting(tree)
    _install(tree)
    # Debian starts what it installs: before a site is known, an etcd with a cluster of its own and an nginx
    # with its example page. The roles enable each service once it is configured.
    if waiting := sorted(starting(tree) - of_debian):
        inside(tree, "systemctl", "disable", *waiting)
    put(HERE / "in_tree", tree)
    if rules:
        place = tree / "usr/share/xdr/rules" / rules.name
        place.parent.mkdir(parents=True)
        _run("cp", "--recursive", "--no-preserve=all", "--no-target-directory", str(rules), str(place))
    inside(tree, "systemctl", "enable", *_ENABLED)
    inside(tree, "systemctl", "set-default", "multi-user.target")
    sealing.seal(tree)
    _compile(tree)
    inside(tree, "update-initramfs", "-u", "-k", "all")
    sealing.end(tree, [str(out), str(PROJECT)])
    lines = sealing.listing(tree)
    (out / "tree.list").write_text("\n".join(lines) + "\n")
    return tree


def starting(tree: Path) -> set[str]:
    """Units that a boot of the tree starts because somebody enabled them."""
    return {link.name for link in (tree / "etc/systemd/system").glob("*.wants/*")}


def put(source: Path, tree: Path) -> None:
    """Copy files over a tree, with modes that do not depend on the umask of the checkout: 0755 or 0644."""
    for path in sorted(each for each in source.rglob("*") if each.is_file()):
        target = tree / path.relative_to(source)
        for folder in reversed(target.relative_to(tree).parents):
            if not (tree / folder).exists():
                (tree / folder).mkdir()
                (tree / folder).chmod(0o755)
        shutil.copyfile(path, target)
        target.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


def base_archive(out: Path) -> Path:
    """Debian without anything of ours, as a tar; made once for a list of packages."""
    wanted = sorted(
        {
            *(HERE / "base-packages.txt").read_text().split(),
            *(HERE / "image-packages.txt").read_text().split(),
        }
    )
    key = hashlib.sha256(" ".join([SUITE, *_KEPT_OUT, *wanted]).encode()).hexdigest()[:12]
    made = out / f"base-{key}.tar"
    if not made.exists():
        print(f"tree: debootstrapping {SUITE}, {len(wanted)} packages and what they need")
        partial = made.with_suffix(".new.tar")
        _debootstrap(wanted, partial)
        partial.rename(made)
    return made


def _debootstrap(wanted: list[str], target: Path) -> None:
    _run(
        "mmdebstrap", "--quiet", "--variant=minbase", "--components=main", f"--include={','.join(wanted)}",
        "--aptopt=Acquire::Languages none", *[f"--dpkgopt=path-exclude={pattern}" for pattern in _KEPT_OUT],
        "--dpkgopt=path-include=/usr/share/doc/*/copyright", SUITE, str(target),
    )  # fmt: skip


def minimal(folder: Path, wanted: list[str]) -> None:
    """Bare Debian as somebody may have it who installs: decides which packages a bundle carries."""
    shutil.rmtree(folder, ignore_errors=True)
    partial = folder.with_name(folder.name + ".new")
    shutil.rmtree(partial, ignore_errors=True)
    _debootstrap(wanted, partial)
    partial.rename(folder)


def inside(tree: Path, *command: str) -> None:
    """Run a command in the tree, without a network, and fail if it does."""
    subprocess.run(
        [
            "unshare", "--mount", "--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child",
            "bash", "-c", _INSIDE, "inside", *command,
        ],
        check=True,
        stdin=subprocess.DEVNULL,
        # Nothing of the build host's: what programs are told there must not decide what an image holds.
        env={
            "TREE": str(tree),
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LC_ALL": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive",
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "SOURCE_DATE_EPOCH": epoch(),
        },
    )  # fmt: skip


def epoch() -> str:
    """The second that files of the image are dated with: the commit's, or SOURCE_DATE_EPOCH of the caller."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return given
    answer = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=PROJECT, check=True, capture_output=True, text=True
    )
    return answer.stdout.strip()


def number_of(bundle: Path) -> str:
    """The bundle's own number, by which it lies on nodes."""
    return hashlib.sha256((bundle / "manifest.sha256").read_bytes()).hexdigest()[:12]


def _put_bundle(tree: Path, bundle: Path) -> None:
    place = tree / "var/lib/xdr-bundles"
    place.mkdir(parents=True)
    target = place / number_of(bundle)
    shutil.copytree(bundle, target, symlinks=True, ignore=shutil.ignore_patterns(".made-from"))
    _run("chown", "--recursive", "--no-dereference", "0:0", str(place))
    _run("chmod", "--recursive", "u=rwX,go=rX", str(target))
    subprocess.run(["sha256sum", "--check", "--quiet", "--strict", "manifest.sha256"], cwd=target, check=True)
    (place / "current").symlink_to(f"/var/lib/xdr-bundles/{target.name}")


def _install(tree: Path) -> None:
    """The installer first, which carries Ansible; then everything else by its playbook."""
    current = "/var/lib/xdr-bundles/current"
    inside(tree, "sh", f"{current}/begin")
    (tree / "opt/inventory").write_text("[xdr]\nimage ansible_connection=local\n")
    inside(
        tree, "env", "ANSIBLE_LOCAL_TEMP=/tmp/local", "ANSIBLE_REMOTE_TEMP=/tmp/remote", "ANSIBLE_NOCOLOR=1",
        f"ANSIBLE_CONFIG={current}/ansible/ansible.cfg",
        "/opt/xdr/installer/bin/ansible-playbook", "-i", "/opt/inventory",
        "-e", f"xdr_bundle={current}", f"{current}/ansible/playbooks/image.yml",
    )  # fmt: skip
    (tree / "opt/inventory").unlink()


def _compile(tree: Path) -> None:
    """Byte code that names the hash of its source and no time: programs start fast, builds agree."""
    for mode, place in (
        ("unchecked-hash", "/opt/xdr"),
        ("checked-hash", "/usr/lib/python3/dist-packages"),
        ("checked-hash", "/usr/lib/python3.13"),
    ):
        inside(
            tree, "python3", "-m", "compileall", "-q", "-j1", "-x", r"/(tests?|templates|lib2to3)/",
            "--invalidation-mode", mode, place,
        )  # fmt: skip


def _run(*command: str) -> None:
    subprocess.run(command, check=True, env={**os.environ, "SOURCE_DATE_EPOCH": epoch()})


if __name__ == "__main__":
    made = make(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
    print(f"tree: {sealing.digest(made.parent / 'tree.list')}")
