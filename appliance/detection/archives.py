"""Rule files out of a ZIP or a directory, bounded before they are read."""

import io
import zipfile
from pathlib import Path, PurePosixPath

from appliance.detection.errors import ArchiveRefused, ArchiveTooLarge
from appliance.detection.sigma.rules import RuleSource

_MOST_FILES = 50_000
_MOST_BYTES = 256 * 1_048_576
_MOST_FILE_BYTES = 1_048_576
_ENDINGS = (".yml", ".yaml")


def from_zip(content: bytes, *, owner: str = "") -> list[RuleSource]:
    """
    Every YAML file of the archive, in order of path.

    Raises:
        ArchiveRefused: Not a ZIP, an encrypted one, or a path leads out of it.
        ArchiveTooLarge: More files or bytes than a rule set can be.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        entries = [entry for entry in archive.infolist() if entry.filename.endswith(_ENDINGS)]
        _check(entries)
        found = [RuleSource(entry.filename, _text(archive.read(entry)), owner) for entry in entries]
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
        raise ArchiveRefused(f"this is no readable ZIP archive: {error}") from error
    return sorted(found, key=lambda source: source.path)


def _check(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > _MOST_FILES or sum(entry.file_size for entry in entries) > _MOST_BYTES:
        raise ArchiveTooLarge(
            f"a rule set holds at most {_MOST_FILES} files and {_MOST_BYTES} bytes unpacked"
        )
    for entry in entries:
        path = PurePosixPath(entry.filename)
        if path.is_absolute() or ".." in path.parts:
            raise ArchiveRefused(f"{entry.filename} leads out of the archive")
        if entry.file_size > _MOST_FILE_BYTES:
            raise ArchiveTooLarge(f"{entry.filename} is larger than a rule may be ({_MOST_FILE_BYTES} bytes)")


def from_directory(directory: Path, *, owner: str = "") -> list[RuleSource]:
    """Every YAML file below a directory, in order of path; links are not followed."""
    paths = sorted(
        p for p in directory.rglob("*") if p.suffix in _ENDINGS and p.is_file() and not p.is_symlink()
    )
    if len(paths) > _MOST_FILES:
        raise ArchiveTooLarge(f"a rule set holds at most {_MOST_FILES} files")
    return [RuleSource(str(path.relative_to(directory)), _text(path.read_bytes()), owner) for path in paths]


def _text(content: bytes) -> str:
    # A rule with bytes that are no UTF-8 is loaded as far as it can be and refused by the parser with a
    # reason, rather than stopping the load.
    return content.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")
