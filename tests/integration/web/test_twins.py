"""
Two organisations with equal objects: whatever one is asked, nothing of the other shows, and nothing there moves.

Routes and their query parameters are the application's own, jobs and tables those that there are; so none can
be forgotten. What belongs to the other is read from the tables, past every wall.
"""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar

from appliance.audit.event_sealing import EventSealing
from appliance.audit.keyring import Keyring
from appliance.audit.sealing import Sealing
from appliance.detection.sigma.rules import RuleSource
from appliance.foundation import queue
from appliance.foundation.actors import Scope
from appliance.incidents.correlating import Correlation
from appliance.jobs import replays
from appliance.jobs.scheduler import Workshop
from appliance.telemetry.witnessing import SegmentWitness
from tests.factories.jobs import PAYLOADS, Intake, Relay, done
from tests.factories.objects import ADMIN, NOBODYS, RULE, Objects, body_for
from tests.factories.twins import Past, Twin
from tests.integration.web.test_matrix import parameter_of

pytestmark = pytest.mark.usefixtures("next_audit_key")

# What whoever asks does with these ends the session that asks: somebody else is sent each time.
_ENDING = ("/api/v1/session", "/api/v1/sessions/own", "/api/v1/account")
_SCIM = "/scim/v2"
_MOST_REFUSALS = 20


@dataclass
class Pair:
    """Both organisations, filled alike, and what belongs to theirs alone."""

    ours: Twin
    theirs: Twin
    past: Past
    forbidden: set[str] = field(default_factory=set)

    def learn(self) -> None:
        """What must not show. Rules and the like, which both have, are nobody's secret."""
        ours, theirs = (self.past.own_ids(one.scope.org_id) for one in (self.ours, self.theirs))
        self.forbidden = (theirs - ours) | {self.theirs.marker, str(self.theirs.scope.org_id)}

    def shown(self, answer: httpx.Response, *, sent: str) -> list[str]:
        """What of theirs the answer tells, but for what was sent with the question."""
        told = (answer.content + str(answer.headers.multi_items()).encode()).decode("latin-1").lower()
        plain = told.replace("-", "")
        return sorted(
            one for one in self.forbidden
            if (one in told or one.replace("-", "") in plain) and one not in sent
        )  # fmt: skip


@pytest.fixture
async def pair(crowd, both, settings, database, clock, postgres):
    past, twins = Past(postgres.superuser_dsn), []
    for scope in both:
        member = await crowd.member(scope, "super_admin")
        async with crowd.open(scope) as services:
            twin = Twin(services, scope, member.actor)
            await services.detection.import_rules([RuleSource("m.yml", RULE)], origin="tests", by=ADMIN)
            await twin.fill()
        await _sealed(scope, database, settings, clock)
        past.mark(twin)
        twins.append(twin)
    return Pair(*twins, past)


async def _sealed(scope: Scope, database: Any, settings: Any, clock: Any) -> None:
    events = EventSealing(database, SegmentWitness, clock)
    entries = Sealing(database, Keyring(settings.credential("audit-key")), settings.audit, clock)
    while await events.step(scope.org_id):
        pass
    clock.advance(seconds=61)
    while await entries.step(scope.org_id):
        pass


def every_route(application: Litestar) -> Iterator[tuple[str, str]]:
    for route in application.routes:
        for handler in getattr(route, "route_handlers", []):
            for method in sorted(handler.http_methods - {"HEAD", "OPTIONS"}):
                yield method, route.path


def query_parameters(application: Litestar) -> list[tuple[str, str]]:
    """Path and name of each parameter of a query, cursors first."""
    found: list[tuple[str, str]] = []
    for path, methods in application.openapi_schema.to_schema()["paths"].items():
        parameters = methods.get("get", {}).get("parameters", []) if "{" not in path else []
        found += [(path, one["name"]) for one in parameters if one["in"] == "query"]
    return sorted(found, key=lambda one: one[1] != "cursor")


