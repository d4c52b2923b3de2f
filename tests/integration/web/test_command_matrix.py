"""
Every command, every role, own and foreign objects: each asks the API for what it says, and ends as it must.

The commands are the program's own tree, so one that is added without a line here fails this test. They run in
this process against the whole application; what a role lacks is read from the routes that a command asks.
"""

import asyncio
import io
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
from litestar import Litestar
from typer.testing import CliRunner

from appliance.cli.documenting import commands
from appliance.cli.failures import ExitCode
from appliance.cli.options import Environment
from appliance.cli.running import app
from appliance.cli.session import Session
from appliance.detection.sigma.rules import RuleSource
from appliance.foundation.actors import Permission
from appliance.identity.roles import roles
from tests.factories.objects import ADMIN, RULE, RULE_ID, Objects, new_provider
from tests.factories.people import Member

pytestmark = pytest.mark.usefixtures("next_audit_key")


@dataclass(frozen=True)
class Line:
    """
    A command as it is typed.

    Attributes:
        words: What follows the command's name; {incident_id} and the like are made for the test.
        asks: The routes it asks, in order. Where there are several, the first looks its object up.
        needs: What the service asks for beyond the route, before it looks for the object.
        object_needs: What the object itself asks for, once it is found.
        ends: The exit status of whoever may.
    """

    words: str
    asks: tuple[str, ...]
    needs: Permission | None = None
    object_needs: Permission | None = None
    ends: ExitCode = ExitCode.DONE


def line(words: str, *asks: str, **more: Any) -> Line:
    return Line(words, asks, **more)


# These ask nothing of the API: they work on this machine's files and processes, with what the user of the
# operating system may do there. `ingest` speaks to the receiver with a source's token (tests/integration/
# receivers, and the story of the local administrator in tests/integration/cli).
LOCAL = {
    "version", "ingest", "doctor", "help", "completion", "docs", "password-list import", "password-list show",
    "db bootstrap", "db migrate", "dev run", "dev reset",
    # Whoever they are for is not signed in yet, or ends a session of one's own (tests/integration/cli/test_login).
    "login", "logout",
    # Alerts are this node's files, and receivers are told from here.
    "alert list", "alert rules", "alert receivers", "alert test", "alert silence", "alert unsilence",
    "alert silences",
    # Patroni is spoken to with the node's own certificate, which root of the node alone can read.
    "cluster status", "cluster switchover", "cluster failover", "cluster pause", "cluster resume",
    "cluster accept-data-risk", "node token", "node join", "node replace", "node remove", "node drain", "node resume",
     "maintenance on", "maintenance off", "maintenance status",
    # Journals; only where an incident or an event is named is the API asked, as `incident show` and `event show` are.
    "logs",
}  # fmt: skip

