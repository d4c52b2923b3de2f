"""
Whether the appliance can work, found out by trying.

Each check does the thing: asks the database, asks whether it takes writes, whether the schema is this
release's, whether the walls stand. Nothing is remembered and nothing assumed.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import text

from appliance.foundation import maintenance
from appliance.foundation.actors import Actor, Permission, Scope
from appliance.foundation.cache import Cache
from appliance.foundation.database import Database, platform_transaction, transaction
from appliance.foundation.errors import ApplianceError
from appliance.foundation.heartbeat import LOST_SECONDS

EXPECTED_PROCESSES = ("ingest", "detect", "scheduler", "seal")


class Readiness(msgspec.Struct, frozen=True):
    ok: bool
    checks: dict[str, str]


class Probes:
    """Asked by the health routes and by `xdr status`."""

    def __init__(self, database: Database, cache: Cache, version: str, node: str, state_dir: Path) -> None:
        self._database, self._cache, self._version, self._node = database, cache, version, node
        self._state_dir = state_dir

    async def ready(self) -> Readiness:
        return await self._run({"maintenance": self._maintenance} | self._able)

    async def serving(self) -> Readiness:
        """Whether the virtual address may lead here; it does not depend on the database."""
        return await self._run({"maintenance": self._maintenance})

    async def startup(self) -> Readiness:
        return await self._run(
            {"database": self._database_answers, "schema": self._schema, "rules": self._rules}
        )

    async def status(self, scope: Scope, *, by: Actor) -> dict[str, Any]:
        """Components with state ok, degraded, down or not_configured, and the pipeline's counters."""
        by.require(Permission.STATUS_VIEW)
        started = time.monotonic()
        ready = await self._run(self._able)
        components = [
            {"name": name, "state": "ok" if said == "ok" else "down", "detail": said}
            for name, said in ready.checks.items()
        ]
        held = await self._maintenance()
        components.append(
            {"name": "maintenance", "state": "ok" if held == "ok" else "degraded", "detail": held}
        )
        components += await self._processes()
        components += await self._trail()
        state, detail = await self._cache.state()
        components.append({"name": "valkey", "state": state, "detail": detail})
        pipeline = await self._cache.get_or_make(scope, "pipeline", 3, lambda: self._pipeline(scope))
        return {
            "version": self._version,
            "node": self._node,
            "components": components,
            "pipeline": pipeline,
            "took_seconds": round(time.monotonic() - started, 3),
        }

    @property
    def _able(self) -> dict[str, Callable[[], Awaitable[str]]]:
        return {
            "database": self._database_answers, "tripwire": self._tripwire, "schema": self._schema,
            "walls": self._walls,
        }  # fmt: skip

    async def _run(self, checks: dict[str, Callable[[], Awaitable[str]]]) -> Readiness:
        said: dict[str, str] = {}
        for name, check in checks.items():
            try:
                said[name] = await check()
            except ApplianceError as error:
                said[name] = str(error)
        return Readiness(ok=all(answer == "ok" for answer in said.values()), checks=said)

    async def _maintenance(self) -> str:
        held = maintenance.current(self._state_dir, datetime.now(UTC))
        return "ok" if held is None else str(held)

    async def _tripwire(self) -> str:
        tripwire = self._database.tripwire
        return str(tripwire.refusal()) if tripwire.has_tripped else "ok"

    async def _database_answers(self) -> str:
        read_only = await self._scalar(
            "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool"
        )
        return "read only: this is a replica or the leader is being changed" if read_only else "ok"

    async def _schema(self) -> str:
        found = await self._scalar("SELECT version_num FROM alembic_version")
        wrong = f"schema is {found}, this release needs {_newest()}; run `xdr db migrate`"
        return "ok" if found == _newest() else wrong

    async def _walls(self) -> str:
        """Row-level security is forced on every tenant table, and text operators stay indexable."""
        open_tables = await self._scalar(
            "SELECT count(*) FROM pg_class c"
            " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id'"
            " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition"
            " AND c.relnamespace = 'public'::regnamespace"
            " AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
        )
        leaky = await self._scalar(
            "SELECT NOT proleakproof FROM pg_proc WHERE oid = 'texticlike(text,text)'::regprocedure"
        )
        if open_tables:
            return f"{open_tables} tables stand outside the walls; restore the schema"
        return "operators are not marked; run `xdr db bootstrap`" if leaky else "ok"

    async def _rules(self) -> str:
        loaded = await self._scalar("SELECT count(*) FROM rule_sets WHERE active")
        return "ok" if loaded else "no rules are loaded; run `xdr rules import DIR`"

    async def _processes(self) -> list[dict[str, str]]:
        async with platform_transaction(self._database) as session:
            rows = (
                await session.execute(
                    text("SELECT name, node, extract(epoch FROM now() - beat_at) AS age FROM process_states")
                )
            ).all()
        alive = {row.name: row for row in rows if row.age < LOST_SECONDS}
        lost = {row.name: row for row in rows if row.age >= LOST_SECONDS}
        return [_process(name, alive.get(name), lost.get(name)) for name in EXPECTED_PROCESSES]

    async def _trail(self) -> list[dict[str, str]]:
        """Whether the audit trail is sealed, and whether its checkpoints leave the box."""
        said = await self._scalar(
            "SELECT detail FROM process_states WHERE name = 'seal' AND beat_at > now() - interval '1 minute'"
            " ORDER BY coalesce((detail ->> 'active')::boolean, false) DESC, beat_at DESC LIMIT 1"
        )
        return [] if said is None else _trail(said)

    async def _pipeline(self, scope: Scope) -> dict[str, Any]:
        async with transaction(self._database, scope) as session:
            sums = (
                await session.execute(
                    text(
                        "SELECT coalesce(sum(events), 0)::bigint AS stored,"
                        " coalesce(sum(matched), 0)::bigint AS matched,"
                        " coalesce(sum(events) FILTER (WHERE received_at > now() - interval '1 minute'), 0)"
                        " / 60.0 AS rate"
                        " FROM segments WHERE org_id = :org"
                    ),
                    {"org": scope.org_id},
                )
            ).one()
            rules = (
                await session.execute(text("SELECT version, counts FROM rule_sets WHERE active"))
            ).first()
        ingest = await self._scalar(
            "SELECT detail FROM process_states WHERE name = 'ingest' ORDER BY beat_at DESC LIMIT 1"
        )
        return {
            "events_stored": int(sums.stored),
            "events_matched": int(sums.matched),
            "rate_per_second": float(round(sums.rate, 2)),
            "rule_set_version": rules.version if rules else None,
            "rules_active": rules.counts["active"] if rules else 0,
            "spool_bytes": (ingest or {}).get("spool_bytes", 0),
        }

    async def _scalar(self, query: str) -> Any:
        async with platform_transaction(self._database) as session:
            return (await session.execute(text(query))).scalar_one_or_none()


