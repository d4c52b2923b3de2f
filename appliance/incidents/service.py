"""
The verbs of an incident and the reads, behind permissions. Each change leaves an audit entry and a
line on the incident's timeline, in the same transaction.
"""

from hashlib import sha256
from typing import Any
from uuid import UUID

import structlog
from msgspec import UNSET
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Actor, Permission, Scope
from appliance.foundation.clock import Clock
from appliance.foundation.errors import ApplianceError, Invalid
from appliance.foundation.ids import new_id
from appliance.foundation.outbox import Outbox
from appliance.foundation.severity import Severity
from appliance.incidents import merging, queries
from appliance.incidents.errors import OwnerUnknown, VersionMismatch
from appliance.incidents.lifecycle import (
    CloseReason,
    Status,
    close_reason,
    ensure_may_become,
    permission_for,
    reopening_reason,
)
from appliance.incidents.models import Evidence, Incident, TimelineEntry
from appliance.incidents.reading import IncidentReads
from appliance.incidents.schemas import (
    BulkAction,
    BulkFailure,
    BulkRequest,
    BulkResult,
    EvidenceItem,
    IncidentChange,
    IncidentDetail,
    Level,
    Named,
    NoteItem,
)
from appliance.telemetry.store import EventStore

log = structlog.get_logger()

_MOST_IN_BULK = 500
_MOST_TAGS, _LONGEST_TAG, _LONGEST_NOTE = 32, 64, 20_000


