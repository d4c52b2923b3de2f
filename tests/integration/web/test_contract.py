"""
Schemathesis reads the OpenAPI document and asks the running application what it says it takes, and what not.

Whatever is sent, nothing is an internal error, and what is answered is what the document promises.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from appliance.foundation.actors import Permission
from appliance.identity.roles import four_eyes
from appliance.identity.schemas import NewToken
from appliance.web.app import create_application
from appliance.web.authentication import COOKIE
from tests.factories.objects import ADMIN
from tests.factories.serving import Unlimited, served
from tests.factories.twins import Twin

pytestmark = pytest.mark.peer
EXAMPLES = 8
# What is done with these ends the session that asks: each operation has somebody of its own to ask.
_OF_A_PERSON = ("/api/v1/session", "/api/v1/account")
_CHECKS = [
    schemathesis.checks.not_a_server_error, content_type_conformance, response_schema_conformance,
    status_code_conformance,
]  # fmt: skip
_SETTINGS = hypothesis.settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@dataclass
class Outcome:
    """What was answered how often, and what was wrong."""

    statuses: Counter[int] = field(default_factory=Counter)
    wrong: dict[str, str] = field(default_factory=dict)


def _unlimited(settings: Any) -> Any:
    made = create_application(settings)
    made.state.context.limits = Unlimited()
    return made


def ask_everything(
    document: dict[str, Any], url: str, headers: Callable[[str, str], dict[str, str]], kept: dict[str, str]
) -> Outcome:
    """Each operation with what it takes and with what it does not."""
    schema, outcome = schemathesis.openapi.from_dict(document), Outcome()

    @schema.hook
    def map_path_parameters(_: Any, parameters: dict[str, Any]) -> dict[str, Any]:
        # Invented ids are nobody's. Every other time the id of something that there is.
        return {
            name: kept[name] if name in kept and crc32(str(value).encode()) % 2 else value
            for name, value in (parameters or {}).items()
        }

    for operation in (one.ok() for one in schema.get_all_operations()):
        sent = headers(operation.method, operation.path)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _ask(operation, mode, url, sent, outcome)
    return outcome


def _ask(operation: Any, mode: GenerationMode, url: str, sent: dict[str, str], outcome: Outcome) -> None:
    @_SETTINGS
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        answer = case.call(base_url=url, headers=sent)
        outcome.statuses[answer.status_code] += 1
        try:
            case.validate_response(answer, checks=_CHECKS)
        except (Failure, FailureGroup) as failure:
            found = getattr(failure, "exceptions", [failure])
            for one in found:
                key = (
                    f"{operation.method.upper()} {operation.path}: {type(one).__name__} {answer.status_code}"
                )
                outcome.wrong.setdefault(key, f"{one}\n{case.as_curl_command()}\n{answer.text[:300]}"[:1500])

    try:
        ask()
    except hypothesis.errors.Unsatisfiable:
        return  # an operation that takes nothing cannot be sent something wrong


@pytest.fixture
async def twin(crowd, organisation) -> Twin:
    member = await crowd.member(organisation, "super_admin")
    async with crowd.open(organisation) as services:
        made = Twin(services, organisation, member.actor)
        await made.fill()
        return made


async def test_every_operation_answers_as_its_document_says(
    application, settings, crowd, organisation, twin, context, count_combinations
):
    document = application.openapi_schema.to_schema()
    async with crowd.open(organisation) as services:
        wanted = NewToken(name="contract", permissions=sorted(set(Permission) - set(four_eyes())), days=1)
        token = (await services.tokens.create_service_token(wanted, by=ADMIN)).token
    people = {
        f"{method.upper()} {path}": await crowd.member(organisation)
        for path, methods in document["paths"].items()
        for method in methods
        if path.startswith(_OF_A_PERSON)
    }

    def headers(method: str, path: str) -> dict[str, str]:
        if (person := people.get(f"{method.upper()} {path}")) is None:
            return {"authorization": f"Bearer {token}"}
        cookie = person.signed_in.token
        return {"cookie": f"{COOKIE}={cookie}", "x-csrf-token": context.csrf_token(cookie)}

    with served(lambda: _unlimited(settings)) as url:
        outcome = await asyncio.to_thread(ask_everything, document, url, headers, twin.kept)

    count_combinations("contract: requests", outcome.statuses.total(), len(outcome.wrong))
    print(dict(sorted(outcome.statuses.items())))
    assert outcome.wrong == {}, "\n\n".join(f"{key}\n{said}" for key, said in outcome.wrong.items())
    assert outcome.statuses.total() > 1000
    assert outcome.statuses[200] > 100
