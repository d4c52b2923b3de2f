"""
Time-based one-time passwords (RFC 6238) of one user, and the recovery codes beside them.

A code is accepted once, also when it is sent twice at the same moment: the newest accepted time step is
moved by a conditional update, and whoever moves nothing is refused. One step either way is accepted, for
clocks that are not quite right.
"""

import hashlib
import secrets
from datetime import datetime
from uuid import UUID

import msgspec
import pyotp
from pyotp.exceptions import OTPVerificationError
from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.foundation.actors import Scope
from appliance.foundation.clock import Clock
from appliance.foundation.ids import new_id
from appliance.foundation.sealing import Place, Sealer
from appliance.identity.errors import FactorRefused
from appliance.identity.factor_models import RecoveryCode, TotpFactor

ISSUER = "Mini-XDR"
_WINDOW_STEPS = 1
_CODES, _CODE_GROUPS, _GROUP_LENGTH = 10, 6, 4  # 24 of 32 characters: 120 random bits, so a fast hash will do
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


class Enrolment(msgspec.Struct, frozen=True):
    """What an authenticator app is given, once."""

    secret: str
    uri: str

    def __repr__(self) -> str:
        return "Enrolment()"


class Totp:
    """The codes of one user, bound to one transaction."""

    def __init__(
        self, session: AsyncSession, scope: Scope, user_id: UUID, *, clock: Clock, sealer: Sealer
    ) -> None:
        self._session, self._scope, self._user_id = session, scope, user_id
        self._clock, self._sealer = clock, sealer

    async def begin(self, name: str) -> Enrolment:
        """A new secret, which counts once a code of it was confirmed; until then one in use still does."""
        held = await self._held()
        secret = pyotp.random_base32()
        sealed = self._sealer.seal(secret.encode(), **self._place)
        if held is None:
            self._session.add(
                TotpFactor(
                    org_id=self._scope.org_id, user_id=self._user_id, secret=sealed,
                    created_at=self._clock.now(),
                )
            )  # fmt: skip
        elif held.confirmed_at is None:
            held.secret, held.created_at = sealed, self._clock.now()
        else:
            held.next_secret = sealed
        return self._enrolment(secret, name)

    async def waiting(self, name: str) -> Enrolment | None:
        """The secret that waits for its first code, if there is one."""
        held = await self._held()
        if held is None or held.confirmed_at is not None:
            return None
        return self._enrolment(self._secret(held), name)

    async def confirm(self, code: str) -> list[str]:
        """
        Put the new secret into use, in place of one that was.

        Returns:
            Fresh recovery codes, shown this once.

        Raises:
            FactorRefused: The code is wrong, or there is nothing to confirm.
        """
        held = await self._held()
        if held is None or (held.confirmed_at is not None and held.next_secret is None):
            raise FactorRefused("there is no authenticator app to confirm; begin again")
        if held.next_secret is None:
            await self._accept(held, code)
        else:
            held.last_step = _step_of(self._opened(held.next_secret), code, self._clock.now())
            held.secret, held.next_secret = held.next_secret, None
        held.confirmed_at = self._clock.now()
        return await self.new_recovery_codes()

    async def verify(self, code: str) -> None:
        """
        Accept a code, once.

        Raises:
            FactorRefused: Wrong, too old, or used before.
        """
        held = await self._held()
        if held is None or held.confirmed_at is None:
            raise FactorRefused("the code is wrong")
        await self._accept(held, code)

    async def verify_recovery(self, code: str) -> None:
        """
        Burn a recovery code.

        Raises:
            FactorRefused: Unknown or burned.
        """
        burned = await self._session.execute(
            update(RecoveryCode)
            .where(
                RecoveryCode.org_id == self._scope.org_id,
                RecoveryCode.user_id == self._user_id,
                RecoveryCode.code_hash == _hash(code),
                RecoveryCode.used_at.is_(None),
            )
            .values(used_at=self._clock.now())
        )
        if _rows(burned) != 1:
            raise FactorRefused("the recovery code is wrong or was used")

    async def new_recovery_codes(self) -> list[str]:
        """Ten new ones; those before work no longer."""
        await self._session.execute(delete(RecoveryCode).where(*self._mine(RecoveryCode)))
        codes = [_new_code() for _ in range(_CODES)]
        self._session.add_all(
            RecoveryCode(
                org_id=self._scope.org_id,
                id=new_id(self._clock),
                user_id=self._user_id,
                code_hash=_hash(code),
            )
            for code in codes
        )
        return codes

    async def remove(self) -> None:
        """Forget secret and recovery codes."""
        for table in (TotpFactor, RecoveryCode):
            await self._session.execute(delete(table).where(*self._mine(table)))

    async def is_set_up(self) -> bool:
        held = await self._held()
        return held is not None and held.confirmed_at is not None

    async def recovery_codes_left(self) -> int:
        rows = await self._session.execute(
            select(RecoveryCode.id).where(*self._mine(RecoveryCode), RecoveryCode.used_at.is_(None))
        )
        return len(rows.all())

    async def _accept(self, held: TotpFactor, code: str) -> None:
        step = _step_of(self._secret(held), code, self._clock.now())
        moved = await self._session.execute(
            update(TotpFactor)
            .where(*self._mine(TotpFactor), TotpFactor.last_step < step)
            .values(last_step=step)
            .execution_options(synchronize_session=False)
        )
        if _rows(moved) != 1:
            raise FactorRefused("this code was used already; wait for the next one")

    async def _held(self) -> TotpFactor | None:
        return await self._session.get(TotpFactor, (self._scope.org_id, self._user_id))

    def _mine(
        self, table: type[TotpFactor | RecoveryCode]
    ) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return table.org_id == self._scope.org_id, table.user_id == self._user_id

    def _secret(self, held: TotpFactor) -> str:
        return self._opened(held.secret)

    def _opened(self, sealed: bytes) -> str:
        return self._sealer.open(sealed, **self._place).decode()

    @property
    def _place(self) -> Place:
        return Place(table="totp_factors", column="secret", org_id=self._scope.org_id, row_id=self._user_id)

    def _enrolment(self, secret: str, name: str) -> Enrolment:
        return Enrolment(secret, pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER))


def _step_of(secret: str, code: str, now: datetime) -> int:
    digits = code.replace(" ", "")
    try:
        return pyotp.TOTP(secret).verify_and_get_timecode(digits, for_time=now, valid_window=_WINDOW_STEPS)
    except OTPVerificationError as error:
        raise FactorRefused("the code is wrong; is the clock of your phone right?") from error


def _new_code() -> str:
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(_CODE_GROUPS))
    return "-".join(groups)


def _hash(code: str) -> bytes:
    bare = "".join(c for c in code.lower() if c in _ALPHABET)
    return hashlib.sha256(bare.encode()).digest()


def _rows(result: object) -> int:
    assert isinstance(result, CursorResult)
    return int(result.rowcount)
