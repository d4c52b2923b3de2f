"""
A working appliance in memory, for the command line: it keeps what it is given and refuses as the real one.

It speaks the API and the ingest receiver through `httpx.MockTransport`; `calls` is what it was asked.
"""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import httpx
import msgspec
import zstandard

from tests.factories.things import NOW, load_report, source, user

Handler = Callable[["Call"], httpx.Response]


class Call(msgspec.Struct):
    """One request, taken apart."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


class FakeAppliance:
    """
    An appliance with a list for each kind of thing.

    Attributes:
        busy: The next answers of the ingest receiver, such as `[(429, "0"), (503, "")]`; then it works.
        refused: Source tokens that work no longer.
        quarantines: Lines that are no event.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.sources: list[dict[str, Any]] = []
        self.tokens: dict[str, str] = {}
        self.refused: set[str] = set()
        self.busy: list[tuple[int, str]] = []
        self.quarantines = b"broken"
        self.batches: dict[str, bytes] = {}
        self.incidents: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.rules: list[dict[str, Any]] = []
        self.users: list[dict[str, Any]] = []
        self.quarantine: list[dict[str, Any]] = []
        self.components = [{"name": "database", "state": "ok", "detail": "ok"}]
        self.problem: tuple[int, str, str] | None = None
        self.load: dict[str, Any] = load_report()

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def asked(self, method: str, path: str) -> list[Call]:
        return [call for call in self.calls if (call.method, call.path) == (method, path)]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        call = _call(request)
        self.calls.append(call)
        if self.problem is not None:
            return problem(*self.problem)
        if call.path.startswith("/api/v1/ingest/"):
            return self._ingest(call)
        parts = call.path.removeprefix("/api/v1/").split("/")
        handler: Handler | None = getattr(self, f"_{call.method.lower()}_{parts[0]}", None)
        return handler(call) if handler else problem(404, "http_404", "no such path")

    def _ingest(self, call: Call) -> httpx.Response:
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.tokens or token in self.refused:
            return problem(401, "source_unknown", "the token belongs to no enabled source")
        if call.method == "GET":
            return problem(404, "batch_not_found", "there is no such batch")
        if self.busy:
            status, after = self.busy.pop(0)
            return problem(status, "intake_full", "wait", headers={"Retry-After": after} if after else {})
        if call.body.startswith(b"TOO LARGE"):
            return problem(413, "body_too_large", "the body is larger than it may be")
        lines = call.body.splitlines()
        bad = sum(self.quarantines in line for line in lines)
        identity = call.headers["x-batch-id"]
        repeated = identity in self.batches
        self.batches[identity] = call.body
        receipt = {
            "batch_id": identity,
            "durability": "committed",
            "received": len(lines),
            "duplicates": 0,
            "stored": len(lines) - bad,
            "quarantined": bad,
            "findings": 1,
            "repeated": repeated,
        }
        return answer(201, receipt)

    def _get_status(self, _: Call) -> httpx.Response:
        pipeline = {
            "events_stored": 12,
            "events_matched": 12,
            "rate_per_second": 1.5,
            "rules_active": 30,
            "rule_set_version": "f1cb6753ad7d30ea",
            "spool_bytes": 0,
        }
        return answer(
            200,
            {
                "version": "1.2.3",
                "node": "node-1",
                "components": self.components,
                "pipeline": pipeline,
                "took_seconds": 0.1,
            },
        )

    def _get_sources(self, _: Call) -> httpx.Response:
        return answer(200, {"items": self.sources, "next_cursor": None})

    def _post_sources(self, call: Call) -> httpx.Response:
        parts = call.path.split("/")
        if call.path.endswith("/revocation"):
            return answer(200, {"revoked": 2})
        if call.path.endswith("/tokens"):
            name = next(source["name"] for source in self.sources if source["id"] == parts[4])
            token = f"xdr_src_{name}-{len(self.tokens)}-the-secret-part"
            self.tokens[token] = name
            return answer(201, {"token": token, "prefix": token[:16], "hmac_key": None})
        made = source(call.body["name"], place=len(self.sources))
        self.sources.append(made)
        return answer(201, made)

    def _patch_sources(self, call: Call) -> httpx.Response:
        found = next(one for one in self.sources if one["id"] == call.path.split("/")[4])
        return answer(200, found | call.body)

    def _get_quarantine(self, call: Call) -> httpx.Response:
        return _page(self.quarantine, call)

    def _post_quarantine(self, _: Call) -> httpx.Response:
        return answer(202, {"job_id": str(UUID(int=7)), "state": "queued"})

    def _get_incidents(self, call: Call) -> httpx.Response:
        parts = call.path.split("/")
        if len(parts) == 4:
            wanted = call.query.get("q", [""])[0]
            found = [one for one in self.incidents if not wanted or f"#{one['number']}" == wanted]
            return _page(found, call)
        found = [one for one in self.incidents if one["id"] == parts[4]]
        if not found:
            return problem(404, "incident_not_found", "no such incident")
        return _page(found[0]["timeline"], call) if parts[-1] == "timeline" else answer(200, found[0])

    def _post_incidents(self, call: Call) -> httpx.Response:
        found = next(one for one in self.incidents if one["id"] == call.path.split("/")[4])
        if call.path.endswith("/notes"):
            note = {
                "id": str(UUID(int=9)),
                "at": NOW,
                "by": {"id": None, "name": "root"},
                "text": call.body["text"],
            }
            return answer(201, note)
        wanted = call.body.get("to", "acknowledged")
        if found["status"] == wanted:
            return problem(409, "transition_not_allowed", f"it is {wanted} already")
        found["status"] = wanted
        return answer(200, found)

    def _post_events(self, call: Call) -> httpx.Response:
        start = int(call.body["cursor"] or 0)
        page = self.events[start : start + call.body["limit"]]
        following = start + len(page)
        cursor = str(following) if following < len(self.events) else None
        searched = {"complete": cursor is None, "stopped": None, "received_back_to": NOW}
        return answer(200, {"items": page, "next_cursor": cursor, "searched": searched})

    def _get_events(self, call: Call) -> httpx.Response:
        found = next(one for one in self.events if one["id"] == call.path.split("/")[4])
        if call.path.endswith("/original"):
            return httpx.Response(
                200, content=b"\x1b[31mraw\n", headers={"Content-Type": "application/octet-stream"}
            )
        detail = {"entities": [], "findings": [], "original": {"size_bytes": 9, "text": "\\x1b[31mraw\\n"}}
        return answer(200, found | detail)

    def _get_rules(self, call: Call) -> httpx.Response:
        parts = call.path.split("/")
        if parts[-1] == "latest":
            return answer(200, self.load)
        if len(parts) == 4:
            return _page(self.rules, call)
        found = [one for one in self.rules if one["id"] == unquote(parts[4])]
        return answer(200, found[0]) if found else problem(404, "rule_not_found", "no such rule")

    def _post_rules(self, call: Call) -> httpx.Response:
        if call.path.endswith("/imports"):
            return answer(201, self.load)
        clause = {
            "field": "Image",
            "modifier": "endswith",
            "pattern": "evil",
            "value": str(call.body["event"]),
        }
        matched = "evil" in json.dumps(call.body["event"])
        return answer(
            200,
            {
                "matched": matched,
                "problems": [],
                "clauses": [clause] if matched else [],
                "route": [],
                "fields": {},
            },
        )

    def _patch_rules(self, call: Call) -> httpx.Response:
        state = "active" if call.body["enabled"] else "disabled"
        return answer(200, self.rules[0] | {"state": state})

    def _get_users(self, _: Call) -> httpx.Response:
        return answer(200, {"items": self.users, "next_cursor": None})

    def _post_users(self, call: Call) -> httpx.Response:
        if call.path.endswith("/suspension"):
            return httpx.Response(204)
        person = user(call.body.get("email", "a@example.test"))
        return answer(201, {"user": person, "link_token": "xdr_otl_once", "expires_at": NOW})

    def _get_tokens(self, _: Call) -> httpx.Response:
        return answer(200, {"items": [], "next_cursor": None})

    def _post_tokens(self, _: Call) -> httpx.Response:
        made = {"id": str(UUID(int=5)), "token": "xdr_api_secret", "prefix": "xdr_api_sec", "expires_at": NOW}
        return answer(201, made)

    def _delete_tokens(self, _: Call) -> httpx.Response:
        return httpx.Response(204)


