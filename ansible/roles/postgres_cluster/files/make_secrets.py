# ruff: noqa: INP001 — copied to a node and run there, not a module of a package
"""Makes the named secrets that are missing, 32 printable characters each, and prints their names."""

import os
import secrets
import sys
from pathlib import Path

folder = Path(sys.argv[1])
for name in sys.argv[2:]:
    path = folder / name
    if not path.exists():
        new = path.with_suffix(".new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(24))
        new.rename(path)
        sys.stdout.write(f"{name}\n")
