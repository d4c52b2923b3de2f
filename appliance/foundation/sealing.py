"""
Secrets at rest: AES-256-GCM bound to the place they are stored in.

`v|alg|kid|nonce|ct`, with table‖column‖organisation‖row as associated data: a ciphertext moved to
another row does not open. The first key is a file; keyring and rotation come with `keys`.
"""

import os
from typing import TypedDict
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from appliance.foundation.errors import Invalid

_VERSION, _AES_256_GCM, _NONCE_BYTES = 1, 1, 12


class Place(TypedDict):
    """Where a sealed value is stored; it opens nowhere else."""

    table: str
    column: str
    org_id: UUID
    row_id: UUID


class Sealer:
    """Seals and opens with one key. Its repr shows the key's id only."""

    def __init__(self, key: bytes, key_id: int = 1) -> None:
        self._cipher, self._key_id = AESGCM(key), key_id

    def __repr__(self) -> str:
        return f"Sealer(key_id={self._key_id})"

    def seal(self, plain: bytes, *, table: str, column: str, org_id: UUID, row_id: UUID) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, plain, _place(table, column, org_id, row_id))
        return bytes([_VERSION, _AES_256_GCM, self._key_id]) + nonce + sealed

    def open(self, sealed: bytes, *, table: str, column: str, org_id: UUID, row_id: UUID) -> bytes:
        """
        The plain bytes.

        Raises:
            Invalid: Another key, another place, or altered.
        """
        if sealed[:3] != bytes([_VERSION, _AES_256_GCM, self._key_id]):
            raise Invalid(f"{table}.{column} is sealed with a key that is not loaded")
        nonce, body = sealed[3 : 3 + _NONCE_BYTES], sealed[3 + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, body, _place(table, column, org_id, row_id))
        except (InvalidTag, ValueError) as error:  # ValueError: cut off within the nonce
            raise Invalid(f"{table}.{column} of {row_id} was altered or moved from another row") from error


def _place(table: str, column: str, org_id: UUID, row_id: UUID) -> bytes:
    return b"\x00".join((table.encode(), column.encode(), org_id.bytes, row_id.bytes))
