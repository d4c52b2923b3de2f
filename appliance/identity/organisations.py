"""
The appliance's organisations: made, renamed, suspended by whoever administers the appliance itself.

This is the platform's work: nobody is inside an organisation that does not exist yet. What is done to an
organisation is the first thing its own audit trail tells.
"""

from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Actor, ActorKind, Scope
from appliance.foundation.clock import Clock
from appliance.foundation.database import Database, platform_transaction, transaction
from appliance.foundation.errors import Conflict, Invalid, NotFound, NotPermitted
from appliance.foundation.ids import new_id
from appliance.identity.models import Organisation
from appliance.identity.schemas import OrganisationSummary

_LONGEST_NAME = 100


class Organisations:
    """Works in transactions of its own, with the platform's role."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def all(self) -> list[OrganisationSummary]:
        """Every organisation, oldest first."""
        async with platform_transaction(self._database) as session:
            rows = (await session.execute(select(Organisation).order_by(Organisation.id))).scalars()
            return [_summary(row) for row in rows]

    async def create(self, name: str, *, by: Actor) -> OrganisationSummary:
        """
        A new organisation, empty.

        Raises:
            Invalid: No usable name.
            Conflict: There is one of that name.
        """
        _ensure_local(by)
        if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
            raise Invalid(f"an organisation has a name of 1 to {_LONGEST_NAME} printable characters")
        made = Organisation(id=new_id(self._clock), name=name.strip(), created_at=self._clock.now())
        try:
            async with platform_transaction(self._database) as session:
                found = await session.execute(select(Organisation.id).where(Organisation.name == made.name))
                if found.first() is not None:
                    raise Conflict(f"there is an organisation {made.name} already")
                session.add(made)
        except IntegrityError as error:
            raise Conflict(f"there is an organisation {made.name} already") from error
        await self._record("organisation.created", made.id, by, name=made.name)
        return OrganisationSummary(id=made.id, name=made.name, status="active", created_at=made.created_at)

    async def set_status(self, organisation_id: UUID, status: str, *, by: Actor) -> None:
        """
        Suspend an organisation (nobody gets in, telemetry still does), or let it go on.

        Raises:
            NotFound: There is none.
        """
        _ensure_local(by)
        if status not in ("active", "suspended"):
            raise Invalid(f"an organisation is active or suspended, not {status!r}")
        async with platform_transaction(self._database) as session:
            changed = await session.execute(
                update(Organisation)
                .where(Organisation.id == organisation_id)
                .values(status=status)
                .returning(Organisation.id)
            )
            if changed.first() is None:
                raise NotFound(f"no organisation {organisation_id}")
        await self._record(f"organisation.{status}", organisation_id, by)

    async def _record(self, action: str, organisation_id: UUID, by: Actor, **detail: str) -> None:
        scope = Scope(org_id=organisation_id)
        async with transaction(self._database, scope) as session:
            AuditTrail(session, scope, self._clock).record(action, by=by, subject=organisation_id, **detail)


def _ensure_local(by: Actor) -> None:
    if by.kind not in (ActorKind.LOCAL, ActorKind.SYSTEM):
        raise NotPermitted("organisations are made by the administrator on the node, with `xdr`")


def _summary(row: Organisation) -> OrganisationSummary:
    return OrganisationSummary(id=row.id, name=row.name, status=row.status, created_at=row.created_at)