def _call(request: httpx.Request) -> Call:
    body: Any = request.content
    if request.headers.get("content-encoding") == "zstd":
        body = zstandard.ZstdDecompressor().decompressobj().decompress(body)
    elif request.headers.get("content-type") == "application/json":
        body = json.loads(body)
    query: dict[str, list[str]] = {}
    for name, value in request.url.params.multi_items():
        query.setdefault(name, []).append(value)
    return Call(
        request.method, request.url.raw_path.decode().partition("?")[0], query, dict(request.headers), body
    )


def _page(items: list[dict[str, Any]], call: Call) -> httpx.Response:
    start, limit = int(call.query.get("cursor", ["0"])[0]), int(call.query.get("limit", ["50"])[0])
    following = start + limit
    cursor = str(following) if following < len(items) else None
    return answer(200, {"items": items[start:following], "next_cursor": cursor})


def answer(status: int, document: Any, headers: dict[str, str] | None = None) -> httpx.Response:
    """JSON in ASCII: telemetry holds lone surrogates, which UTF-8 does not."""
    return httpx.Response(status, content=json.dumps(document), headers=headers or {})


def problem(status: int, code: str, detail: str, *, headers: dict[str, str] | None = None) -> httpx.Response:
    """A refusal in the words of RFC 9457."""
    document = {
        "title": httpx.codes.get_reason_phrase(status),
        "status": status,
        "code": code,
        "detail": detail,
    }
    return answer(status, document, headers)
