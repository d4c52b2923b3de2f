"""
The periodic look at directories: who left is locked out, and whose groups changed gets another role.

A directory that suddenly knows almost nobody is more likely misconfigured than deserted: then nothing is
changed, and it is said aloud.
"""

from uuid import UUID

import msgspec
import structlog
from sqlalchemy import select

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Scope, appliance
from appliance.foundation.clock import Clock
from appliance.foundation.database import Database, organisation_ids, transaction
from appliance.foundation.outbox import Outbox
from appliance.foundation.sealing import Sealer
from appliance.identity.federation import Federation
from appliance.identity.federation_errors import DirectoryUnavailable
from appliance.identity.federation_mapping import role_of
from appliance.identity.federation_models import ExternalIdentity
from appliance.identity.federation_schemas import LdapConfig, Person
from appliance.identity.ports import Directory
from appliance.identity.provider_rows import Known, all_known

log = structlog.get_logger()

# Fewer than this may well leave at once.
_MOST_LEAVERS, _MOST_SHARE = 4, 0.5


class Rechecked(msgspec.Struct, frozen=True):
    """How many were looked at, and how many of them lost access."""

    looked_at: int = 0
    ended: int = 0
    failure: str = ""


class DirectoryRecheck:
    def __init__(self, database: Database, clock: Clock, *, sealer: Sealer, directory: Directory) -> None:
        self._database, self._clock = database, clock
        self._sealer, self._directory = sealer, directory

    async def run(self) -> list[Rechecked]:
        """Every directory of every organisation, once."""
        done = []
        for org_id in await organisation_ids(self._database):
            scope = Scope(org_id=org_id)
            async with transaction(self._database, scope) as session:
                providers = await all_known(session, scope, self._sealer, kind="ldap")
            done += [await self.check(provider) for provider in providers]
        return done

    async def check(self, provider: Known) -> Rechecked:
        """Everybody whom one directory vouches for."""
        config = provider.config
        assert isinstance(config, LdapConfig)
        subjects = await self._subjects(provider)
        if not subjects:
            return Rechecked()
        try:
            people = await self._directory.look_up(config, provider.secret, list(subjects))
        except DirectoryUnavailable as error:
            log.warning("directory_unavailable", provider=str(provider.id), cause=str(error))
            return Rechecked(looked_at=len(subjects), failure=str(error))
        missing = len(subjects) - len(people)
        if missing > _MOST_LEAVERS and missing > _MOST_SHARE * len(subjects):
            return await self._doubt(provider, missing, len(subjects))
        ended = 0
        for subject, identity_id in subjects.items():
            ended += await self._apply(provider, identity_id, people.get(subject))
        log.info("directory_rechecked", provider=str(provider.id), looked_at=len(subjects), ended=ended)
        return Rechecked(looked_at=len(subjects), ended=ended)

    async def _subjects(self, provider: Known) -> dict[str, UUID]:
        async with transaction(self._database, provider.scope) as session:
            rows = await session.execute(
                select(ExternalIdentity.subject, ExternalIdentity.id).where(
                    ExternalIdentity.org_id == provider.org_id,
                    ExternalIdentity.provider_id == provider.id,
                    ExternalIdentity.active,
                )
            )
            return {row.subject: row.id for row in rows}

    async def _apply(self, provider: Known, identity_id: UUID, person: Person | None) -> bool:
        async with transaction(self._database, provider.scope) as session:
            identity = await session.get(
                ExternalIdentity, (provider.org_id, identity_id), with_for_update=True
            )
            if identity is None or not identity.active:
                return False
            identity.checked_at = self._clock.now()
            federation = Federation(session, provider.scope, self._clock, provider)
            role = role_of(person.groups, provider.mapping) if person else None
            if person is None or person.disabled or role is None:
                why = "is no longer in the directory" if person is None else person.disabled
                await federation.end(identity, why or "is in no group that carries a role")
                return True
            await federation.set_role(identity.user_id, role)
            return False

    async def _doubt(self, provider: Known, missing: int, known: int) -> Rechecked:
        said = f"{missing} of {known} people are missing; nothing was changed, check the base DN"
        log.error("directory_doubted", provider=str(provider.id), missing=missing, known=known)
        async with transaction(self._database, provider.scope) as session:
            AuditTrail(session, provider.scope, self._clock).record(
                "identity_provider.doubted", by=appliance("directory"), subject=provider.id, outcome="failed",
                missing=missing, known=known,
            )  # fmt: skip
            Outbox(session, provider.scope, self._clock).publish(
                "identity_provider_doubted", provider_id=str(provider.id)
            )
        return Rechecked(looked_at=known, failure=said)
