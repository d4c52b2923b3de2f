"""
Every route, every role, own and foreign objects: what `permissions.toml` says, and nothing else.

The routes are the application's own, so one that is added without a line in `factories/objects.py` fails this
test.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar

from appliance.detection.sigma.rules import RuleSource
from appliance.foundation.actors import Permission
from appliance.identity.roles import roles
from tests.factories.objects import ADMIN, NOBODYS, RULE, Objects, body_for
from tests.integration.web.conftest import Client


def guarded_routes(application: Litestar) -> list[tuple[str, str, str | None]]:
    """Method, path and permission of each route that is not public."""
    found = []
    for route in application.routes:
        for handler in getattr(route, "route_handlers", []):
            if (
                not handler.opt.get("public")
                and handler.http_methods != {"OPTIONS"}
                and not _is_proved_elsewhere(route.path, handler)
            ):
                found += [(m, route.path, _demanded(handler)) for m in handler.http_methods - {"HEAD"}]
    return sorted(found, key=str)


def _demanded(handler: Any) -> str | None:
    # What only the administrator on the node may is refused to every role (test_access tries it on the node).
    return "nobody's" if handler.opt.get("local") else handler.opt.get("permission")


def _is_proved_elsewhere(path: str, handler: Any) -> bool:
    # Signing out would end the session of whoever asks (test_browser_sessions). One's own account has no
    # role and no foreign object (test_account); what a proposal needs depends on its action (test_governance, test_command_matrix).
    is_sign_out = path == "/api/v1/session" and handler.http_methods == {"DELETE"}
    own = path.startswith(
        (
            "/api/v1/account", "/api/v1/session/step-up", "/api/v1/session/provider-logout",
            "/api/v1/proposals",
        )
    )  # fmt: skip
    return is_sign_out or own


def parameter_of(path: str) -> str:
    return path.partition("{")[2].partition(":")[0]


async def ask(client: httpx.AsyncClient, method: str, path: str, target: str, body: Any) -> int:
    name = parameter_of(path)
    url = path if not name else path[: path.index("{")] + target + path[path.index("}") + 1 :]
    content = {"content": body} if isinstance(body, bytes) else {} if body is None else {"json": body}
    answer = await client.request(method, url, **content)
    return answer.status_code


@dataclass
class Matrix:
    """Asks one route after the other as one member, and keeps what was answered wrongly."""

    allowed: frozenset[Permission]
    checked: Counter[str]
    wrong: list[str]

    def check(self, route: str, permission: str | None, status: int, *, is_own: bool) -> None:
        if permission is not None and permission not in self.allowed:
            kind, is_right = "refused", status == 403
        elif is_own:
            kind, is_right = "done", 200 <= status < 300
        else:
            kind, is_right = "not found", status == 404
        self.checked[kind] += 1
        if not is_right:
            self.wrong.append(f"{route}, {'own' if is_own else 'foreign'}: {status}, but {kind} expected")


@pytest.mark.usefixtures("next_audit_key")
@pytest.mark.parametrize("role", roles())
async def test_each_route_answers_each_role_as_the_matrix_says(
    application, browser, crowd, both, role, count_combinations
):
    organisation, other_organisation = both
    member = await crowd.member(organisation, role)
    foreigner = await crowd.member(other_organisation, "super_admin")
    matrix = Matrix(roles()[role].permissions, Counter(), [])
    async with crowd.open(organisation) as services:
        await services.detection.import_rules([RuleSource("matrix.yml", RULE)], origin="tests", by=ADMIN)

    for method, path, permission in guarded_routes(application):
        name = parameter_of(path)
        sides = [(True, organisation, member), (False, other_organisation, foreigner)]
        for is_own, scope, owner in sides if name and name not in NOBODYS else sides[:1]:
            async with crowd.open(scope) as services:
                made = Objects(services, scope, owner.actor)
                target = await made.make(name, path) if name else ""
            async with crowd.open(organisation) as services:
                body = await body_for(method, path, Objects(services, organisation, member.actor), made)
            status = await ask(browser(member), method, path, target, body)
            matrix.check(f"{method} {path}", permission, status, is_own=is_own)

    count_combinations("routes", matrix.checked.total(), len(matrix.wrong))
    assert matrix.wrong == []
    assert matrix.checked.total() > 60


async def test_a_method_that_is_not_declared_is_refused(application, browser, crowd, organisation):
    client = browser(await crowd.member(organisation, "super_admin"))
    declared = {
        route.path: {method for handler in route.route_handlers for method in handler.http_methods}
        for route in application.routes
        if hasattr(route, "route_handlers") and route.path.startswith("/api/v1/")
    }
    answered = {}
    for path, methods in declared.items():
        for method in {"TRACE", "POST", "PUT", "PATCH", "DELETE"} - methods:
            url = path if "{" not in path else path[: path.index("{")] + "x" + path[path.index("}") + 1 :]
            answered[f"{method} {path}"] = (await client.request(method, url)).status_code

    # A value that fits no parameter is a 404, whatever the method.
    assert {route: status for route, status in answered.items() if status not in (404, 405)} == {}
    assert sum(status == 405 for status in answered.values()) > 100


async def test_nobody_reaches_a_guarded_route_without_signing_in(application, browser: Client):
    routes = guarded_routes(application)

    statuses = {
        f"{method} {path}": await ask(browser(), method, path, str(uuid4()), None)
        for method, path, _ in routes
    }

    assert {route: status for route, status in statuses.items() if status != 401} == {}
    print(f"{len(statuses)} guarded routes refuse whoever is not signed in")


async def test_what_a_body_names_must_be_ones_own_too(browser, crowd, both):
    organisation, other_organisation = both
    member = await crowd.member(organisation, "super_admin")
    async with crowd.open(organisation) as services:
        own = await Objects(services, organisation, member.actor).make("incident_id")
    async with crowd.open(other_organisation) as services:
        theirs = Objects(services, other_organisation, ADMIN)
        incident, event_id, user = [await theirs.make(n) for n in ("incident_id", "event_id", "user_id")]
    client = browser(member)

    merged = await client.post(f"/api/v1/incidents/{own}/merge", json={"ids": [incident]})
    pinned = await client.post(
        f"/api/v1/incidents/{own}/evidence", json={"event_id": event_id, "reason": "x"}
    )
    assigned = await client.patch(f"/api/v1/incidents/{own}", json={"owner_id": user})
    bulk = await client.post("/api/v1/incidents/bulk", json={"ids": [incident], "action": "acknowledge"})

    assert [merged.status_code, pinned.status_code] == [404, 404]
    assert assigned.status_code in (404, 422)
    assert [failure["code"] for failure in bulk.json()["failed"]] == ["incident_not_found"]