def _process(name: str, alive: Any, lost: Any) -> dict[str, str]:
    if alive is not None:
        return {"name": name, "state": "ok", "detail": f"on {alive.node}"}
    if lost is not None:
        return {
            "name": name,
            "state": "down",
            "detail": f"last heard of on {lost.node} {int(lost.age)} s ago",
        }
    return {"name": name, "state": "down", "detail": "never started"}


def _trail(said: dict[str, Any]) -> list[dict[str, str]]:
    sealed = f"sealed up to {said.get('lag_seconds', 0)} s ago"
    cause = said.get("cause", "")
    components = [{"name": "audit-trail", "state": "degraded" if cause else "ok", "detail": cause or sealed}]
    targets = said.get("checkpoints_to", {})
    if targets.get("state") == "not_configured":
        detail = "checkpoints are kept nowhere else; see docs/audit.md"
        return [*components, {"name": "audit-checkpoints", "state": "not_configured", "detail": detail}]
    for name, target in targets.items():
        state = "ok" if target["state"] == "ok" else "degraded"
        detail = target["cause"] or f"{target['sent']} since start"
        components.append({"name": f"audit-checkpoints-{name}", "state": state, "detail": detail})
    return components


def _newest() -> str:
    versions = Path(str(resources.files("appliance.migrations").joinpath("versions")))
    return max(path.name.split("_")[0] for path in versions.glob("[0-9]*.py"))
