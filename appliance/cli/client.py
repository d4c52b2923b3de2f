"""The API as the commands see it: JSON in and out, problems as exit codes."""

import ssl
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import httpx

from appliance.cli import kept_sessions
from appliance.cli.failures import CommandFailure, ExitCode, code_of
from appliance.cli.targets import Target, is_exposed, read_secret

API = "/api/v1"
PAGE = 200
_TIMEOUT = httpx.Timeout(60.0, connect=5.0)
_NEXT: dict[int, str] = {
    401: "xdr login, give a valid token with --token-file, or run this on the node",
    403: "ask a super administrator, or use an account that may",
    409: "look at its state now, then decide",
    429: "wait a moment, then try again",
    503: "xdr status",
}

Warn = Callable[[str], None]


class APIClient:
    """
    One appliance.

    Args:
        target: Where it is.
        transport: Stands in for the network in tests.
        warn: Told about what is not right but does not stop us.
    """

    def __init__(self, target: Target, *, warn: Warn, transport: httpx.BaseTransport | None = None) -> None:
        self.target = target
        self._http = open_http(target, transport)
        self._http.headers.update(_credential(target, warn, self._http) | _walls(target))

    def get(self, path: str, **query: Any) -> Any:
        """
        What is there.

        Raises:
            CommandFailure: The API refused or did not answer; its code is the exit status.
        """
        return self._json("GET", path, params=_given(query))

    def post(self, path: str, body: Any = None, **query: Any) -> Any:
        """Have something done, or made; errors as in `get`."""
        return self._json("POST", path, json={} if body is None else body, params=_given(query))

    def put(self, path: str, body: Any) -> Any:
        return self._json("PUT", path, json=body)

    def patch(self, path: str, body: Any) -> Any:
        return self._json("PATCH", path, json=body)

    def delete(self, path: str) -> None:
        self._send("DELETE", path)

    def upload(self, path: str, content: bytes, *, headers: dict[str, str], seconds: float) -> Any:
        """Send bytes, and wait up to `seconds` for what becomes of them."""
        timeout = httpx.Timeout(seconds, connect=5.0)
        return self._json("POST", path, content=content, headers=headers, timeout=timeout)

    def content(self, path: str) -> bytes:
        """The bytes of something."""
        return self._send("GET", path).content

    def stream(self, path: str, body: Any, *, seconds: float) -> Iterator[bytes]:
        """The bytes of an answer as they come, waiting up to `seconds` for the first; errors as in `get`."""
        timeout = httpx.Timeout(seconds, connect=5.0)
        try:
            with self._http.stream("POST", API + path, json=body, timeout=timeout) as answer:
                if not answer.is_success:
                    answer.read()
                    raise failure_of(answer)
                yield from answer.iter_bytes()
        except httpx.TransportError as error:
            raise _unreachable(self.target, error) from error

    def pages(
        self, path: str, *, limit: int, cursor: str = "", **query: Any
    ) -> Iterator[tuple[list[Any], str]]:
        """Pages of a list from `cursor` on, each with the cursor of the next ("" after the last)."""
        while True:
            page = self.get(path, limit=limit, cursor=cursor or None, **query)
            cursor = page.get("next_cursor") or ""
            yield page["items"], cursor
            if not cursor:
                return

    def _json(self, method: str, path: str, **request: Any) -> Any:
        answer = self._send(method, path, **request)
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError as error:
            raise CommandFailure(
                f"{self.target.name} answered {path} with something that is no JSON; is it an appliance?"
            ) from error

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, API + path, **request)
        except httpx.TimeoutException as error:
            raise CommandFailure(
                f"{self.target.name} did not answer {path} in time",
                code=ExitCode.UNAVAILABLE,
                next_step="xdr doctor",
            ) from error
        except httpx.TransportError as error:
            raise _unreachable(self.target, error) from error
        if answer.is_success:
            return answer
        raise failure_of(answer)


def open_http(target: Target, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """A client for an appliance that says nothing yet of who asks."""
    return httpx.Client(
        base_url="http://xdr" if target.socket else target.url,
        transport=transport or _transport(target),
        headers={"User-Agent": f"xdr/{product_version()}"},
        timeout=_TIMEOUT,
    )


def product_version() -> str:
    try:
        return version("mini-xdr-appliance")
    except PackageNotFoundError:
        return "0.1.0-source"


def failure_of(answer: httpx.Response) -> CommandFailure:
    """A refusal (RFC 9457) in words and with its exit status."""
    problem = _problem(answer)
    said = problem.get("detail") or problem.get("title") or f"HTTP {answer.status_code}"
    proof_is_old = problem.get("code") == "step_up_required"
    after = answer.headers.get("retry-after")
    wait = f"try again in {after} s" if after and after.isdecimal() else ""
    return CommandFailure(
        f"{problem.get('title') or answer.reason_phrase}: {said}",
        code=code_of(answer.status_code),
        next_step="sign in again: xdr login" if proof_is_old else wait or _NEXT.get(answer.status_code, ""),
        detail=f"HTTP {answer.status_code} {problem.get('code', '')}".strip(),
    )


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        said = answer.json()
    except ValueError:
        return {"title": f"HTTP {answer.status_code}", "detail": answer.text[:200].strip()}
    return said if isinstance(said, dict) else {}


def _transport(target: Target) -> httpx.BaseTransport:
    if target.socket:
        return httpx.HTTPTransport(uds=target.socket)
    return httpx.HTTPTransport(verify=ssl.create_default_context(cafile=target.ca_file or None))


def _credential(target: Target, warn: Warn, http: httpx.Client) -> dict[str, str]:
    if target.socket:
        return {}
    if target.token_file is None and target.session_file is not None and target.session_file.exists():
        return {"Authorization": f"Bearer {kept_sessions.bearer(target.session_file, http)}"}
    if target.token_file is None:
        raise CommandFailure(
            f"no token for {target.url}",
            code=ExitCode.DENIED,
            next_step="xdr login, or give --token-file FILE or set XDR_TOKEN_FILE",
        )
    token = read_secret(target.token_file, "the API token")
    if is_exposed(target.token_file):
        warn(f"others can read {target.token_file}; run `chmod 600 {target.token_file}`")
    return {"Authorization": f"Bearer {token}"}


def _walls(target: Target) -> dict[str, str]:
    return {"X-XDR-Organisation": target.organisation} if target.organisation and target.socket else {}


def _unreachable(target: Target, error: httpx.TransportError) -> CommandFailure:
    if target.socket and isinstance(error.__cause__ and error.__cause__.__cause__, PermissionError):
        return CommandFailure(
            f"you may not use {target.socket}",
            code=ExitCode.DENIED,
            next_step="use sudo, join the group that owns it, or give --url and --token-file",
        )
    return CommandFailure(
        f"{target.name} cannot be reached: {error}", code=ExitCode.UNAVAILABLE, next_step="xdr doctor"
    )


def _given(query: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value not in (None, "", [], ())}
