"""Text that no database column, file name or log line likes, in every string of every body and query."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from appliance.detection.sigma.rules import RuleSource
from tests.factories.objects import ADMIN, RULE, Objects, body_for
from tests.factories.serving import Unlimited
from tests.integration.web.test_matrix import parameter_of
from tests.integration.web.test_twins import _ENDING, _at, every_route, query_parameters

pytestmark = pytest.mark.usefixtures("next_audit_key")
HOSTILE = [
    "a\x00b",
    "\x1b[2J\u202e\u2028",
    "\udc80",
    "9" * 40,
    "' OR '1'='1",
    "../../etc/passwd",
    "x" * 20_000,
    "",
]
# Bodies of routes that have no permission of their own, and therefore no line in factories/objects.py.
_OTHERS: dict[str, Any] = {
    "POST /api/v1/auth/sign-in": {"email": "a@example.test", "password": "x"},
    "POST /api/v1/auth/second-factor": {"token": "x", "code": "123456"},
    "POST /api/v1/auth/enrolment": {"token": "x"},
    "POST /api/v1/auth/enrolment/confirmation": {"token": "x", "code": "123456"},
    "POST /api/v1/auth/refresh": {"refresh_token": "x"},
    "POST /api/v1/account/password": {"current": "x", "new": "y"},
    "POST /api/v1/session/step-up": {"password": "x"},
    "POST /api/v1/proposals": {
        "action": "audit.erase_subject",
        "payload": {"subject_id": "x"},
        "reason": "x",
    },
}


def spoiled(body: Any, hostile: str) -> Iterator[Any]:
    """The body with one string after the other, and one key, replaced."""
    for path in _strings(body, ()):
        changed = copy.deepcopy(body)
        place = changed
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = hostile
        yield changed


def _strings(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _strings(part, (*path, key))
    elif isinstance(value, list):
        for at, part in enumerate(value):
            yield from _strings(part, (*path, at))


async def test_no_text_is_an_internal_error(
    application, browser, crowd, context, organisation, count_combinations
):
    context.limits = Unlimited()
    member = await crowd.member(organisation, "super_admin")
    async with crowd.open(organisation) as services:
        await services.detection.import_rules([RuleSource("m.yml", RULE)], origin="tests", by=ADMIN)
    client, asked, wrong = browser(member), 0, []

    async def ask(method: str, url: str, content: dict[str, Any]) -> None:
        nonlocal asked
        answer = await client.request(method, url, **content)
        asked += 1
        if answer.status_code >= 500 and answer.status_code != 501:
            wrong.append(f"{method} {url} {str(content)[:300]}: {answer.status_code}")

    for method, path in every_route(application):
        if method in ("GET", "DELETE") or path.startswith(("/scim", "/sso", *_ENDING[:2])):
            continue
        async with crowd.open(organisation) as services:
            own = Objects(services, organisation, member.actor)
            name = parameter_of(path)
            target = await own.make(name, path) if f"_{name}" in dir(own) else "x"
            body = await _body(method, path, own)
        if isinstance(body, dict):
            for hostile in HOSTILE:
                for changed in spoiled(body, hostile):
                    sent = json.dumps(changed).encode()
                    headers = {"content-type": "application/json"}
                    await ask(method, _at(path, target), {"content": sent, "headers": headers})
    for path, name in query_parameters(application):
        for hostile in (one for one in HOSTILE if one.isascii()):
            await ask("GET", path, {"params": {name: hostile}})

    count_combinations("hostile strings", asked, len(wrong))
    assert wrong == [], "\n".join(wrong)
    assert asked > 600


async def _body(method: str, path: str, own: Objects) -> Any:
    if (route := f"{method} {path}") in _OTHERS:
        return _OTHERS[route]
    try:
        return await body_for(method, path, own, own)
    except KeyError:
        return None
