"""An incident with findings in the database, and the service in a transaction of its own."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec import json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from appliance.audit.service import AuditTrail
from appliance.foundation.actors import Scope
from appliance.foundation.clock import SystemClock
from appliance.foundation.database import Database, transaction
from appliance.foundation.outbox import Outbox
from appliance.incidents.models import Incident, IncidentEntity, IncidentFinding
from appliance.incidents.service import IncidentService
from appliance.telemetry.postgres_store import PostgresEventStore

LONG_AGO = datetime(2020, 5, 1, 22, 55, 32, tzinfo=UTC)

OpenIncidents = Callable[..., AbstractAsyncContextManager[IncidentService]]


@pytest.fixture
def incidents(database: Database) -> OpenIncidents:
    """Opens the service for one organisation; commits at the end, as a request does."""

    @asynccontextmanager
    async def opened(scope: Scope) -> AsyncGenerator[IncidentService]:
        async with transaction(database, scope) as session:
            yield service(session, scope)

    return opened


def service(session: AsyncSession, scope: Scope) -> IncidentService:
    clock = SystemClock()
    return IncidentService(
        session,
        scope,
        audit=AuditTrail(session, scope, clock),
        outbox=Outbox(session, scope, clock),
        clock=clock,
        store=PostgresEventStore(session, scope, clock),
    )


async def add_incident(database: Database, scope: Scope, *, findings: int = 2, **given: Any) -> UUID:
    """An incident and its findings, a second apart, each on an event of its own."""
    incident_id = uuid4()
    numbers = {"number": given.pop("number", int(incident_id) % 10**9)}
    values = {
        "title": "Credential dumping on wkstn-5",
        "status": "new",
        "is_open": given.get("status") != "closed",
        "severity": 3,
        "risk": 70,
        "tags": [],
        "techniques": ["T1003.001"],
        "tactics": ["credential-access"],
        "findings_count": findings,
        "events_count": findings,
        "first_event_at": LONG_AGO,
        "last_event_at": LONG_AGO + timedelta(seconds=findings),
        "created_at": LONG_AGO,
        "updated_at": LONG_AGO,
        "why": {"summary": "A rule matched."},
    } | numbers | given  # fmt: skip
    async with transaction(database, scope) as session:
        session.add(Incident(org_id=scope.org_id, id=incident_id, **values))
        await session.flush()
        session.add(
            IncidentEntity(
                org_id=scope.org_id, incident_id=incident_id, kind="host", value="wkstn-5",
                role="subject", weak=False, risk=70, reasons=["a rule matched"],
            )
        )  # fmt: skip
        for place in range(findings):
            finding = await add_finding(session, scope, at=LONG_AGO + timedelta(seconds=place))
            session.add(
                IncidentFinding(
                    org_id=scope.org_id, finding_id=finding, incident_id=incident_id,
                    event_time=LONG_AGO + timedelta(seconds=place),
                )
            )  # fmt: skip
    return incident_id


async def add_finding(session: AsyncSession, scope: Scope, *, at: datetime = LONG_AGO, **given: Any) -> UUID:
    row = {
        "org": scope.org_id, "id": uuid4(), "event": uuid4(), "source": uuid4(), "rule": "rule-1",
        "title": "LSASS memory read", "author": "A. Author", "level": 3, "techniques": ["T1003.001"],
        "tactics": ["credential-access"], "at": at, "host": "wkstn-5", "entities": [], "clauses": [],
    } | given  # fmt: skip
    await session.execute(
        text(
            "INSERT INTO findings (org_id, id, event_id, source_id, rule_id, rule_version, rule_set, title,"
            " author, level, techniques, tactics, event_time, host, kind, summary, entities, clauses)"
            " VALUES (:org, :id, :event, :source, :rule, 'v1', 's1', :title, :author, :level, :techniques,"
            " :tactics, :at, :host, 'windows', 'what happened', CAST(:entities AS jsonb),"
            " CAST(:clauses AS jsonb))"
        ),
        row | {key: json.encode(row[key]).decode() for key in ("entities", "clauses")},
    )
    return row["id"]
