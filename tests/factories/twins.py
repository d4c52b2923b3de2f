"""
Two organisations with equal objects, told apart by a word that each puts into everything it has.

`fingerprint` and `own_ids` look past every wall, as the superuser: what is foreign is found out from the
tables themselves, so that a new table is part of it at once.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import sql

from appliance.detection.models import FindingRow
from appliance.foundation.actors import Actor, ActorKind, Permission
from appliance.identity.federation_schemas import NewProvider
from appliance.incidents.models import IncidentFinding
from tests.factories.events import NOON, event, segment
from tests.factories.objects import ADMIN, RULE_ID, Objects
from tests.factories.oidc import uploaded_config

KINDS = (
    "incident_id", "event_id", "audit_entry_id", "source_id", "entry_id", "user_id", "token_id",
    "service_token_id", "role_name", "session_id", "own_session_id", "review_id",
)  # fmt: skip
# Where words of people stand: the marker goes there.
_WORDS = {
    "incidents": ("title",), "quarantine": ("reason",), "users": ("name",), "sessions": ("user_agent",),
    "api_tokens": ("name",), "access_reviews": ("opened_by",), "custom_roles": ("title",),
}  # fmt: skip


@dataclass
class Twin(Objects):
    """
    One of the two. `make` gives what there is, instead of something new.

    Attributes:
        marker: A word that stands in everything it has and nowhere else.
        kept: The id of one object of each kind.
    """

    marker: str = field(default_factory=lambda: f"mk{uuid4().hex}")
    kept: dict[str, str] = field(default_factory=dict)

    async def make(self, name: str, path: str = "") -> str:  # noqa: ARG002 — as in Objects
        return self.kept[name]

    async def fill(self) -> None:
        """Two of each kind, so that there is a second page."""
        for _ in range(2):
            for kind in KINDS:
                self.kept[kind] = await super().make(kind)
            self.kept["provider_id"] = str(await self._provider())
            self.kept["proposal_id"] = str(await self._proposal())
            await self._finding()
        for name in ("group_id", "batch_id", "passkey_id", "organisation_id"):
            self.kept.setdefault(name, str(uuid4()))

    async def _event_id(self) -> UUID:
        source = UUID(self.kept.get("source_id") or await super().make("source_id"))
        told = event(n=uuid4().hex, host=self.marker, User=self.marker)
        stored = segment([told], source=source)
        await self.services.events.append(stored, received=NOON)
        return stored.event_id(0)

    async def _provider(self) -> UUID:
        new = NewProvider(
            name=f"{self.marker}-{uuid4().hex[:6]}",
            config=uploaded_config(),
            secret="x",
            enabled=True,
            shown=False,
        )
        made = await self.services.providers.create(new, by=ADMIN)
        self.kept["scim_token"] = (await self.services.providers.issue_scim_token(made.id, by=ADMIN)).token
        return made.id

    async def _proposal(self) -> UUID:
        by = Actor(ActorKind.USER, UUID(self.kept["user_id"]), self.marker, frozenset(Permission))
        subject = {"subject_id": str(uuid4())}
        made = await self.services.proposals.propose("audit.erase_subject", subject, self.marker, by=by)
        return made.id

    async def _finding(self) -> None:
        now, new = datetime.now(UTC), uuid4()
        mine = {"org_id": self.scope.org_id}
        self.services.session.add(
            FindingRow(
                **mine, id=new, event_id=UUID(self.kept["event_id"]), source_id=UUID(self.kept["source_id"]),
                rule_id=RULE_ID, rule_version="1", rule_set="x", title=self.marker, author="x", level=2,
                techniques=[], tactics=[], event_time=now, host=self.marker, kind="x", summary=self.marker,
                entities=[], clauses=[],
            )
        )  # fmt: skip
        await self.services.session.flush()
        incident = UUID(self.kept["incident_id"])
        self.services.session.add(
            IncidentFinding(**mine, incident_id=incident, finding_id=new, event_time=now)
        )
        await self.services.session.flush()


class Past:
    """Looks past the walls."""

    def __init__(self, superuser_dsn: str) -> None:
        self._dsn = superuser_dsn.replace("dbname=postgres", "dbname=xdr")

    def mark(self, twin: Twin) -> None:
        """Put the marker where people's words stand."""
        with psycopg.connect(self._dsn) as connection:
            for table, columns in _WORDS.items():
                for column in columns:
                    command = sql.SQL("UPDATE {} SET {} = %s WHERE org_id = %s").format(
                        sql.Identifier(table), sql.Identifier(column)
                    )
                    assert connection.execute(command, (twin.marker, twin.scope.org_id)).rowcount

    def rows(self, org_id: UUID) -> dict[str, list[str]]:
        """Each table's rows of an organisation, as text."""
        found: dict[str, list[str]] = {}
        with psycopg.connect(self._dsn) as connection:
            for (table,) in connection.execute(_TABLES).fetchall():
                asked = sql.SQL("SELECT t::text FROM {} t WHERE org_id = %s ORDER BY 1").format(
                    sql.Identifier(table)
                )
                found[table] = [row for (row,) in connection.execute(asked, (org_id,))]
        return found

    def fingerprint(self, org_id: UUID) -> dict[str, str]:
        """What each table holds of an organisation, as a digest."""
        return {
            table: sha256("\n".join(rows).encode()).hexdigest() for table, rows in self.rows(org_id).items()
        }

    def own_ids(self, org_id: UUID) -> set[str]:
        """Every id that stands in any row of the organisation."""
        text = "\n".join(row for rows in self.rows(org_id).values() for row in rows)
        return set(_ID.findall(text))


_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TABLES: Any = """
    SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id'
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
    ORDER BY 1
"""
