"""The audit trail: to read, to verify in the browser, and to take away (docs/security/audit-format.md)."""

import tempfile
from collections.abc import Iterator
from datetime import datetime
from typing import IO, Any
from uuid import UUID

from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Stream

from appliance.audit.reading import MOST_PER_PAGE
from appliance.audit.schemas import (
    ChainPage,
    EntryFilter,
    EntryPage,
    EntryProof,
    ExportOrder,
    VerificationOrder,
)
from appliance.foundation.errors import Invalid
from appliance.web.dependencies import CurrentActor, OpenServices, id_cursor, page_limit

_CHUNK_BYTES = 65_536
_NAME = "audit.xdr-audit"


class AuditController(Controller):
    path = "/audit"
    tags = ("Audit",)

    @get("/entries", permission="audit:view")
    async def entries(  # noqa: PLR0917 — one argument per query parameter
        self,
        services: OpenServices,
        actor: CurrentActor,
        by: FromQuery[UUID | None] = None,
        action: FromQuery[str] = "",
        subject: FromQuery[str] = "",
        outcome: FromQuery[str] = "",
        since: FromQuery[datetime | None] = None,
        until: FromQuery[datetime | None] = None,
        seals: FromQuery[bool] = False,
        limit: FromQuery[int] = 50,
        cursor: FromQuery[str | None] = None,
    ) -> EntryPage:
        """Entries, latest first. `by` is an actor's id; `user.` stands for all actions of users."""
        wanted = EntryFilter(
            actor=by, action=action, subject=subject, outcome=outcome, start=since, end=until, seals=seals
        )
        return await services.trail.entries(
            wanted, by=actor, limit=page_limit(limit), cursor=id_cursor(cursor)
        )

    @get("/entries/{audit_entry_id:uuid}", permission="audit:view")
    async def entry(
        self, audit_entry_id: FromPath[UUID], services: OpenServices, actor: CurrentActor
    ) -> EntryProof:
        """One entry with the proof that the latest checkpoint covers it (RFC 6962)."""
        return await services.trail.entry(audit_entry_id, by=actor)

    @get("/chain", permission="audit:view")
    async def chain(
        self,
        services: OpenServices,
        actor: CurrentActor,
        after: FromQuery[int] = 0,
        limit: FromQuery[int] = MOST_PER_PAGE,
    ) -> ChainPage:
        """Records in order, exactly as they are verified, and the state before the first of them."""
        return await services.trail.chain(_place(after), by=actor, limit=_most(limit))

    @get("/checkpoints", permission="audit:view")
    async def checkpoints(
        self,
        services: OpenServices,
        actor: CurrentActor,
        after: FromQuery[int] = 0,
        limit: FromQuery[int] = MOST_PER_PAGE,
    ) -> dict[str, Any]:
        """Checkpoints with a higher number than `after`, in order, with the exact text that is signed."""
        found = await services.trail.checkpoints(_place(after), by=actor, limit=_most(limit))
        return {"items": found, "next_after": found[-1].number if len(found) == limit else None}

    @get("/consistency", permission="audit:view")
    async def consistency(
        self, services: OpenServices, actor: CurrentActor, old: FromQuery[int] = 0, new: FromQuery[int] = 0
    ) -> dict[str, Any]:
        """The proof that the tree over `old` records is the beginning of that over `new` (RFC 6962)."""
        return {"proof": await services.trail.consistency(old, new, by=actor)}

    @get("/keys", permission="audit:view")
    async def keys(self, services: OpenServices, actor: CurrentActor) -> dict[str, Any]:
        """Every public key that signs or signed the trail, oldest first."""
        return {"items": await services.trail.keys(by=actor)}

    @post("/keys/rotation", permission="keys:rotate", step_up=True, status_code=202)
    async def rotate(self, services: OpenServices, actor: CurrentActor) -> None:
        """Have the next key take over; the sealer does it in a moment."""
        await services.trail.rotate_key(by=actor)

    @post("/verification", permission="audit:view", status_code=200)
    async def verify(
        self, data: JSONBody[VerificationOrder], services: OpenServices, actor: CurrentActor
    ) -> dict[str, Any]:
        """Verify the whole trail where it is stored; names the first thing that is wrong."""
        return (await services.trail.verification(data, by=actor)).as_dict()

    @post("/export", permission="audit:export", status_code=200, media_type="application/octet-stream")
    async def export(
        self, data: JSONBody[ExportOrder], services: OpenServices, actor: CurrentActor
    ) -> Stream:
        """An export for `xdr-audit-verify`; with a source and a period, its events and their proof."""
        # Written to the disk first: what fails half way is then an error and no short file.
        file = tempfile.TemporaryFile()  # noqa: SIM115 — closed when the last byte has been sent
        try:
            await services.trail.export(data, file, by=actor)
        except BaseException:
            file.close()
            raise
        file.seek(0)
        headers = {"Content-Disposition": f'attachment; filename="{_NAME}"'}
        return Stream(_chunks(file), headers=headers)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def _place(after: int) -> int:
    if not 0 <= after < 2**62:
        raise Invalid("a place in the chain is 0 or more")
    return after


def _most(limit: int) -> int:
    if not 1 <= limit <= MOST_PER_PAGE:
        raise Invalid(f"limit is 1 to {MOST_PER_PAGE}")
    return limit
