"""The bundle is there, and every file in it is the one its manifest names."""

import subprocess
from pathlib import Path

from installer.checks.finding import Context, Finding, ok, wrong

_NAME = "bundle"
_SHOWN = 3


def check(context: Context) -> Finding:
    folder = Path(context.site.bundle) if context.site else context.paths.root / "var/lib/xdr-bundles/current"
    return judge(folder)


def judge(folder: Path) -> Finding:
    if not (folder / "manifest.sha256").is_file():
        return wrong(
            _NAME,
            f"{folder}/manifest.sha256 is not there",
            impact="there is nothing to install from",
            command="mount the bundle's medium and run `begin` there",
        )
    said = subprocess.run(
        ["sha256sum", "--check", "--quiet", "--strict", "manifest.sha256"],  # noqa: S607
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if said.returncode == 0:
        return ok(_NAME, f"{folder.resolve().name}: every file is the one its manifest names")
    bad = [line.split(":")[0] for line in said.stdout.splitlines()]
    return wrong(
        _NAME,
        f"{len(bad)} files differ from the manifest, {', '.join(bad[:_SHOWN])} among them",
        impact="nodes refuse what does not have its hash, so that nothing can be installed or replaced",
        command="mount the bundle's medium and run `begin` there, which copies it anew",
    )
