"""The words of a finding."""

from typing import Literal

import msgspec

from installer.answers import Node, Site
from installer.paths import Paths
from installer.playbooks import Journal

Occasion = Literal["install", "join", "upgrade", "nightly"]
State = Literal["ok", "finding", "not_configured"]
# The one stage that changes nothing.
_LOOKING = "playbooks/preflight.yml"


class Finding(msgspec.Struct, frozen=True):
    """
    Attributes:
        id: The check's name; the anchor of its section in the documentation.
        state: `finding` is what has to be mended; `not_configured` is what cannot be looked at yet.
        cause: What was seen, with figures.
        impact: What comes of it if it stays.
        command: What mends it, or shows more.
    """

    id: str
    state: State
    cause: str
    impact: str = ""
    command: str = ""
    doc: str = ""


class Context(msgspec.Struct, frozen=True):
    """
    What checks are told.

    Attributes:
        node: The one this machine is, or None before it is known.
        occasion: Decides how far ahead horizons are looked at, and whether ports must be free.
    """

    paths: Paths
    occasion: Occasion = "install"
    site: Site | None = None
    node: Node | None = None

    @property
    def is_installed(self) -> bool:
        return self.paths.settled.exists()

    @property
    def is_begun(self) -> bool:
        """Whether a run, perhaps one that was killed, came so far that services of the product may be up."""
        return self.is_installed or any(
            entry.stage != _LOOKING for entry in Journal(self.paths.state / "journal.jsonl").entries()
        )


def ok(name: str, cause: str) -> Finding:
    return Finding(name, "ok", cause)


def wrong(name: str, cause: str, *, impact: str, command: str) -> Finding:
    return Finding(name, "finding", cause, impact, command, f"docs/operations/installing.md#{name}")


def unset(name: str, cause: str) -> Finding:
    return Finding(name, "not_configured", cause)
