"""
A watched folder for what is carried in on a disk.

A file `SOURCE/NAME` goes to the source of that name (listener `drop:SOURCE`), then to `done/`, or to
`failed/` with the reason beside it. Only files that have not changed for two seconds are taken. The
batch id comes from the content, so the same file carried in twice is stored once.
"""

import asyncio
from hashlib import sha256
from pathlib import Path

import structlog

from appliance.foundation.errors import ApplianceError, Exhausted, Unavailable
from appliance.foundation.settings import Settings
from appliance.telemetry.carrying import pieces
from appliance.telemetry.intake import Intake, Submission

log = structlog.get_logger()

_LOOK_SECONDS = 2.0


async def watch_drop_folder(settings: Settings, intake: Intake) -> None:
    """For ever, if the settings name a folder."""
    if not settings.ingest.drop_folder:
        return
    root = Path(settings.ingest.drop_folder)
    seen: dict[Path, tuple[int, float]] = {}
    while True:
        for path in sorted(root.glob("[!.]*/[!.]*")):
            if path.is_file() and not path.is_symlink() and path.parent.name not in ("done", "failed"):
                status = path.stat()
                if seen.get(path) == (status.st_size, status.st_mtime):
                    await _take(root, path, intake)
                    seen.pop(path)
                else:
                    seen[path] = (status.st_size, status.st_mtime)
        await asyncio.sleep(_LOOK_SECONDS)


async def _take(root: Path, path: Path, intake: Intake) -> None:
    try:
        stored = 0
        for piece in pieces(path):
            batch_id = sha256(piece.body).hexdigest()
            stored += await _submit(intake, path.parent.name, piece.body, piece.form, batch_id)
    except (ApplianceError, OSError) as error:
        _move(root, path, "failed", str(error))
        log.warning("carried_file_failed", path=str(path), cause=str(error))
    else:
        _move(root, path, "done", "")
        log.info("carried_file_stored", path=str(path), events=stored)


async def _submit(intake: Intake, source: str, body: bytes, form: str, batch_id: str) -> int:
    while True:
        try:
            receipt = await intake.accept(
                Submission(body=body, listener=f"drop:{source}", format=form, batch_id=batch_id)
            )
        except (Exhausted, Unavailable) as error:
            await asyncio.sleep(error.retry_after_seconds)
        else:
            return receipt.stored


def _move(root: Path, path: Path, where: str, reason: str) -> None:
    target = root / where / path.parent.name
    target.mkdir(parents=True, exist_ok=True)
    kept = path.rename(target / path.name)
    if reason:
        kept.with_name(kept.name + ".reason").write_text(reason + "\n")
