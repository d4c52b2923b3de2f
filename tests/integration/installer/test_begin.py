"""
`begin` on this machine, with folders of its own in the places that it writes (root).

Its mount namespace ends with it. Not shown here: Debian packages from the bundle, which only a bare machine lacks
(`make test-cluster` begins on three).
"""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NEEDED = ("python3-venv", "python3-apt", "openssh-client", "iproute2", "openssl")
# All that `begin` writes lies below $STATE; the rest of this machine is as it was.
BEGIN = """
set -eu
mkdir -p "$STATE/dpkg" "$STATE/opt" "$STATE/bundles" "$STATE/bin"
mount --bind /var/lib/dpkg "$STATE/dpkg"
mount -t tmpfs none /var/lib
mkdir /var/lib/dpkg /var/lib/xdr-bundles
mount --bind "$STATE/dpkg" /var/lib/dpkg
mount --bind "$STATE/bundles" /var/lib/xdr-bundles
mount --bind "$STATE/opt" /opt
mount --bind "$STATE/bin" /usr/local/bin
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
unset VIRTUAL_ENV PYTHONPATH
exec sh "$MEDIUM/begin"
"""


@pytest.fixture(scope="module", autouse=True)
def mounts() -> None:
    if os.geteuid() or subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
        pytest.skip("needs root that may make mount namespaces")
    said = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Status}\n", *NEEDED],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    if said != ["installed"] * len(NEEDED):
        pytest.skip(f"needs {', '.join(NEEDED)}")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installer's own, as the bundle carries it."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT / "installer", check=True, capture_output=True,
    )  # fmt: skip
    return next(folder.glob("*.whl"))


@pytest.fixture
def first(tmp_path: Path, wheel: Path) -> Path:
    return medium(tmp_path / "first", wheel, note="1")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def medium(folder: Path, wheel: Path, *, note: str) -> Path:
    (folder / "installer").mkdir(parents=True)
    (folder / "debian").mkdir()
    shutil.copy(ROOT / "installer/begin.sh", folder / "begin")
    shutil.copy(wheel, folder / "installer")
    version = wheel.name.split("-")[1]
    (folder / "installer/requirements.txt").write_text(
        f"xdr-installer=={version} --hash=sha256:{digest(wheel)}\n"
    )
    (folder / "debian/Packages").write_text(note)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{digest(path)}  {path.relative_to(folder)}\n" for path in files]
    (folder / "manifest.sha256").write_text("".join(lines))
    return folder


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def started(state: Path, bundle: Path) -> subprocess.Popen[str]:
    state.mkdir(exist_ok=True)
    return subprocess.Popen(
        ["unshare", "-m", "--propagation", "private", "sh", "-c", BEGIN],
        env=os.environ | {"STATE": str(state), "MEDIUM": str(bundle)},
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


def begun(state: Path, bundle: Path) -> str:
    with started(state, bundle) as run:
        said = run.communicate(timeout=200)[0]
    assert run.returncode == 0, said
    return said


def place(state: Path, bundle: Path) -> Path:
    return state / "bundles" / digest(bundle / "manifest.sha256")[:12]


def files_of(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): digest(path)
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def assert_whole(state: Path, bundle: Path) -> None:
    """The copy is the manifest's, in use, and the installer is this bundle's; nothing half-made is beside it."""
    copy = place(state, bundle)
    assert files_of(copy) == files_of(bundle)
    assert (state / "bundles/current").readlink().name == copy.name
    assert [path.name for path in (state / "bundles").iterdir() if path.suffix] == []
    installer = state / "opt/xdr/installer"
    assert [path.name for path in installer.glob("from-*")] == [f"from-{copy.name}"]
    assert (installer / "bin/xdr-install").is_file()
    assert str((state / "bin/xdr-install").readlink()) == "/opt/xdr/installer/bin/xdr-install"


def test_a_second_time_changes_nothing(state: Path, first: Path) -> None:
    begun(state, first)
    assert_whole(state, first)
    made = [state / "bundles", state / "opt"]
    before = [
        path.lstat().st_mtime_ns for folder in made for path in sorted(folder.rglob("*")) if path.is_file()
    ]

    said = begun(state, first)

    assert "copying" not in said
    assert "installing" not in said
    assert [
        path.lstat().st_mtime_ns for folder in made for path in sorted(folder.rglob("*")) if path.is_file()
    ] == before


def test_a_damaged_copy_is_replaced(state: Path, first: Path) -> None:
    begun(state, first)
    (place(state, first) / "debian/Packages").write_text("rotten")

    begun(state, first)

    assert_whole(state, first)


def test_a_damaged_medium_leaves_what_is_there(state: Path, first: Path) -> None:
    (first / "debian/Packages").write_text("rotten")
    with started(state, first) as run:
        said = run.communicate(timeout=200)[0]

    assert run.returncode == 3
    assert "debian/Packages" in said
    assert list((state / "bundles").iterdir()) == []
    assert list((state / "opt").iterdir()) == []


def test_what_the_manifest_does_not_name_is_not_taken(state: Path, first: Path) -> None:
    (first / "ansible").mkdir()
    (first / "ansible/ansible.cfg").write_text("[defaults]\n")

    begun(state, first)

    assert not (place(state, first) / "ansible").exists()


def test_the_way_back_to_an_older_bundle_brings_its_installer_back(
    state: Path, first: Path, tmp_path: Path, wheel: Path
) -> None:
    second = medium(tmp_path / "second", wheel, note="2")
    for bundle in (first, second, first):
        begun(state, bundle)
        assert_whole(state, bundle)


@pytest.mark.parametrize("line", ["copying the bundle", "installing the installer"])
def test_killed_in_the_middle_it_is_run_again(state: Path, first: Path, line: str) -> None:
    with started(state, first) as run:
        assert run.stdout
        assert any(line in said for said in run.stdout)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
    assert run.returncode == -signal.SIGKILL
    assert not (state / "bin/xdr-install").is_symlink()

    begun(state, first)

    assert_whole(state, first)


def test_an_environment_that_was_half_made_is_made_anew(state: Path, first: Path) -> None:
    # As `python3 -m venv`, killed before pip is there, leaves it.
    state.mkdir()
    subprocess.run(
        ["/usr/bin/python3", "-m", "venv", "--without-pip", state / "opt/xdr/installer"], check=True
    )

    begun(state, first)

    assert_whole(state, first)
