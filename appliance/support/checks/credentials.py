"""Secrets are there, not empty, and nobody else can read them."""

import stat
from collections.abc import Iterator
from pathlib import Path

from appliance.foundation.settings import Settings
from appliance.support.checks.finding import Finding, Kind, good, wrong

CREDENTIALS = ("database-app", "database-platform", "scope-key", "field-key", "web-key", "cache-key")
_OPEN_TO_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_NOT_STARTING = "the processes that need it do not start"


def credentials(settings: Settings) -> Iterator[Finding]:
    for name in CREDENTIALS:
        yield _credential(name, settings.credentials_dir / name)


def _credential(name: str, path: Path) -> Finding:
    check = f"credential {name}"
    try:
        found = path.stat()
    except OSError as error:
        return wrong(
            Kind.CREDENTIAL_MISSING,
            check,
            f"{path}: {error.strerror}",
            impact=_NOT_STARTING,
            command="restore it from its backup",
        )
    if not found.st_size:
        return wrong(
            Kind.CREDENTIAL_EMPTY,
            check,
            f"{path} is empty",
            impact=_NOT_STARTING,
            command="restore it from its backup",
        )
    if found.st_mode & _OPEN_TO_OTHERS:
        return wrong(
            Kind.CREDENTIAL_READABLE,
            check,
            f"{path} is {stat.filemode(found.st_mode)}",
            impact="other accounts of this machine can read the secret",
            command=f"chmod 600 {path}",
        )
    return good(check, "present, private")
