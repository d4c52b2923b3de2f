"""Passwords that a directory checks: which directories are asked, and what becomes of their answer."""

from uuid import UUID

import structlog
from sqlalchemy import text

from appliance.foundation.actors import Scope
from appliance.foundation.clock import Clock
from appliance.foundation.database import Database, anonymous_transaction, transaction
from appliance.foundation.sealing import Sealer
from appliance.identity.doors import ask
from appliance.identity.federation import Federation
from appliance.identity.federation_errors import DirectoryUnavailable
from appliance.identity.federation_schemas import LdapConfig
from appliance.identity.opening import ProviderSession
from appliance.identity.ports import Admitted, Directory
from appliance.identity.provider_rows import Known, known

log = structlog.get_logger()

_LONGEST_LOGIN = 254


class FederatedDirectory:
    """
    The gate's directory (`PasswordDirectory`).

    A password is shown only to directories of the organisation whose user it may be: of those that know the
    name already; for a new name, of the only organisation that has a directory.
    """

    def __init__(self, database: Database, clock: Clock, *, sealer: Sealer, directory: Directory) -> None:
        self._database, self._clock = database, clock
        self._sealer, self._directory = sealer, directory

    async def authenticate(self, login: str, password: str, *, address: str) -> Admitted | None:
        if not password or not login or len(login) > _LONGEST_LOGIN:
            return None
        for provider in await self._candidates(login):
            if (admitted := await self._asked(provider, login, password, address)) is not None:
                return admitted
        return None

    async def _candidates(self, login: str) -> list[Known]:
        async with anonymous_transaction(self._database) as session:
            rows = list((await session.execute(text("SELECT * FROM app.password_directories()"))).all())
        if not rows:
            return []
        homes = {row.org_id for row in await ask(self._database, "app.user_owner", login)}
        if not homes and len({row.org_id for row in rows}) == 1:
            homes = {rows[0].org_id}
        return [await self._load(row.org_id, row.id) for row in rows if row.org_id in homes]

    async def _load(self, org_id: UUID, provider_id: UUID) -> Known:
        scope = Scope(org_id=org_id)
        async with transaction(self._database, scope) as session:
            return await known(session, scope, self._sealer, provider_id)

    async def _asked(self, provider: Known, login: str, password: str, address: str) -> Admitted | None:
        config = provider.config
        assert isinstance(config, LdapConfig)
        try:
            checked = await self._directory.authenticate(config, provider.secret, login, password)
        except DirectoryUnavailable as error:
            log.error("directory_unavailable", provider=str(provider.id), cause=str(error))  # noqa: TRY400 — expected, and told in words
            return None
        if checked.person is None:
            log.info("directory_refused", provider=str(provider.id), reason=checked.refused, address=address)
            return None
        async with transaction(self._database, provider.scope) as session:
            federation = Federation(session, provider.scope, self._clock, provider)
            outcome = await federation.admit(checked.person)
        if outcome.user_id is None:
            return None
        return Admitted(
            org_id=provider.org_id,
            user_id=outcome.user_id,
            provider=ProviderSession(provider.id, checked.person.subject),
            methods=frozenset({"ldap"}),
        )
