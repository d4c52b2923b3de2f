"""Brings entries that waited on a node into the trail of the first organisation, each exactly once."""

from datetime import timedelta
from pathlib import Path

import msgspec
import structlog
from sqlalchemy import select

from appliance.audit.deferring import UNKNOWN, Deferred, waiting
from appliance.audit.models import AuditEntry
from appliance.audit.service import AuditTrail
from appliance.foundation import local_files
from appliance.foundation.actors import Actor, ActorKind, Scope
from appliance.foundation.clock import Clock
from appliance.foundation.database import Database, organisation_ids, transaction

log = structlog.get_logger()

# A deed under way is left alone for so long before it counts as cut short.
_CUT_SHORT = timedelta(minutes=10)


async def admit(database: Database, state_dir: Path, clock: Clock) -> int:
    """
    Enter what waits; how many entries that were.

    Raises:
        Unavailable: The database does not take them; they go on waiting.
    """
    paths = waiting(state_dir)
    if not paths:
        return 0
    scope = Scope(org_id=(await organisation_ids(database))[0])
    entered = 0
    for path in paths:
        entered += await _admit(database, scope, path, clock)
    return entered


async def _admit(database: Database, scope: Scope, path: Path, clock: Clock) -> int:
    try:
        entry = local_files.read(path, Deferred)
    except (msgspec.MsgspecError, OSError) as error:
        log.exception("audit_entry_not_readable", path=str(path), cause=str(error))
        path.rename(path.with_suffix(".damaged"))
        return 0
    if entry is None or (entry.outcome == UNKNOWN and clock.now() - entry.at < _CUT_SHORT):
        return 0
    async with transaction(database, scope) as session:
        # The file goes after the commit: a crash between the two must not enter it again.
        is_there = select(AuditEntry.id).where(
            AuditEntry.org_id == scope.org_id, AuditEntry.subject == str(entry.id)
        )
        if (await session.execute(is_there)).first() is None:
            _record(AuditTrail(session, scope, clock), entry)
    local_files.remove(path)
    return 1


def _record(trail: AuditTrail, entry: Deferred) -> None:
    by = Actor(ActorKind.LOCAL, None, entry.by, frozenset(), address=entry.address)
    trail.record(
        entry.action, by=by, subject=entry.id, outcome=entry.outcome, node=entry.node,
        happened_at=entry.at.isoformat(timespec="microseconds"), **entry.detail,
    )  # fmt: skip
