"""A folder of rules as one ZIP archive in memory."""

import io
import zipfile
from pathlib import Path

from appliance.cli.failures import invalid

_ENDINGS = (".yml", ".yaml")
# ZIP knows no time before this; a constant makes the same folder the same archive.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def rule_files(folder: Path) -> list[Path]:
    """Every YAML file below a folder, in order of path; links are not followed."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix in _ENDINGS and path.is_file() and not path.is_symlink()
    )


def archive_of(path: Path) -> tuple[bytes, int]:
    """
    The archive to send, and how many rule files are in it.

    Raises:
        CommandFailure: Neither a folder with rules nor a ZIP archive.
        OSError: It cannot be read.
    """
    if path.is_dir():
        return _zipped(path)
    if not zipfile.is_zipfile(path):
        raise invalid(f"{path} is neither a folder nor a ZIP archive")
    with zipfile.ZipFile(path) as archive:
        count = sum(name.endswith(_ENDINGS) for name in archive.namelist())
    return path.read_bytes(), count


def _zipped(folder: Path) -> tuple[bytes, int]:
    files = rule_files(folder)
    if not files:
        raise invalid(f"there is no rule (*.yml) below {folder}")
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in files:
            entry = zipfile.ZipInfo(str(file.relative_to(folder)), _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())
    return made.getvalue(), len(files)