class IncidentService(IncidentReads):
    """Bound to one transaction and, by its scope, to one organisation."""

    def __init__(
        self,
        session: AsyncSession,
        scope: Scope,
        *,
        audit: AuditTrail,
        outbox: Outbox,
        clock: Clock,
        store: EventStore,
    ) -> None:
        super().__init__(session, scope)
        self._audit, self._outbox, self._clock, self._store = audit, outbox, clock, store

    async def acknowledge(
        self, incident_id: UUID, *, by: Actor, note: str | None = None, expected_version: int | None = None
    ) -> IncidentDetail:
        """
        Take a new incident in hand; this stops its time-to-acknowledge.

        Raises:
            IncidentNotFound: There is none.
            TransitionNotAllowed: Somebody was faster, or it is closed.
            VersionMismatch: It was changed since it was read.
        """
        return await self.transition(
            incident_id, Status.ACKNOWLEDGED, by=by, note=note, expected_version=expected_version
        )

    async def transition(
        self,
        incident_id: UUID,
        to: Status,
        *,
        by: Actor,
        reason: str | None = None,
        note: str | None = None,
        expected_version: int | None = None,
    ) -> IncidentDetail:
        """
        Bring an incident to another state.

        Args:
            incident_id: Which.
            to: Where to.
            by: Who.
            reason: One of the close reasons when closing; a sentence when reopening.
            note: Anything to add.
            expected_version: The version the decision was made on.

        Raises:
            IncidentNotFound: There is none.
            TransitionNotAllowed: The state machine has no such step; somebody may have been faster.
            ReasonMissing: Closing or reopening without one.
            VersionMismatch: It was changed since it was read.
        """
        by.require(permission_for(to, reason))
        incident = await self._locked(incident_id, expected_version)
        before = Status(incident.status)
        ensure_may_become(before, to)
        detail = reason or ""
        if to is Status.CLOSED:
            closed_as = close_reason(reason)
            incident.closure, detail = self._closure(closed_as, note, by), closed_as.value.replace("_", " ")
        elif before is Status.CLOSED:
            incident.closure, detail = None, reopening_reason(reason)
        incident.status, incident.is_open = to, to is not Status.CLOSED
        if incident.acknowledged_at is None and to is Status.ACKNOWLEDGED:
            incident.acknowledged_by, incident.acknowledged_at = by.id, self._clock.now()
        title = "Reopened" if before is Status.CLOSED else to.value.replace("_", " ").capitalize()
        self._changed(incident, "state", title, "\n".join(part for part in (detail, note) if part), by)
        action = _ACTIONS[to] if before is not Status.CLOSED else "incident.reopened"
        self._audit.record(
            action, by=by, subject=incident.id, before=before.value, to=to.value,
            reason=reason or "", note=note or "",
        )  # fmt: skip
        self._outbox.publish(action, incident_id=str(incident.id), before=before.value, to=to.value)
        log.info(action.replace(".", "_"), incident_id=str(incident.id), actor_id=str(by.id))
        return await self._detail(incident, by)

    async def change(
        self, incident_id: UUID, wanted: IncidentChange, *, by: Actor, expected_version: int | None = None
    ) -> IncidentDetail:
        """
        Change owner, severity and tags in one step; what is not named stays.

        Raises:
            IncidentNotFound: There is none.
            VersionMismatch: It was changed since it was read.
            OwnerUnknown: No user of this organisation, or suspended.
        """
        by.require(Permission.INCIDENTS_UPDATE)
        incident = await self._locked(incident_id, expected_version)
        if wanted.owner_id is not UNSET:
            await self._assign(incident, wanted.owner_id, by)
        if wanted.severity is not UNSET:
            self._set_severity(incident, wanted.severity, by)
        if wanted.tags is not UNSET:
            self._tag(incident, wanted.tags, by)
        return await self._detail(incident, by)

    async def assign(self, incident_id: UUID, owner_id: UUID | None, *, by: Actor) -> IncidentDetail:
        """Give an incident an owner, or take the owner away."""
        return await self.change(incident_id, IncidentChange(owner_id=owner_id), by=by)

    async def set_severity(self, incident_id: UUID, severity: Level, *, by: Actor) -> IncidentDetail:
        """Set the severity by hand; findings that join later no longer raise it."""
        return await self.change(incident_id, IncidentChange(severity=severity), by=by)

    async def tag(self, incident_id: UUID, tags: list[str], *, by: Actor) -> IncidentDetail:
        """Replace the tags."""
        return await self.change(incident_id, IncidentChange(tags=tags), by=by)

    async def add_note(self, incident_id: UUID, note: str, *, by: Actor) -> NoteItem:
        """
        Write a note on the timeline.

        Raises:
            IncidentNotFound: There is none.
            Invalid: It is empty or longer than 20,000 characters.
        """
        by.require(Permission.INCIDENTS_UPDATE)
        if not note.strip() or len(note) > _LONGEST_NOTE:
            raise Invalid(f"a note holds 1 to {_LONGEST_NOTE} characters")
        incident = await self._locked(incident_id, None)
        entry = self._changed(incident, "note", "Note", note, by)
        self._audit.record("incident.note_added", by=by, subject=incident.id, note_id=entry.id)
        return NoteItem(id=entry.id, at=entry.at, by=_named(by), text=note)

    async def pin_evidence(
        self, incident_id: UUID, event_id: UUID, *, reason: str, by: Actor
    ) -> EvidenceItem:
        """
        Copy an event beyond retention and name it evidence. Pinning it again changes nothing.

        Raises:
            IncidentNotFound: There is no such incident.
            EventNotFound: There is no such event, or retention has taken it.
        """
        by.require(Permission.EVENTS_PIN)
        incident = await self._locked(incident_id, None)
        found = await self._session.get(Evidence, (self._scope.org_id, incident_id, event_id))
        if found is not None:
            return queries.evidence_item(found)
        original = await self._store.pin(event_id, by=by.name, reason=reason)
        evidence = Evidence(
            org_id=self._scope.org_id, incident_id=incident_id, event_id=event_id, reason=reason,
            pinned_at=self._clock.now(), pinned_by=by.name, sha256=sha256(original).hexdigest(),
        )  # fmt: skip
        self._session.add(evidence)
        self._changed(incident, "evidence", "Evidence pinned", f"{reason}\nevent {event_id}".strip(), by)
        self._audit.record(
            "incident.evidence_pinned", by=by, subject=incident.id, event_id=event_id, sha256=evidence.sha256
        )
        return queries.evidence_item(evidence)

    async def bulk(self, wanted: BulkRequest, *, by: Actor) -> BulkResult:
        """
        Do one thing to many incidents; each succeeds or fails on its own.

        Raises:
            Invalid: More than 500 incidents.
        """
        if len(wanted.ids) > _MOST_IN_BULK:
            raise Invalid(f"at most {_MOST_IN_BULK} incidents at once; split the selection")
        done: list[UUID] = []
        failed: list[BulkFailure] = []
        # In id order, so that two bulk changes that overlap cannot wait for each other.
        for incident_id in sorted(set(wanted.ids)):
            try:
                async with self._session.begin_nested():
                    await self._one_of_bulk(incident_id, wanted, by)
                done.append(incident_id)
            except ApplianceError as error:
                failed.append(BulkFailure(id=incident_id, code=error.code, detail=str(error)))
        return BulkResult(done=done, failed=failed)

    async def merge(
        self, incident_id: UUID, others: list[UUID], *, by: Actor, note: str | None = None
    ) -> IncidentDetail:
        """
        Make other incidents part of this one; `split` undoes it.

        Raises:
            IncidentNotFound: One of them does not exist.
            UnfitForMerge: An incident cannot be merged with itself.
        """
        by.require(Permission.INCIDENTS_UPDATE)
        locked = {each: await self._locked(each, None) for each in sorted({incident_id, *others})}
        into = locked.pop(incident_id)
        for other in [locked[each] for each in dict.fromkeys(others) if each in locked]:
            await merging.absorb(self._session, self._scope, into, other, by=_named(by), at=self._clock.now())
            self._changed(other, "state", f"Merged into #{into.number}", note or "", by)
            self._changed(into, "state", f"#{other.number} merged into this", note or "", by)
            self._audit.record("incident.merged", by=by, subject=into.id, absorbed=other.id, note=note or "")
            self._outbox.publish("incident.merged", incident_id=str(into.id), absorbed_id=str(other.id))
        merging.ensure_some(locked, incident_id)
        return await self._detail(into, by)

    async def split(self, incident_id: UUID, *, by: Actor, note: str | None = None) -> IncidentDetail:
        """
        Take a merged incident out again: its findings return, and it is in progress.

        Raises:
            IncidentNotFound: There is none.
            UnfitForMerge: It is not merged into another.
        """
        by.require(Permission.INCIDENTS_UPDATE)
        other = await self._locked(incident_id, None)
        into = await self._locked(merging.merged_into(other), None)
        while not into.is_open and (into.closure or {}).get("merged_into"):
            into = await self._locked(merging.merged_into(into), None)
        await merging.release(self._session, self._scope, into, other)
        self._changed(other, "state", f"Split from #{into.number}", note or "", by)
        self._changed(into, "state", f"#{other.number} split from this", note or "", by)
        self._audit.record("incident.split", by=by, subject=other.id, left=into.id, note=note or "")
        self._outbox.publish("incident.split", incident_id=str(other.id), left_id=str(into.id))
        return await self._detail(other, by)

    # What they share

    async def delete(self, incident_id: UUID, *, by: Actor) -> None:
        """
        Delete an incident with its timeline, notes and pinned evidence; findings and events stay.

        Takes two people: it runs when a proposal of it was approved (identity/proposals.py).

        Raises:
            IncidentNotFound: There is none.
        """
        by.require(Permission.INCIDENTS_DELETE)
        incident = await self._locked(incident_id, None)
        self._audit.record(
            "incident.deleted", by=by, subject=incident.id, number=incident.number, title=incident.title
        )
        await self._session.delete(incident)

    async def _locked(self, incident_id: UUID, expected_version: int | None) -> Incident:
        incident = await queries.lock(self._session, self._scope, incident_id)
        if expected_version is not None and expected_version != incident.version:
            raise VersionMismatch(expected_version, incident.version)
        return incident

    def _changed(self, incident: Incident, kind: str, title: str, detail: str, by: Actor) -> TimelineEntry:
        """One more version, and a line on the timeline that says why."""
        incident.version += 1
        incident.updated_at = self._clock.now()
        entry = TimelineEntry(
            org_id=self._scope.org_id, id=new_id(self._clock), incident_id=incident.id,
            at=incident.updated_at, kind=kind, title=title, detail=detail,
            actor_id=by.id, actor_name=by.name,
        )  # fmt: skip
        self._session.add(entry)
        return entry

    def _closure(self, reason: CloseReason, note: str | None, by: Actor) -> dict[str, Any]:
        return {
            "reason": reason.value,
            "note": note,
            "by": {"id": None if by.id is None else str(by.id), "name": by.name},
            "at": self._clock.now().isoformat(),
        }

    async def _assign(self, incident: Incident, owner_id: UUID | None, by: Actor) -> None:
        # Taking what is nobody's, and giving up one's own, is work; the rest decides about others.
        if {owner_id, incident.owner_id} - {by.id, None}:
            by.require(Permission.INCIDENTS_ASSIGN)
        if owner_id == incident.owner_id:
            return
        name = "nobody"
        if owner_id is not None:
            if not await queries.may_own(self._session, self._scope, owner_id):
                raise OwnerUnknown(owner_id)
            name = (await queries.user_names(self._session, self._scope, (owner_id,)))[owner_id].name
        before, incident.owner_id = incident.owner_id, owner_id
        self._changed(incident, "owner", f"Assigned to {name}", "", by)
        self._record_change("incident.assigned", incident, by, before=str(before), to=str(owner_id))

    def _set_severity(self, incident: Incident, label: Level, by: Actor) -> None:
        before = Severity(incident.severity)
        incident.severity, incident.severity_is_manual = int(Severity.named(label)), True
        self._changed(incident, "severity", f"Severity {label}", f"was {before.label}", by)
        self._record_change("incident.severity_set", incident, by, before=before.label, to=label)

    def _tag(self, incident: Incident, tags: list[str], by: Actor) -> None:
        cleaned = list(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
        if len(cleaned) > _MOST_TAGS or any(len(tag) > _LONGEST_TAG for tag in cleaned):
            raise Invalid(f"an incident holds at most {_MOST_TAGS} tags of {_LONGEST_TAG} characters")
        before, incident.tags = list(incident.tags), cleaned
        self._changed(incident, "tag", "Tags " + (", ".join(cleaned) or "removed"), "", by)
        self._record_change("incident.tagged", incident, by, before=before, to=cleaned)

    def _record_change(self, action: str, incident: Incident, by: Actor, **detail: Any) -> None:
        self._audit.record(action, by=by, subject=incident.id, **detail)
        self._outbox.publish(action, incident_id=str(incident.id), **detail)

    async def _one_of_bulk(self, incident_id: UUID, wanted: BulkRequest, by: Actor) -> None:
        if wanted.action is BulkAction.ACKNOWLEDGE:
            await self.acknowledge(incident_id, by=by, note=wanted.note)
        elif wanted.action is BulkAction.CLOSE:
            await self.transition(incident_id, Status.CLOSED, by=by, reason=wanted.reason, note=wanted.note)
        else:
            await self.assign(incident_id, wanted.owner_id, by=by)


_ACTIONS = {
    Status.ACKNOWLEDGED: "incident.acknowledged",
    Status.IN_PROGRESS: "incident.begun",
    Status.CONTAINED: "incident.contained",
    Status.CLOSED: "incident.closed",
}


def _named(by: Actor) -> Named:
    return Named(id=None if by.id is None else str(by.id), name=by.name)
