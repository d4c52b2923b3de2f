"""
Personal data in entries, so that a person can be erased and the chain still holds.

Each person has a key of their own in each organisation, sealed under the appliance's. What is personal
stands in an entry as `{"sealed": …, "subject": …}`: AES-256-GCM under that key, bound to the entry and to
the field. Hashes and signatures cover the ciphertext. Without the key nobody reads it, and nothing else
changes. A plain hash would not do: names and addresses can be guessed.

An entry's text is finished when the session writes, because only then may the keys be asked for.
"""

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import text
from sqlalchemy.orm import Session

from appliance.audit.verifier.hashing import from_text, to_text
from appliance.foundation.actors import Actor, ActorKind
from appliance.foundation.sealing import Place, Sealer

# Fields of an entry's detail that are about a person, whoever writes them.
FIELDS = frozenset({"email", "login", "address", "user_agent", "phone", "display_name"})
_KEY_BYTES, _NONCE_BYTES = 32, 12
_MARKS = {"sealed", "subject"}

Keys = dict[UUID, bytes | None]


def person_of(org_id: UUID, actor: Actor) -> UUID | None:
    """Whose data an actor's name and address are; None for the appliance itself."""
    if actor.kind is ActorKind.SYSTEM:
        return None
    return actor.id or uuid5(org_id, f"{actor.kind}:{actor.name}")


class Secret:
    """A value to be sealed when the entry is written; its repr, which stands for it until then, hides it."""

    def __init__(self, plain: str, subject: UUID) -> None:
        self.plain, self.subject = plain, subject

    def __repr__(self) -> str:
        return f"Secret(subject={self.subject})"


def secrets_in(value: Any) -> Iterable[Secret]:
    """Every secret inside, however deep."""
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from secrets_in(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from secrets_in(one)


def sealed(
    value: Any, keys: Mapping[UUID, bytes | None], org_id: UUID, entry_id: UUID, path: str = ""
) -> Any:
    """The value with each secret in its sealed form; what is an erased person's is left out for good."""
    if isinstance(value, Secret):
        key = keys[value.subject]
        body = "" if key is None else _encrypted(value.plain, key, _place(org_id, entry_id, path))
        return {"sealed": body, "subject": str(value.subject)}
    if isinstance(value, dict):
        return {k: sealed(one, keys, org_id, entry_id, f"{path}/{k}") for k, one in value.items()}
    if isinstance(value, list | tuple):
        return [sealed(one, keys, org_id, entry_id, f"{path}/{n}") for n, one in enumerate(value)]
    return value


def opened(
    value: Any, keys: Mapping[UUID, bytes | None], org_id: UUID, entry_id: UUID, path: str = ""
) -> Any:
    """The value with what is sealed opened; None stands for what nobody can read any more."""
    if isinstance(value, dict):
        if value.keys() == _MARKS:
            return _decrypted(value, keys, _place(org_id, entry_id, path))
        return {k: opened(one, keys, org_id, entry_id, f"{path}/{k}") for k, one in value.items()}
    if isinstance(value, list):
        return [opened(one, keys, org_id, entry_id, f"{path}/{n}") for n, one in enumerate(value)]
    return value


def subjects_in(value: Any) -> set[UUID]:
    """Whose keys it takes to open a value."""
    if isinstance(value, dict):
        if value.keys() == _MARKS:
            return {found} if (found := _uuid(value["subject"])) else set()
        return {one for inner in value.values() for one in subjects_in(inner)}
    return {one for inner in value for one in subjects_in(inner)} if isinstance(value, list) else set()


def keys_for(session: Session, sealer: Sealer, org_id: UUID, subjects: Iterable[UUID], now: datetime) -> Keys:
    """
    The keys of these people, made where there was none; None for whoever was erased.

    Asked for in one order, so that two transactions that meet new people do not wait for each other.
    """
    known: Keys = session.info.setdefault("subject_keys", {})
    missing = sorted(set(subjects) - known.keys())
    if missing:
        found = dict(_select(session, org_id, missing))
        for subject in missing:
            if subject not in found:
                _make(session, sealer, org_id, subject, now)
        rows = found if len(found) == len(missing) else dict(_select(session, org_id, missing))
        known |= unsealed(sealer, org_id, rows)
    return known


def unsealed(sealer: Sealer, org_id: UUID, rows: Mapping[UUID, bytes | None]) -> Keys:
    """Keys as they are used, from keys as they are stored."""
    return {
        subject: None if stored is None else sealer.open(stored, **_key_place(org_id, subject))
        for subject, stored in rows.items()
    }


def _select(session: Session, org_id: UUID, subjects: list[UUID]) -> Iterable[tuple[UUID, bytes | None]]:
    rows = session.execute(
        text(
            "SELECT subject_id, sealed_key FROM audit_subject_keys"
            " WHERE org_id = :org AND subject_id = ANY(:ids)"
        ),
        {"org": org_id, "ids": subjects},
    )
    return [(row.subject_id, row.sealed_key) for row in rows]


def _make(session: Session, sealer: Sealer, org_id: UUID, subject: UUID, now: datetime) -> None:
    stored = sealer.seal(os.urandom(_KEY_BYTES), **_key_place(org_id, subject))
    session.execute(
        text(
            "INSERT INTO audit_subject_keys (org_id, subject_id, sealed_key, created_at)"
            " VALUES (:org, :subject, :key, :now) ON CONFLICT DO NOTHING"
        ),
        {"org": org_id, "subject": subject, "key": stored, "now": now},
    )


def _encrypted(plain: str, key: bytes, place: bytes) -> str:
    nonce = os.urandom(_NONCE_BYTES)
    return to_text(nonce + AESGCM(key).encrypt(nonce, plain.encode(), place))


def _decrypted(value: Mapping[str, Any], keys: Mapping[UUID, bytes | None], place: bytes) -> str | None:
    key = keys.get(subject) if (subject := _uuid(value["subject"])) else None
    if key is None or not value["sealed"]:
        return None
    try:
        raw = from_text(value["sealed"])
        return AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], place).decode()
    except (InvalidTag, ValueError):
        return None  # altered: the chain says so, and names the entry


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None


def _place(org_id: UUID, entry_id: UUID, path: str) -> bytes:
    return b"\x00".join((b"audit_entries", path.encode(), org_id.bytes, entry_id.bytes))


def _key_place(org_id: UUID, subject: UUID) -> Place:
    return Place(table="audit_subject_keys", column="sealed_key", org_id=org_id, row_id=subject)
