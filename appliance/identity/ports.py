"""What identity asks of the outside world. Who implements it lives in `integrations`."""

from typing import Protocol
from uuid import UUID

import msgspec

from appliance.identity.opening import ProviderSession


class Admitted(msgspec.Struct, frozen=True):
    """Somebody whom a directory knows and a role was found for."""

    org_id: UUID
    user_id: UUID
    provider: ProviderSession
    methods: frozenset[str] = frozenset()


class PasswordDirectory(Protocol):
    """A directory that checks passwords (LDAP)."""

    async def authenticate(self, login: str, password: str, *, address: str) -> Admitted | None:
        """
        The user, made or updated from the directory; None if it does not know them or gives them no role.

        It retries other servers itself. If none answers, that is None and a log line: local accounts, the
        break-glass one above all, must still get in.
        """
