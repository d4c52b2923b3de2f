"""
The trail: one entry for each change of state, written in the transaction that makes the change.

An entry's body is RFC 8785 canonical JSON: keys sorted by UTF-16 code units, no insignificant space,
no floats, no integer above 2^53. It is stored as those bytes and never serialised again: they are what
is chained and signed (docs/security/audit-format.md). What is personal in it is encrypted for each person
(audit/personal.py). An entry that cannot be written takes its transaction with it.
"""

import json
from typing import Any
from uuid import UUID

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from appliance.audit import personal as privacy
from appliance.audit.models import AuditEntry
from appliance.audit.personal import FIELDS, Secret, person_of
from appliance.foundation.actors import Actor, Scope
from appliance.foundation.clock import Clock
from appliance.foundation.database import Database, transaction
from appliance.foundation.errors import Invalid
from appliance.foundation.ids import new_id

_MOST = 2**53 - 1


class AuditTrail:
    """Bound to one transaction: the entry commits, or vanishes, with what it tells of."""

    def __init__(self, session: AsyncSession, scope: Scope, clock: Clock) -> None:
        self._session, self._scope, self._clock = session, scope, clock

    def record(
        self,
        action: str,
        *,
        by: Actor,
        subject: Any = None,
        outcome: str = "success",
        personal: Any = None,
        **detail: Any,
    ) -> UUID:
        """
        Add an entry; its id.

        Args:
            action: What happened, as `resource.past_tense`.
            by: Who did it. Name and address are encrypted for the person.
            subject: What it was done to; an id.
            outcome: "success", or "denied" and "failed" with the reason in the detail.
            personal: A map of further detail about the subject, where that is a person, else about the
                actor; encrypted for that person. So are `email`, `address` and the like in the detail.
            detail: Strings, whole numbers, booleans, lists and maps; never a secret.

        Raises:
            Invalid: The detail holds what an entry cannot hold.
        """
        now, entry_id, org_id = self._clock.now(), new_id(self._clock), self._scope.org_id
        actor, person = person_of(org_id, by), _person(subject) or person_of(org_id, by)
        body = {
            "id": str(entry_id),
            "at": now.isoformat(timespec="microseconds"),
            "org": str(org_id),
            "action": action,
            "outcome": outcome,
            "actor": {
                "kind": by.kind.value,
                "id": None if by.id is None else str(by.id),
                "name": _secret(by.name, actor),
                "address": _secret(by.address, actor),
                "session": None if by.session_id is None else str(by.session_id),
            },
            "subject": None if subject is None else str(subject),
            "detail": {
                name: _secret(value, person) if name in FIELDS else value for name, value in detail.items()
            }
            | {name: _secret(value, person) for name, value in dict(personal or {}).items()},
        }
        entry = AuditEntry(
            org_id=org_id, id=entry_id, at=now, action=action, outcome=outcome, actor_id=by.id,
            subject=body["subject"],
        )  # fmt: skip
        self._finish(entry, body)
        self._session.add(entry)
        return entry_id

    def read(self, what: str, *, by: Actor, subject: Any = None, **detail: Any) -> UUID:
        """Add an entry that an administrator looked at something, such as `audit.entries`."""
        return self.record(f"{what}.read", by=by, subject=subject, **detail)

    def _finish(self, entry: AuditEntry, body: Any) -> None:
        """Write the entry's text, now or, where people's keys are needed, when the session writes."""
        entry.body = _encoded(body)  # refuses what an entry cannot hold, while the caller can be told
        if next(iter(privacy.secrets_in(body)), None) is None:
            return
        session = self._session.sync_session
        if "audit_waiting" not in session.info:
            session.info["audit_waiting"] = []
            event.listen(session, "before_flush", _encrypt_waiting)
        session.info["audit_waiting"].append((entry, body))


async def record_denial(
    database: Database,
    scope: Scope,
    clock: Clock,
    *,
    by: Actor,
    reason: str,
    subject: Any = None,
    **detail: Any,
) -> None:
    """
    Add an entry that something was refused, in a transaction of its own: the one it was refused in is gone.

    Args:
        reason: The refusal's stable code, such as "not_permitted".

    Raises:
        Unavailable: It cannot be written; then the refusal must not be answered as if it had been.
    """
    async with transaction(database, scope) as session:
        AuditTrail(session, scope, clock).record(
            "access.denied", by=by, subject=subject, outcome="denied", reason=reason, **detail
        )


def _encrypt_waiting(session: Session, *_: object) -> None:
    waiting = session.info["audit_waiting"]
    if not waiting:
        return
    database: Database = session.info["database"]
    by_organisation: dict[UUID, list[tuple[AuditEntry, Any]]] = {}
    for entry, body in waiting:
        by_organisation.setdefault(entry.org_id, []).append((entry, body))
    for org_id, entries in by_organisation.items():
        subjects = {secret.subject for _, body in entries for secret in privacy.secrets_in(body)}
        keys = privacy.keys_for(session, database.sealer, org_id, subjects, entries[0][0].at)
        for entry, body in entries:
            entry.body = _encoded(privacy.sealed(body, keys, org_id, entry.id))
    waiting.clear()


def _person(subject: Any) -> UUID | None:
    try:
        return subject if isinstance(subject, UUID) else UUID(str(subject))
    except ValueError:
        return None


def _secret(value: Any, person: UUID | None) -> Any:
    """A value that is sealed for a person; what is empty, or nobody's, is left as it is."""
    if person is None or value in (None, ""):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [_secret(one, person) for one in value]
    plain = value if isinstance(value, str) else canonical(value).decode()
    canonical(plain)  # half a character is refused here as well
    return Secret(plain, person)


def canonical(value: Any) -> bytes:
    """
    RFC 8785 bytes of a value without floats.

    Raises:
        Invalid: A float, an integer that JavaScript cannot hold exactly, or half a character.
    """
    return _encoded(value)


def _encoded(value: Any) -> bytes:
    try:
        return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"), default=repr).encode()
    except UnicodeEncodeError as error:
        raise Invalid("an audit entry holds whole characters only; a lone surrogate is none") from error


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        # Python orders text by code point, RFC 8785 by UTF-16 code unit.
        return {key: _plain(value[key]) for key in sorted(value, key=lambda k: k.encode("utf-16-be"))}
    if isinstance(value, list | tuple | frozenset | set):
        return [_plain(one) for one in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if value is None or isinstance(value, bool | Secret):
        return value
    if isinstance(value, int):
        if abs(value) > _MOST:
            raise Invalid(f"{value} is beyond 2^53 and cannot enter an audit entry; write it as text")
        return value
    if isinstance(value, float):
        raise Invalid("an audit entry holds no floats; write the number as text")
    return str(value)
