"""
What paths and bodies name, made in an organisation: for tests that walk every route or every command.

A route that is added without a line here fails those tests.
"""

import io
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec

from appliance.composition import Services
from appliance.foundation.actors import Actor, Permission, Scope, appliance
from appliance.foundation.clock import SystemClock
from appliance.foundation.ids import new_id
from appliance.identity.federation_schemas import NewProvider
from appliance.identity.governance_models import AccessReview
from appliance.identity.models import Session
from appliance.identity.schemas import NewRole, NewToken, NewUser
from appliance.incidents.models import Incident
from appliance.telemetry.models import QuarantineEntry
from appliance.telemetry.schemas import NewSource
from tests.factories.events import NOON, event, segment
from tests.factories.oidc import uploaded_config

ADMIN = appliance("tests")
RULE_ID = "5a1f7d0e-2c64-4b0e-9d3e-0b6d5f1c7a11"
RULE = f"""
title: A rule of the matrix
id: {RULE_ID}
status: test
author: Tests
level: low
logsource: {{product: test, service: matrix}}
detection: {{selection: {{matrix: never}}, condition: selection}}
"""
# Rules and the answer about a batch belong to nobody: the one are the appliance's, the other never says
# whether it knows an id.
NOBODYS = {"rule_id", "batch_id", "path"}
WINDOW = {"from": "2026-05-01T00:00:00Z", "to": "2026-05-02T00:00:00Z"}


@dataclass
class Objects:
    """Makes what a path names, in one organisation, fresh for each request."""

    services: Services
    scope: Scope
    by: Actor
    reviewed: UUID | None = None  # who the review that was made last is about

    async def make(self, name: str, path: str = "") -> str:
        made: Any = await getattr(self, f"_{name}")()
        if path.endswith("/split"):  # only what was merged can be taken out again
            await self.services.incidents.merge(await self._incident_id(), [made], by=ADMIN, note=None)
        if path.endswith("/suspension"):
            await self.services.identity.suspend(made, by=ADMIN)
        return str(made)

    async def _incident_id(self) -> UUID:
        now, new = datetime.now(UTC), uuid4()
        self.services.session.add(
            Incident(
                org_id=self.scope.org_id, id=new, number=int(new) % 10**9, title="x", status="new",
                is_open=True, severity=2, risk=10, tags=[], techniques=[], tactics=[], findings_count=0,
                events_count=0, first_event_at=now, last_event_at=now, created_at=now, updated_at=now,
                why={"summary": "x"},
            )
        )  # fmt: skip
        await self.services.session.flush()
        return new

    async def _event_id(self) -> UUID:
        stored = segment([event(n=uuid4().hex)])
        await self.services.events.append(stored, received=NOON)
        return stored.event_id(0)

    async def _audit_entry_id(self) -> UUID:
        made = self.services.audit.record("test.done", by=ADMIN)
        await self.services.session.flush()
        return made

    async def _source_id(self) -> UUID:
        return (await self.services.telemetry.create_source(NewSource(name=uuid4().hex), by=ADMIN)).id

    async def _entry_id(self) -> UUID:
        new = new_id(SystemClock())
        self.services.session.add(
            QuarantineEntry(
                org_id=self.scope.org_id, id=new, source_id=await self._source_id(),
                received_at=datetime.now(UTC), reason="not JSON", body=b"{",
            )
        )  # fmt: skip
        await self.services.session.flush()
        return new

    async def _user_id(self) -> UUID:
        new = NewUser(email=f"{uuid4().hex}@example.test", name="x", roles=["read_only_analyst"])
        return (await self.services.identity.invite(new, by=ADMIN)).user.id

    async def _token_id(self) -> UUID:
        wanted = NewToken(name="x", permissions=[], days=1)
        by = Actor(self.by.kind, self.by.id, self.by.name, frozenset(Permission))
        return (await self.services.tokens.create(wanted, by=by)).id

    async def _organisation_id(self) -> UUID:
        return uuid4()  # only the node's administrator would find out

    async def _service_token_id(self) -> UUID:
        wanted = NewToken(name="x", permissions=[], days=1)
        return (await self.services.tokens.create_service_token(wanted, by=ADMIN)).id

    async def _role_name(self) -> str:
        new = NewRole(name=f"r_{uuid4().hex}", title="x", permissions=[])
        return (await self.services.roles.create(new, by=ADMIN)).name

    async def _session_id(self) -> UUID:
        return await self._session_of(UUID(await self.make("user_id")))

    async def _own_session_id(self) -> UUID:
        return await self._session_of(self.by.id)

    async def _session_of(self, user_id: UUID) -> UUID:
        new, now = uuid4(), datetime.now(UTC)
        self.services.session.add(
            Session(
                org_id=self.scope.org_id, id=new, user_id=user_id, token_hash=new.bytes, kind="browser",
                methods=[], created_at=now, last_seen_at=now, expires_at=now + timedelta(hours=1),
                address="", user_agent="",
            )
        )  # fmt: skip
        await self.services.session.flush()
        return new

    async def _review_id(self) -> UUID:
        new, now = uuid4(), datetime.now(UTC)
        self.reviewed = uuid4()
        item = {"user_id": str(self.reviewed), "email": "x@example.test", "decision": "keep"}
        self.services.session.add(
            AccessReview(
                org_id=self.scope.org_id, id=new, opened_at=now, opened_by="x", due_at=now, items=[item],
                closed_by="",
            )
        )  # fmt: skip
        await self.services.session.flush()
        return new

    async def _rule_id(self) -> str:
        return RULE_ID

    async def _provider_id(self) -> UUID:
        return (await self.services.providers.create(new_provider(), by=ADMIN)).id

    async def _batch_id(self) -> UUID:
        return uuid4()

    async def _path(self) -> str:
        return "openapi.json"


