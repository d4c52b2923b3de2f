"""How long the licence is valid. Ingest and detection never depend on it."""

from installer.checks.finding import Context, Finding, unset

_NAME = "licence"


def check(context: Context) -> Finding:
    """Not configured until this release reads licences (`licensing/`)."""
    del context
    return unset(_NAME, "this release reads no licence yet")
