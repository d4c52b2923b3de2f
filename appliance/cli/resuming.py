"""
A journal beside each import under way, so that an interrupted one goes on where it was.

One line is added for each acknowledged batch; a line torn by a crash is ignored and its batch is sent
again, which changes nothing (the appliance knows the batch id). When the file is done its journal goes.
"""

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

_HEAD_BYTES = 65_536


class Journal:
    """
    What of one file has been acknowledged.

    Args:
        folder: Where journals are kept.
        path: The file.
        meant_for: Appliance, source and format: another of these is another import.
    """

    def __init__(self, folder: Path, path: Path, meant_for: str) -> None:
        self._identity = _identity(path)
        name = sha256(f"{path.resolve()}\n{meant_for}".encode()).hexdigest()[:32]
        self._file = folder / f"{name}.jsonl"
        self.done = self._read()

    def add(self, place: int, receipt: dict[str, Any]) -> None:
        """Remember that the batch at `place` was acknowledged."""
        lines = [{"place": place, "receipt": receipt}]
        if not self._file.exists() or not self.done:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file.unlink(missing_ok=True)
            lines.insert(0, {"file": self._identity})
        with self._file.open("a") as journal:
            journal.write("".join(json.dumps(line) + "\n" for line in lines))
            journal.flush()
            os.fsync(journal.fileno())
        self.done[place] = receipt

    def finish(self) -> None:
        """The file is done."""
        self._file.unlink(missing_ok=True)

    def _read(self) -> dict[int, dict[str, Any]]:
        try:
            lines = [found for line in self._file.read_text().splitlines() if (found := _parsed(line))]
        except FileNotFoundError:
            return {}
        if not lines or lines[0].get("file") != self._identity:
            return {}
        return {line["place"]: line["receipt"] for line in lines[1:] if "place" in line and "receipt" in line}


def _identity(path: Path) -> dict[str, Any]:
    found = path.stat()
    with path.open("rb") as file:
        head = sha256(file.read(_HEAD_BYTES)).hexdigest()
    return {"inode": found.st_ino, "size": found.st_size, "mtime_ns": found.st_mtime_ns, "head": head}


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
