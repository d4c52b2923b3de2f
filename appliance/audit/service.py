"""
The trail: one entry for each change of state, written in the transaction that makes the change.

An entry's body is RFC 8785 canonical JSON: keys sorted by UTF-16 code units, no insignificant space,
no floats, no integer above 2^53. It is stored as those bytes and never serialised again, so that it
can be chained and signed as it is.
"""

import json
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.models import AuditEntry
from appliance.foundation.actors import Actor, Scope
from appliance.foundation.clock import Clock
from appliance.foundation.errors import Invalid
from appliance.foundation.ids import new_id

_MOST = 2**53 - 1


class AuditTrail:
    """Bound to one transaction: the entry commits, or vanishes, with what it tells of."""

    def __init__(self, session: AsyncSession, scope: Scope, clock: Clock) -> None:
        self._session, self._scope, self._clock = session, scope, clock

    def record(
        self, action: str, *, by: Actor, subject: Any = None, outcome: str = "success", **detail: Any
    ) -> None:
        """
        Add an entry.

        Args:
            action: What happened, as `resource.past_tense`.
            by: Who did it.
            subject: What it was done to; an id.
            outcome: "success", or "denied" and "failed" with the reason in the detail.
            detail: Strings, whole numbers, booleans, lists and maps; never a secret.
        """
        now, entry_id = self._clock.now(), new_id(self._clock)
        body = {
            "id": str(entry_id),
            "at": now.isoformat(timespec="microseconds"),
            "org": str(self._scope.org_id),
            "action": action,
            "outcome": outcome,
            "actor": {
                "kind": by.kind.value,
                "id": None if by.id is None else str(by.id),
                "name": by.name,
                "address": by.address,
                "session": None if by.session_id is None else str(by.session_id),
            },
            "subject": None if subject is None else str(subject),
            "detail": detail,
        }
        self._session.add(
            AuditEntry(
                org_id=self._scope.org_id,
                id=entry_id,
                at=now,
                action=action,
                outcome=outcome,
                body=canonical(body),
            )
        )


def canonical(value: Any) -> bytes:
    """
    RFC 8785 bytes of a value without floats.

    Raises:
        Invalid: A float, an integer that JavaScript cannot hold exactly, or half a character.
    """
    try:
        return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise Invalid("an audit entry holds whole characters only; a lone surrogate is none") from error


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        # Python orders text by code point, RFC 8785 by UTF-16 code unit.
        return {key: _plain(value[key]) for key in sorted(value, key=lambda k: k.encode("utf-16-be"))}
    if isinstance(value, list | tuple | frozenset | set):
        return [_plain(one) for one in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if abs(value) > _MOST:
            raise Invalid(f"{value} is beyond 2^53 and cannot enter an audit entry; write it as text")
        return value
    if isinstance(value, float):
        raise Invalid("an audit entry holds no floats; write the number as text")
    return str(value)
