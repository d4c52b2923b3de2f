"""
Passkeys (WebAuthn Level 2) of one user: as a second factor, and to prove oneself again.

User verification is demanded, so a passkey counts as two factors in one. A challenge is 256 random bits,
stored for one purpose, and taken by deleting its row: it serves once. The relying party's id is the host
name of the configured public address, never what the request says.
"""

import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import webauthn
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from webauthn.helpers import options_to_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from appliance.foundation.actors import Scope
from appliance.foundation.clock import Clock
from appliance.foundation.errors import Conflict, Invalid
from appliance.foundation.ids import new_id
from appliance.identity.errors import FactorRefused, PasskeyNotFound
from appliance.identity.factor_models import Challenge, Passkey

REGISTER, SIGN_IN, STEP_UP = "register", "sign_in", "step_up"
_CHALLENGE_LIFE = timedelta(minutes=5)
_MOST_PASSKEYS = 10
_LONGEST_NAME = 100


class RelyingParty(msgspec.Struct, frozen=True):
    """Who asks: `id` is a host name (never an IP address), `origin` the console's address."""

    id: str
    origin: str
    name: str = "Mini-XDR Appliance"


class Passkeys:
    """The passkeys of one user, bound to one transaction."""

    def __init__(
        self, session: AsyncSession, scope: Scope, user_id: UUID, *, clock: Clock, party: RelyingParty
    ) -> None:
        self._session, self._scope, self._user_id = session, scope, user_id
        self._clock, self._party = clock, party

    async def all(self) -> list[Passkey]:
        rows = await self._session.execute(
            select(Passkey)
            .where(Passkey.org_id == self._scope.org_id, Passkey.user_id == self._user_id)
            .order_by(Passkey.created_at)
        )
        return list(rows.scalars())

    async def registration_options(self, email: str, name: str) -> dict[str, Any]:
        """
        What `navigator.credentials.create` is given.

        Raises:
            Conflict: There are ten already.
        """
        held = await self.all()
        if len(held) >= _MOST_PASSKEYS:
            raise Conflict(f"there are {_MOST_PASSKEYS} passkeys already; remove one first")
        options = webauthn.generate_registration_options(
            rp_id=self._party.id,
            rp_name=self._party.name,
            user_id=self._user_id.bytes,
            user_name=email,
            user_display_name=name,
            challenge=await self._challenge(REGISTER),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[_descriptor(passkey) for passkey in held],
        )
        return _json(options_to_json(options))

    async def register(self, credential: dict[str, Any], *, name: str) -> Passkey:
        """
        Keep a new passkey.

        Raises:
            FactorRefused: Another challenge, origin or host, or nobody was verified.
            Invalid: It has no usable name.
        """
        if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
            raise Invalid(f"a passkey has a name of 1 to {_LONGEST_NAME} characters, such as `blue key`")
        challenge = await self._take(REGISTER)
        try:
            made = webauthn.verify_registration_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self._party.id,
                expected_origin=self._party.origin,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError) as error:
            raise FactorRefused(f"the passkey was not accepted: {error}") from error
        passkey = Passkey(
            org_id=self._scope.org_id, id=new_id(self._clock), user_id=self._user_id, name=name.strip(),
            credential_id=made.credential_id, public_key=made.credential_public_key,
            sign_count=made.sign_count, transports=_transports(credential), created_at=self._clock.now(),
        )  # fmt: skip
        self._session.add(passkey)
        return passkey

    async def assertion_options(self, purpose: str) -> dict[str, Any]:
        """
        What `navigator.credentials.get` is given.

        Raises:
            FactorRefused: The user has no passkey.
        """
        held = await self.all()
        if not held:
            raise FactorRefused("there is no passkey; use a code")
        options = webauthn.generate_authentication_options(
            rp_id=self._party.id,
            challenge=await self._challenge(purpose),
            allow_credentials=[_descriptor(passkey) for passkey in held],
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return _json(options_to_json(options))

    async def verify(self, credential: dict[str, Any], purpose: str) -> Passkey:
        """
        Accept the authenticator's answer.

        Raises:
            FactorRefused: Not this user's, another challenge or origin, or a counter that went back.
        """
        challenge = await self._take(purpose)
        passkey = await self._named(credential)
        try:
            proved = webauthn.verify_authentication_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self._party.id,
                expected_origin=self._party.origin,
                credential_public_key=passkey.public_key,
                credential_current_sign_count=passkey.sign_count,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError) as error:
            raise FactorRefused(f"the passkey was not accepted: {error}") from error
        passkey.sign_count, passkey.last_used_at = proved.new_sign_count, self._clock.now()
        return passkey

    async def remove(self, passkey_id: UUID) -> None:
        passkey = await self._session.get(Passkey, (self._scope.org_id, passkey_id))
        if passkey is None or passkey.user_id != self._user_id:
            raise PasskeyNotFound(f"no passkey {passkey_id}")
        await self._session.delete(passkey)

    async def _named(self, credential: dict[str, Any]) -> Passkey:
        try:
            wanted = webauthn.base64url_to_bytes(str(credential["id"]))
        except (KeyError, ValueError) as error:
            raise FactorRefused("the passkey's answer names no credential") from error
        found = await self._session.execute(
            select(Passkey)
            .where(
                Passkey.org_id == self._scope.org_id,
                Passkey.user_id == self._user_id,
                Passkey.credential_id == wanted,
            )
            .with_for_update()
        )
        passkey = found.scalar_one_or_none()
        if passkey is None:
            raise FactorRefused("this passkey is not known here")
        return passkey

    async def _challenge(self, purpose: str) -> bytes:
        challenge = secrets.token_bytes(32)
        fresh = {"challenge": challenge, "expires_at": self._clock.now() + _CHALLENGE_LIFE}
        await self._session.execute(
            insert(Challenge)
            .values(org_id=self._scope.org_id, user_id=self._user_id, purpose=purpose, **fresh)
            .on_conflict_do_update(index_elements=["org_id", "user_id", "purpose"], set_=fresh)
        )
        return challenge

    async def _take(self, purpose: str) -> bytes:
        taken = await self._session.execute(
            delete(Challenge)
            .where(
                Challenge.org_id == self._scope.org_id,
                Challenge.user_id == self._user_id,
                Challenge.purpose == purpose,
                Challenge.expires_at > self._clock.now(),
            )
            .returning(Challenge.challenge)
        )
        challenge = taken.scalar_one_or_none()
        if challenge is None:
            raise FactorRefused("the question was answered already or is too old; try again")
        return bytes(challenge)


def _descriptor(passkey: Passkey) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(
        id=passkey.credential_id,
        transports=[AuthenticatorTransport(one) for one in passkey.transports],
    )


def _transports(credential: dict[str, Any]) -> list[str]:
    response = credential.get("response")
    said = response.get("transports", []) if isinstance(response, dict) else []
    known = {one.value for one in AuthenticatorTransport}
    return [one for one in said if one in known] if isinstance(said, list) else []


def _json(text: str) -> dict[str, Any]:
    return msgspec.json.decode(text, type=dict[str, Any])