@dataclass
class Sweep:
    """Asks as one of ours, and keeps what went wrong."""

    pair: Pair
    crowd: Any
    browser: Any
    asked: int = 0
    wrong: list[str] = field(default_factory=list)
    seen: str = ""
    sent: str = ""

    async def client(self, path: str) -> httpx.AsyncClient:
        if path.startswith(_SCIM):
            return self.browser(authorization=f"Bearer {self.pair.ours.kept['scim_token']}")
        if path.startswith(_ENDING):
            return self.browser(await self.crowd.member(self.pair.ours.scope, "super_admin"))
        return self._asker

    async def begin(self) -> None:
        self._asker = self.browser(await self.crowd.member(self.pair.ours.scope, "super_admin"))

    async def ask(
        self, method: str, path: str, url: str, body: Any = None, *, must_fail: bool = False
    ) -> None:
        client = await self.client(path)
        content = {"content": body} if isinstance(body, bytes) else {} if body is None else {"json": body}
        answer = await _patiently(client, method, url, content)
        self.asked += 1
        self.seen += answer.text
        sent = url + json.dumps(body, default=str)
        self.sent += sent
        # Reading the trail is an entry of the trail: what we asked for stands in ours from then on.
        sent = self.sent if path.startswith("/api/v1/audit/") else sent
        if told := self.pair.shown(answer, sent=sent):
            self.wrong.append(f"{method} {url} tells {told}")
        if answer.status_code >= 500 and answer.status_code != 501:
            self.wrong.append(f"{method} {url}: {answer.status_code}")
        if must_fail and answer.status_code not in (404, 405, 422):
            self.wrong.append(f"{method} {url} of theirs: {answer.status_code} {answer.text[:200]}")


async def _patiently(
    client: httpx.AsyncClient, method: str, url: str, content: dict[str, Any]
) -> httpx.Response:
    for _ in range(_MOST_REFUSALS):
        answer = await client.request(method, url, **content)
        if answer.status_code != 429:
            return answer
        await asyncio.sleep(0.2)
    raise AssertionError(f"{method} {url} is refused as too often, for ever")


@pytest.fixture
async def sweep(pair, crowd, browser) -> Sweep:
    made = Sweep(pair, crowd, browser)
    await made.begin()
    pair.learn()
    return made


async def test_no_route_tells_or_changes_anything_of_theirs(
    application, sweep, pair, crowd, count_combinations
):
    before = pair.past.fingerprint(pair.theirs.scope.org_id)

    for method, path in every_route(application):
        name = parameter_of(path)
        own = pair.ours.kept.get(name, "x")
        async with crowd.open(pair.ours.scope) as services:
            fresh = Objects(services, pair.ours.scope, pair.ours.by)
            if name in pair.ours.kept and f"_{name}" in dir(fresh) and method != "GET":
                own = await fresh.make(name, path)
            body = await _body(method, path, fresh, fresh)
        await sweep.ask(method, path, _at(path, own), body)
        theirs = await _body(method, path, pair.theirs, pair.theirs)
        if theirs is not None and any(one in str(theirs) for one in pair.forbidden):
            await sweep.ask(method, path, _at(path, own), theirs, must_fail="/bulk" not in path)
        # Where sign-in begins at an organisation's provider is for whoever has the address.
        if name in pair.theirs.kept and not path.startswith("/sso/"):
            is_theirs = name not in NOBODYS
            local = path.startswith("/api/v1/organisations/")
            await sweep.ask(
                method, path, _at(path, pair.theirs.kept[name]), body, must_fail=is_theirs and not local
            )

    count_combinations("twins: routes", sweep.asked, len(sweep.wrong))
    assert sweep.wrong == [], "\n".join(sweep.wrong)
    assert pair.past.fingerprint(pair.theirs.scope.org_id) == before
    assert not {kind for kind, one in _listed(pair.ours) if one not in sweep.seen}
    assert pair.ours.marker in sweep.seen


def _listed(twin: Twin) -> Iterator[tuple[str, str]]:
    """What lists and details must have shown of ours, else the sweep looked at nothing."""
    not_listed = {
        "token_id",
        "own_session_id",
        "scim_token",
        "group_id",
        "batch_id",
        "passkey_id",
        "organisation_id",
    }
    return ((kind, one) for kind, one in twin.kept.items() if kind not in not_listed)


def _at(path: str, value: str) -> str:
    return path if "{" not in path else path[: path.index("{")] + value + path[path.index("}") + 1 :]


async def _body(method: str, path: str, own: Objects, made: Objects) -> Any:
    """A body that names the objects of one organisation."""
    if path.endswith(("/approval", "/rejection")):
        return {"payload_hash": "0" * 64} if path.endswith("/approval") else {}
    if path.endswith("/decisions"):
        made.reviewed = made.reviewed or uuid4()
    try:
        return await body_for(method, path, own, made)
    except KeyError:
        return None if method == "GET" else {}


async def test_no_filter_and_no_cursor_finds_anything_of_theirs(
    application, sweep, pair, crowd, browser, count_combinations
):
    before = pair.past.fingerprint(pair.theirs.scope.org_id)
    other = browser(await crowd.member(pair.theirs.scope, "super_admin"))
    pair.learn()
    kept, found = pair.theirs.kept, 0

    for path, name in query_parameters(application):
        values = [
            pair.theirs.marker,
            *(kept[one] for one in ("user_id", "source_id", "incident_id", "entry_id")),
        ]
        if name == "cursor":
            page = (await _patiently(other, "GET", f"{path}?limit=1", {})).json()
            values = [page["next_cursor"]] if page.get("next_cursor") else []
            found += len(values)
        for value in values:
            await sweep.ask("GET", path, str(httpx.URL(path, params={name: value})))

    count_combinations("twins: filters", sweep.asked, len(sweep.wrong))
    assert sweep.wrong == []
    assert found >= 3
    # The other's signing in and asking is the only thing that was done there.
    after = pair.past.fingerprint(pair.theirs.scope.org_id)
    assert {table for table in before if before[table] != after[table]} <= _OF_A_SIGN_IN


