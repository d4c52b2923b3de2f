"""The locks carry hashes and no addresses, and hold all that pyproject.toml asks for."""

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
_ADDRESS = re.compile(r"https?://|--index|--find-links|\s@\s")


def problems() -> list[str]:
    """One sentence per problem; empty if there is none."""
    found = []
    project = _project("pyproject.toml")
    extras = project["optional-dependencies"]
    asked = {
        "run": [*project["dependencies"], *extras["embedded"]],
        "test": [*project["dependencies"], *extras["embedded"], *extras["test"]],
        "install": _project("installer/pyproject.toml")["dependencies"],
    }
    for name, wanted in asked.items():
        lock = (ROOT / "requirements" / f"{name}.txt").read_text()
        found += [
            f"requirements/{name}.txt names an address: {line}"
            for line in lock.splitlines()
            if _ADDRESS.search(line)
        ]
        pinned = {_normal(line.split("==")[0]) for line in lock.splitlines() if "==" in line}
        found += [
            f"requirements/{name}.txt lacks {one}; run `make lock`"
            for one in wanted
            if _normal(one) not in pinned
        ]
    packages = json.loads((ROOT / "appliance/web/ui/package-lock.json").read_text())["packages"]
    found += [
        f"package-lock.json has an address for {name}" for name, one in packages.items() if "resolved" in one
    ]
    found += [
        f"package-lock.json has no hash for {name}"
        for name, one in packages.items()
        if name and "integrity" not in one
    ]
    return found


def _project(path: str) -> dict[str, Any]:
    return dict(tomllib.loads((ROOT / path).read_text())["project"])


def _normal(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    return re.sub(r"[-_.]+", "-", match.group() if match else "").lower()


if __name__ == "__main__":
    said = problems()
    print("\n".join(said) or "locks: hashes everywhere, no addresses")
    sys.exit(bool(said))