async def body_for(method: str, path: str, own: Objects, made: Objects) -> Any:
    """A body that the route accepts from whoever may."""
    bodies: dict[str, Any] = {
        "POST /api/v1/users": {"email": f"{uuid4().hex}@example.test", "name": "x", "roles": ["soc_analyst"]},
        "POST /api/v1/users/{user_id:uuid}/link": None,
        "POST /api/v1/users/{user_id:uuid}/suspension": None,
        "DELETE /api/v1/users/{user_id:uuid}/suspension": None,
        "PUT /api/v1/users/{user_id:uuid}/roles": {"roles": [{"role": "soc_analyst"}]},
        "DELETE /api/v1/users/{user_id:uuid}/factors": None,
        "POST /api/v1/roles": {"name": f"r_{uuid4().hex}", "title": "x", "permissions": ["events:view"]},
        "PUT /api/v1/roles/{role_name:str}": {"name": "x", "title": "y", "permissions": []},
        "DELETE /api/v1/roles/{role_name:str}": None,
        "DELETE /api/v1/sessions/{session_id:uuid}": None,
        "DELETE /api/v1/sessions/own/{own_session_id:uuid}": None,
        "DELETE /api/v1/sessions/own": None,
        "PATCH /api/v1/organisation/policy": {"mfa_required": False},
        "POST /api/v1/service-tokens": {"name": "x", "permissions": ["events:view"], "days": 1},
        "DELETE /api/v1/service-tokens/{service_token_id:uuid}": None,
        "POST /api/v1/access-reviews": None,
        "POST /api/v1/signing-keys/rotation": None,
        "POST /api/v1/organisations": {"name": "x"},
        "PATCH /api/v1/organisations/{organisation_id:uuid}": {"status": "suspended"},
        "POST /api/v1/access-reviews/{review_id:uuid}/closure": None,
        "POST /api/v1/tokens": {"name": "x", "permissions": ["tokens:own"], "days": 1},
        "DELETE /api/v1/tokens/{token_id:uuid}": None,
        "POST /api/v1/incidents/{incident_id:uuid}/acknowledgement": {},
        "POST /api/v1/incidents/{incident_id:uuid}/notes": {"text": "seen"},
        "POST /api/v1/incidents/{incident_id:uuid}/transition": {"to": "acknowledged"},
        "POST /api/v1/incidents/{incident_id:uuid}/split": None,
        "PATCH /api/v1/incidents/{incident_id:uuid}": {"tags": ["x"]},
        "POST /api/v1/events/search": {},
        "POST /api/v1/events/histogram": WINDOW,
        "POST /api/v1/rules/imports": archive_of_rule(),
        "POST /api/v1/rules/test": {"text": RULE, "event": {"matrix": "never"}},
        "PATCH /api/v1/rules/{rule_id:str}": {"enabled": True},
        "POST /api/v1/sources": {"name": uuid4().hex},
        "PATCH /api/v1/sources/{source_id:uuid}": {"enabled": True},
        "POST /api/v1/sources/{source_id:uuid}/tokens": {},
        "POST /api/v1/sources/{source_id:uuid}/tokens/revocation": None,
        "POST /api/v1/quarantine/{entry_id:uuid}/replay": None,
        "POST /api/v1/audit/verification": {},
        "POST /api/v1/audit/export": {},
        "POST /api/v1/audit/keys/rotation": None,
        "POST /api/v1/identity-providers": msgspec.to_builtins(new_provider()),
        "PATCH /api/v1/identity-providers/{provider_id:uuid}": {"shown": False},
        "DELETE /api/v1/identity-providers/{provider_id:uuid}": None,
        "POST /api/v1/identity-providers/{provider_id:uuid}/test": None,
        "POST /api/v1/identity-providers/{provider_id:uuid}/scim-token": None,
        "DELETE /api/v1/identity-providers/{provider_id:uuid}/scim-token": None,
    }
    route = f"{method} {path}"
    if route.endswith("/decisions"):
        return {"decisions": [{"user_id": str(made.reviewed), "decision": "remove"}]}
    if route.endswith("/bulk"):
        return {"ids": [await own.make("incident_id")], "action": "acknowledge"}
    if route.endswith("/merge"):
        return {"ids": [await own.make("incident_id")]}
    if route.endswith("POST /api/v1/incidents/{incident_id:uuid}/evidence"):
        return {"event_id": await own.make("event_id"), "reason": "it matters"}
    return None if method == "GET" else bodies[route]


def new_provider() -> NewProvider:
    return NewProvider(name=uuid4().hex, config=uploaded_config(), secret="x")


def archive_of_rule() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("matrix.yml", RULE)
    return packed.getvalue()