_USERS, _SOURCES, _PROVIDERS = "GET /users", "GET /sources", "GET /identity-providers"
_INCIDENT, _USER, _PROVIDER = (
    "/incidents/{incident_id}",
    "/users/{user_id}",
    "/identity-providers/{provider_id}",
)
_TOKENS = "/sources/{source_id}/tokens"
_ERASE = Permission.PRIVACY_ERASE
LINES = {
    # Only the application runs here: the command says which processes do not.
    "status": line("", "GET /status", ends=ExitCode.PROBLEMS),
    "incident list": line("", "GET /incidents"),
    "incident show": line("{incident_id}", f"GET {_INCIDENT}"),
    "incident timeline": line("{incident_id}", f"GET {_INCIDENT}/timeline"),
    "incident acknowledge": line("{incident_id}", f"POST {_INCIDENT}/acknowledgement"),
    "incident transition": line("{incident_id} acknowledged", f"POST {_INCIDENT}/transition"),
    "incident close": line(
        "{incident_id} --reason true_positive",
        f"POST {_INCIDENT}/transition",
        needs=Permission.INCIDENTS_CLOSE,
    ),
    "incident note": line("{incident_id} seen", f"POST {_INCIDENT}/notes"),
    "event search": line("", "POST /events/search"),
    "event show": line("{event_id}", "GET /events/{event_id}"),
    "event original": line("{event_id} --to {file}", "GET /events/{event_id}/original"),
    "rules import": line("{rules_zip}", "POST /rules/imports"),
    "rules report": line("", "GET /rules/loads/latest"),
    "rules list": line("", "GET /rules"),
    "rules show": line(RULE_ID, "GET /rules/{rule_id}"),
    "rules enable": line(RULE_ID, "PATCH /rules/{rule_id}"),
    "rules disable": line(RULE_ID, "PATCH /rules/{rule_id}"),
    "rules test": line("{rule_file} {event_file}", "POST /rules/test"),
    "source list": line("", _SOURCES),
    "source create": line("{name}", "POST /sources"),
    "source token": line("{source_id}", _SOURCES, f"POST {_TOKENS}"),
    "source token --revoke": line("{source_id} --yes", _SOURCES, f"POST {_TOKENS}/revocation"),
    "source enable": line("{source_id}", _SOURCES, "PATCH /sources/{source_id}"),
    "source disable": line("{source_id} --yes", _SOURCES, "PATCH /sources/{source_id}"),
    "source quarantine list": line("", "GET /quarantine"),
    "source quarantine show": line("{entry_id}", "GET /quarantine"),
    "source quarantine replay": line("{entry_id}", "POST /quarantine/{entry_id}/replay"),
    "user list": line("", _USERS),
    "user invite": line("{name}@example.test --name x --role soc_analyst", "POST /users"),
    "user link": line("{user_id}", f"POST {_USER}/link"),
    "user suspend": line("{user_id} --yes", f"POST {_USER}/suspension"),
    "user reactivate": line("{user_id}", f"DELETE {_USER}/suspension"),
    "user roles": line("{user_id} --role soc_analyst --yes", f"PUT {_USER}/roles"),
    "user reset-factors": line("{user_id} --yes", f"DELETE {_USER}/factors"),
    "idp list": line("", _PROVIDERS),
    "idp show": line("{provider_id}", _PROVIDERS),
    "idp create": line("{name} --config {provider_file}", "POST /identity-providers"),
    "idp update": line("{provider_id} --no-shown", _PROVIDERS, f"PATCH {_PROVIDER}"),
    "idp enable": line("{provider_id}", _PROVIDERS, f"PATCH {_PROVIDER}"),
    "idp disable": line("{provider_id} --yes", _PROVIDERS, f"PATCH {_PROVIDER}"),
    "idp delete": line("{provider_id} --yes", _PROVIDERS, f"DELETE {_PROVIDER}"),
    "idp test": line("{provider_id}", _PROVIDERS, f"POST {_PROVIDER}/test"),
    "idp scim-token": line("{provider_id}", _PROVIDERS, f"POST {_PROVIDER}/scim-token"),
    "idp scim-token --revoke": line("{provider_id}", _PROVIDERS, f"DELETE {_PROVIDER}/scim-token"),
    "token list": line("", "GET /tokens"),
    "token create": line("x --permission events:view", "POST /tokens"),
    "token revoke": line("{token_id} --yes", "DELETE /tokens/{token_id}"),
    "service-token list": line("", "GET /service-tokens"),
    "service-token create": line("x --permission events:view", "POST /service-tokens"),
    "service-token revoke": line("{service_token_id} --yes", "DELETE /service-tokens/{service_token_id}"),
    "role list": line("", "GET /roles"),
    "role matrix": line("", "GET /roles"),
    "role create": line("{role} x --permission events:view", "POST /roles"),
    "role change": line("{role_name} x --permission events:view", "PUT /roles/{role_name}"),
    "role remove": line("{role_name} --yes", "DELETE /roles/{role_name}"),
    "session list": line("", "GET /sessions"),
    "session list --own": line("", "GET /sessions/own"),
    "session end": line("{session_id} --yes", "DELETE /sessions/{session_id}"),
    "policy show": line("", "GET /organisation/policy"),
    "policy set": line("--no-mfa", "PATCH /organisation/policy"),
    "organisation list": line("", "GET /organisations"),
    "organisation create": line("{name}", "POST /organisations"),
    "organisation suspend": line("{organisation_id} --yes", "PATCH /organisations/{organisation_id}"),
    "organisation resume": line("{organisation_id}", "PATCH /organisations/{organisation_id}"),
    "signing-key list": line("", "GET /signing-keys"),
    "signing-key rotate": line("", "POST /signing-keys/rotation"),
    "proposal list": line("", "GET /proposals"),
    "proposal make": line("audit.erase_subject {erasure} --reason x", "POST /proposals", needs=_ERASE),
    "proposal approve": line(
        "{proposal_id} {hash}", "POST /proposals/{proposal_id}/approval", object_needs=_ERASE
    ),
    "proposal reject": line("{proposal_id}", "POST /proposals/{proposal_id}/rejection", object_needs=_ERASE),
    "review list": line("", "GET /access-reviews"),
    "review open": line("", "POST /access-reviews"),
    "review show": line("{review_id}", "GET /access-reviews"),
    "review decide": line("{review_id} {reviewed} --keep", "POST /access-reviews/{review_id}/decisions"),
    "review close": line("{review_id} --yes", "POST /access-reviews/{review_id}/closure"),
    # A review that is open has nothing signed to take out.
    "review export": line("{review_id} {file}", "GET /access-reviews", ends=ExitCode.USAGE),
    "audit list": line("", "GET /audit/entries"),
    "audit show": line("{audit_entry_id}", "GET /audit/entries/{audit_entry_id}"),
    "audit checkpoints": line("", "GET /audit/checkpoints"),
    "audit export": line("{file}", "POST /audit/export"),
    "audit verify": line("", "POST /audit/verification"),
    "audit keys list": line("", "GET /audit/keys"),
    "audit keys rotate": line("--yes", "POST /audit/keys/rotation"),
}
_OBJECT = re.compile(r"\{(\w+_id|role_name)\}")


