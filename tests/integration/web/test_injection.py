"""
sqlmap against the running API: searches, filters, cursors and sign-in. It finds nothing; and, beside it, the
hole that was made for it.

The hole is an application of this test alone, on the same server: it pastes a parameter into SQL. If sqlmap
does not find that one, its silence about the others says nothing.
"""

import asyncio
import json
import re
import sys
from pathlib import Path

import httpx
import psycopg
import pytest
from litestar import Litestar, get
from litestar.params import FromQuery

from appliance.web.app import create_application
from appliance.web.authentication import COOKIE
from tests.factories.serving import Unlimited, served

pytestmark = pytest.mark.peer
_SECONDS = 75
_PROGRAM = str(Path(sys.executable).with_name("sqlmap"))
_FOUND = re.compile(r"sqlmap identified the following injection point|is vulnerable\.", re.IGNORECASE)
# Method, path, body; the star is where sqlmap puts what it tries.
TARGETS = {
    "queue, text": ("/api/v1/incidents?q=a*", None),
    "queue, tag": ("/api/v1/incidents?tag=a*", None),
    "queue, order": ("/api/v1/incidents?sort=newest*", None),
    "queue, cursor": ("/api/v1/incidents?cursor=a*", None),
    "rules, text": ("/api/v1/rules?q=a*", None),
    "trail, action": ("/api/v1/audit/entries?action=user.*", None),
    "event fields": ("/api/v1/events/fields?prefix=a*", None),
    "event search": ("/api/v1/events/search", {"where": {"op": "is", "field": "User", "value": "a*"}}),
    "event search, name": ("/api/v1/events/search", {"where": {"op": "is", "field": "User*", "value": "a"}}),
    "sign-in": ("/api/v1/auth/sign-in", {"email": "a*", "password": "x"}),
}


@pytest.fixture
def hole(postgres):
    """The address of an application that pastes its parameter into a statement."""

    @get("/hole", sync_to_thread=True)
    def paste(name: FromQuery[str] = "") -> list[str]:
        with psycopg.connect(postgres.superuser_dsn) as connection:
            return [
                row[0] for row in connection.execute(f"SELECT rolname FROM pg_roles WHERE rolname = '{name}'")
            ]

    with served(lambda: Litestar([paste], openapi_config=None)) as url:
        yield f"{url}/hole?name=postgres*"


@pytest.fixture
def sqlmap(tmp_path: Path):
    """Runs sqlmap on one address; what it said."""

    async def run(name: str, url: str, *, body: object = None, headers: dict[str, str]) -> str:
        folder = tmp_path / re.sub(r"\W", "-", name)
        sent = [] if body is None else ["--data", json.dumps(body)]
        heads = headers | ({} if body is None else {"Content-Type": "application/json"})
        process = await asyncio.create_subprocess_exec(
            _PROGRAM, "-u", url, *sent, "--batch", "--dbms", "PostgreSQL", "--level", "1",
            "--risk", "1", "--technique", "BES", "--flush-session", "--disable-coloring", "--ignore-code", "*",
            "--threads", "2", "--output-dir", str(folder), "--headers", "\n".join(f"{k}: {v}" for k, v in heads.items()),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        )  # fmt: skip
        try:
            said, _ = await asyncio.wait_for(process.communicate(), _SECONDS)
        finally:
            if process.returncode is None:
                process.kill()
        return said.decode(errors="replace")

    return run


async def test_sqlmap_finds_the_hole_that_was_made_for_it(sqlmap, hole):
    said = await sqlmap("hole", hole, headers={})

    assert _FOUND.search(said), said[-3000:]


async def test_sqlmap_finds_no_way_in(sqlmap, settings, crowd, context, organisation, count_combinations):
    def application() -> Litestar:
        made = create_application(settings)
        made.state.context.limits = Unlimited()
        return made

    member = await crowd.member(organisation, "super_admin")
    cookie = member.signed_in.token
    headers = {"Cookie": f"{COOKIE}={cookie}", "X-CSRF-Token": context.csrf_token(cookie)}
    wrong = {}
    with served(application) as url:
        async with httpx.AsyncClient(headers=headers) as client:
            assert (await client.get(f"{url}/api/v1/incidents?q=a")).status_code == 200
        for name, (path, body) in TARGETS.items():
            said = await sqlmap(name, url + path, body=body, headers=headers)
            if _FOUND.search(said) or "do not appear to be injectable" not in said:
                wrong[name] = said[-1500:]

    count_combinations("sqlmap: parameters", len(TARGETS), len(wrong))
    assert wrong == {}, "\n\n".join(f"{name}: {said}" for name, said in wrong.items())
