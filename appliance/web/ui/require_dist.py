# ruff: noqa: INP001 — a build script beside its sources, not a module of the package
"""The wheel packs the console that `build.py` made, and refuses to be made without it."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NEEDED = ("index.html", "assets", "THIRD-PARTY-NOTICES.txt", ".sources")


class RequireConsole(BuildHookInterface):  # type: ignore[type-arg]  # hatchling has no argument here at run time
    """Fails the packaging step if there is no finished console."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 — hatchling's signature
        """
        Called by hatchling before it collects files.

        An editable install (`version == "editable"`) serves nothing from the wheel, so it needs none.

        Raises:
            FileNotFoundError: `_dist` is absent or half built.
        """
        if version == "editable":
            return
        dist = Path(self.root) / "appliance" / "web" / "ui" / "_dist"
        missing = [name for name in NEEDED if not (dist / name).exists()]
        if missing:
            message = (
                f"no console in {dist} (missing: {', '.join(missing)}); run appliance/web/ui/build.py first"
            )
            raise FileNotFoundError(message)


__all__ = ["RequireConsole"]