class Bridge(httpx.BaseTransport):
    """Carries what a command asks, in its own thread, to the application on the test's event loop."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client, self._loop = client, asyncio.get_running_loop()
        self.asked: list[tuple[str, str]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((request.method, request.url.path.removeprefix("/api/v1")))
        wanted = {"content-type", "x-rules-origin"}
        sent = self._client.request(
            request.method, str(request.url), content=request.read(),
            headers={name: value for name, value in request.headers.items() if name in wanted},
        )  # fmt: skip
        answer = asyncio.run_coroutine_threadsafe(sent, self._loop).result(60)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


@dataclass
class Terminal:
    """Where a member of the organisation types commands."""

    folder: Path
    browser: Callable[..., httpx.AsyncClient]
    member: Member
    said: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def type(self, *words: str) -> int:
        token = self.folder / "token"
        token.touch(mode=0o600)
        token.write_text("the browser's session is sent instead\n")
        bridge = Bridge(self.browser(self.member))
        session = Session(Environment(url="https://xdr.test", token_file=str(token)), transport=bridge)
        done = await asyncio.to_thread(
            CliRunner(env={"TERM": "dumb"}).invoke, app, list(words), obj=session, catch_exceptions=False
        )
        self.said, self.asked = done.stdout + done.stderr, bridge.asked
        return done.exit_code


def permissions(application: Litestar) -> dict[str, str | None]:
    """What each route of the API demands; "nobody's" for the administrator on the node."""
    found = {}
    for route in application.routes:
        if not route.path.startswith("/api/v1"):
            continue  # a page of the console may bear the same name
        path = re.sub(r":\w+\}", "}", route.path.removeprefix("/api/v1"))
        for handler in getattr(route, "route_handlers", []):
            demanded = "nobody's" if handler.opt.get("local") else handler.opt.get("permission")
            found |= {f"{method} {path}": demanded for method in handler.http_methods}
    return found


def test_every_command_has_a_line_or_asks_nothing_of_the_api():
    there = {" ".join(path[1:]) for path, _ in commands(app)}
    declared = {name.partition(" --")[0] for name in LINES} | (LOCAL - {"docs"})

    assert there == declared


@pytest.mark.parametrize("role", roles())
async def test_each_command_answers_each_role_as_the_matrix_says(
    application, browser, crowd, both, role, tmp_path, count_combinations
):
    organisation, other = both
    demanded, allowed = permissions(application), roles()[role].permissions
    member = await crowd.member(organisation, role)
    owners = {
        True: await crowd.member(organisation, "super_admin"),
        False: await crowd.member(other, "super_admin"),
    }
    async with crowd.open(organisation) as services:
        await services.detection.import_rules([RuleSource("matrix.yml", RULE)], origin="tests", by=ADMIN)
    tried, wrong = 0, []

    for name, one in LINES.items():
        for is_own in (True, False) if _OBJECT.search(one.words) else (True,):
            scope = organisation if is_own else other
            folder = tmp_path / f"{tried}"
            folder.mkdir()
            terminal = Terminal(folder, browser, member)
            async with crowd.open(scope) as services:
                # What is one's own, such as a token, is the asker's.
                by = member if is_own and "{token_id}" in one.words else owners[is_own]
                words = await typed(one, Objects(services, scope, by.actor), owners[is_own], folder)
            code = await terminal.type(*name.split(), *words)
            expected = ending(one, demanded, allowed, is_own=is_own)
            tried += 1
            if code != expected:
                wrong.append(
                    f"{name}, {'own' if is_own else 'foreign'}: {code}, but {expected}: {terminal.said}"
                )
            elif code == one.ends and not asked_as_declared(one, terminal.asked):
                wrong.append(f"{name} asked {terminal.asked}, but {one.asks} is declared")

    count_combinations("commands", tried, len(wrong))
    assert wrong == []


def ending(
    one: Line, demanded: dict[str, str | None], allowed: frozenset[Permission], *, is_own: bool
) -> ExitCode:
    """With which exit status the command must end."""
    # A foreign object is not found by looking it up, so that nothing else is asked.
    asked = one.asks if is_own else one.asks[:1]
    needed = {demanded[route] for route in asked} | {one.needs} | ({one.object_needs} if is_own else set())
    if not needed - {None} <= allowed:
        return ExitCode.DENIED
    return one.ends if is_own else ExitCode.NOT_FOUND


def asked_as_declared(one: Line, asked: list[tuple[str, str]]) -> bool:
    patterns = [re.sub(r"\{\w+\}", "[^/]+", route) for route in one.asks]
    requests = [f"{method} {path}" for method, path in asked]
    return len(patterns) == len(requests) and all(map(re.fullmatch, patterns, requests))


async def typed(one: Line, objects: Objects, owner: Member, folder: Path) -> list[str]:
    """The words after the command's name, with everything they name made."""
    made: dict[str, str] = {}
    for name in _OBJECT.findall(one.words):
        made[name] = await objects.make(name, one.asks[-1]) if name != "proposal_id" else ""
    if "proposal_id" in made:
        subject = {"subject_id": str(uuid4())}
        proposal = await objects.services.proposals.propose(
            "audit.erase_subject", subject, "x", by=owner.actor
        )
        made |= {"proposal_id": str(proposal.id), "hash": proposal.payload_hash}
    made |= {
        "name": f"n-{uuid4().hex}", "role": f"r_{uuid4().hex}", "reviewed": str(objects.reviewed),
        "erasure": json.dumps({"subject_id": str(uuid4())}), "file": str(folder / "new"),
        "rule_file": str(folder / "rule.yml"), "event_file": str(folder / "event.json"),
        "rules_zip": str(folder / "rules.zip"), "provider_file": str(folder / "provider.json"),
    }  # fmt: skip
    _write_files(folder)
    return [word.format(**made) if "{" in word else word for word in one.words.split()]


def _write_files(folder: Path) -> None:
    (folder / "rule.yml").write_text(RULE)
    (folder / "event.json").write_text('{"matrix": "never"}\n')
    (folder / "provider.json").write_bytes(msgspec.json.encode(new_provider().config))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("matrix.yml", RULE)
    (folder / "rules.zip").write_bytes(packed.getvalue())
