"""
Patroni's REST interface and etcd's health, from any node that can reach one of them.

Source: Patroni 4 documentation, "Patroni REST API"; etcd 3.5 documentation, "Monitoring".
"""

import ssl
from contextlib import suppress
from typing import Any, Self

import httpx
import msgspec

from appliance.cluster.members import Change, ClusterState, Member
from appliance.foundation.errors import Invalid, Unavailable
from appliance.foundation.settings import Cluster

_PATRONI_PORT, _ETCD_PORT = 8008, 2379
_TIMEOUT = httpx.Timeout(5.0, connect=2.0)
_ACTING = httpx.Timeout(60.0, connect=2.0)  # a switchover answers once it is done
_SHOWN_CHANGES = 5


class Patroni:
    """
    Args:
        settings: Which nodes there are, and what proves that we are one.

    Raises:
        Invalid: The node's certificate or key cannot be used; names the file.
    """

    def __init__(self, settings: Cluster) -> None:
        self._nodes = settings.nodes
        try:
            context = ssl.create_default_context(cafile=settings.ca_file)
            context.load_cert_chain(settings.certificate, settings.key)
        except OSError as error:
            raise Invalid(f"[cluster] {settings.certificate}, {settings.key}: {error}") from error
        self._http = httpx.Client(verify=context, timeout=_TIMEOUT, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def state(self) -> ClusterState:
        """
        How the cluster is now, by the first node that answers.

        Raises:
            Unavailable: No node's Patroni answers.
        """
        said = msgspec.convert(self._any("GET", "/cluster").json(), _Cluster)
        members = [
            Member(
                name=each.name,
                role=each.role,
                state=each.state,
                host=each.host,
                timeline=each.timeline,
                lag=each.lag if isinstance(each.lag, int) else None,
            )
            for each in said.members
        ]
        return ClusterState(
            members, is_paused=said.pause, etcd=self._etcd(), history=self._history(), name=said.scope
        )

    def switch(self, leader: str, candidate: str) -> str:
        """Hand over by plan; what Patroni says when it is done."""
        return self._any("POST", "/switchover", json={"leader": leader, "candidate": candidate}).text

    def fail_over(self, candidate: str) -> str:
        """Make a node lead although none, or another one, does."""
        return self._any("POST", "/failover", json={"candidate": candidate}).text

    def pause(self, *, on: bool) -> None:
        """Hold Patroni still, or let it act again."""
        self._any("PATCH", "/config", json={"pause": on or None})

    def _any(self, method: str, path: str, **request: Any) -> httpx.Response:
        silent = []
        timeout = _TIMEOUT if method == "GET" else _ACTING
        for name, host in self._nodes.items():
            try:
                answer = self._http.request(
                    method, f"https://{host}:{_PATRONI_PORT}{path}", timeout=timeout, **request
                )
            except httpx.TransportError as error:
                silent.append(f"{name}: {str(error) or type(error).__name__}")
                continue
            if answer.is_success:
                return answer
            raise Unavailable(f"Patroni of {name} refuses: {answer.status_code} {answer.text.strip()}")
        raise Unavailable(f"no node's Patroni answers ({'; '.join(silent)})")

    def _etcd(self) -> dict[str, bool]:
        return {name: self._is_healthy(host) for name, host in self._nodes.items()}

    def _is_healthy(self, host: str) -> bool:
        with suppress(httpx.TransportError, ValueError):
            answer = self._http.get(f"https://{host}:{_ETCD_PORT}/health")
            return answer.is_success and answer.json().get("health") == "true"
        return False

    def _history(self) -> list[Change]:
        rows = self._any("GET", "/history").json()
        # Timeline, log position, reason, time, and the new leader.
        found = [Change(timeline=row[0], why=row[2], at=row[3], leader=row[4]) for row in rows]
        return found[-_SHOWN_CHANGES:]


class _Member(msgspec.Struct, frozen=True):
    name: str
    role: str
    state: str
    host: str = ""
    timeline: int | None = None
    lag: int | str | None = None


class _Cluster(msgspec.Struct, frozen=True):
    members: list[_Member]
    pause: bool = False
    scope: str = ""