_OF_A_SIGN_IN = {
    "users", "sessions", "role_assignments", "totp_factors", "recovery_codes", "one_time_links", "audit_entries",
    "audit_subject_keys", "former_passwords", "pending_sign_ins", "challenges",
    "outbox",
}  # fmt: skip


async def test_no_search_and_no_export_finds_anything_of_theirs(sweep, pair, count_combinations):
    path, search = "/api/v1/events/search", []
    for twin in (pair.theirs, pair.ours):
        for where in (
            {"op": "is", "field": "User", "value": twin.marker},
            {"op": "contains", "field": "User", "value": twin.marker[4:]},
            {"op": "entity", "kind": "host", "value": twin.marker},
            {"op": "text", "value": twin.marker},
        ):
            await sweep.ask("POST", path, path, {"where": where})
            client = await sweep.client(path)
            search.append(len((await client.post(path, json={"where": where})).json()["items"]))
    theirs = (await (await sweep.client(path)).post(path, json={"limit": 1})).json()["next_cursor"]
    window = {"from": "2026-05-01T00:00:00Z", "to": "2026-05-02T00:00:00Z"}
    await sweep.ask("POST", path, "/api/v1/events/histogram", window)
    for twin in (pair.theirs, pair.ours):
        order = {
            "source_id": twin.kept["source_id"],
            "events_from": window["from"],
            "events_to": window["to"],
        }
        await sweep.ask("POST", path, "/api/v1/audit/export", order)

    count_combinations("twins: searches", sweep.asked, len(sweep.wrong))
    assert sweep.wrong == []
    assert search == [0, 0, 0, 0, 2, 2, 2, 2]
    assert theirs is not None
    assert pair.ours.kept["source_id"].replace("-", "") in sweep.seen.replace("-", "")


# A day is dropped for all organisations at once, by the appliance's own setting.
_OF_THE_APPLIANCE = {"events.retention"}


async def test_no_job_tells_or_changes_anything_of_theirs(
    pair, database, settings, sealer, crowd, clock, monkeypatch, count_combinations
):
    relay, intake, tried = Relay(), Intake(), 0
    monkeypatch.setattr("appliance.jobs.scheduler.SMTPMailer", lambda _: relay)
    handlers = Workshop(database, settings).handlers | replays.handlers(database, intake, sealer)
    async with crowd.open(pair.theirs.scope) as services:
        theirs = Objects(services, pair.theirs.scope, ADMIN)
        payloads = {name: await make(theirs, sealer) for name, (make, _) in PAYLOADS.items()}
    await _sealed(pair.theirs.scope, database, settings, clock)
    before = pair.past.fingerprint(pair.theirs.scope.org_id)

    for kind in (one for one in handlers if one.name not in _OF_THE_APPLIANCE):
        async with crowd.open(pair.ours.scope) as services:
            own = await PAYLOADS[kind.name][0](Objects(services, pair.ours.scope, ADMIN), sealer)
        for payload in (own, payloads[kind.name]):
            await done(database, pair.ours.scope, kind, payload, ADMIN, handlers)
            tried += 1
    await Correlation(database, clock).step(pair.ours.scope)
    await _sealed(pair.ours.scope, database, settings, clock)
    tried += 2

    after = pair.past.fingerprint(pair.theirs.scope.org_id)
    moved = {table for table in before if before[table] != after[table]}
    count_combinations("twins: jobs", tried, len(moved))
    assert moved == set()
    assert set(intake.resubmitted) == {pair.ours.scope.org_id}
    assert len(relay.sent) == 1
    assert queue.MOST_ATTEMPTS > 1


async def test_the_check_would_see_it(application, pair, crowd, browser):
    pair.learn()
    insider = browser(await crowd.member(pair.theirs.scope, "super_admin"))
    lists = [
        p for m, p in every_route(application) if m == "GET" and p.startswith("/api/v1/") and "{" not in p
    ]

    told = [p for p in lists if pair.shown(await _patiently(insider, "GET", p, {}), sent="")]

    assert {
        f"/api/v1/{name}" for name in ("incidents", "users", "sources", "quarantine", "audit/entries")
    } <= set(told)
