"""Checkpoints of the audit trail on the other nodes: each gets what it has not got, by mutual TLS."""

import ssl
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import httpx

from appliance.audit.delivering import FileTarget, Target
from appliance.audit.verifier.checkpoints import Checkpoint, parsed_all
from appliance.foundation.errors import Invalid, Unavailable
from appliance.foundation.settings import Cluster, Settings
from appliance.jobs.node_tls import client_context

_TIMEOUT = httpx.Timeout(10.0, connect=2.0)


class PeerTarget:
    """
    Args:
        node: The other node's name.
        url: Where it takes checkpoints.
    """

    def __init__(self, settings: Cluster, node: str, url: str) -> None:
        self.name, self._url = f"node {node}", url
        self._context: ssl.SSLContext = client_context(settings)

    async def send(self, lines: Sequence[tuple[datetime, Checkpoint]]) -> None:
        """Have them kept there; errors as in `Target`."""
        text = "".join(f"{checkpoint.as_json()}\n" for _, checkpoint in lines)
        try:
            async with httpx.AsyncClient(verify=self._context, timeout=_TIMEOUT, trust_env=False) as http:
                answer = await http.post(self._url, content=text.encode())
        except httpx.TransportError as error:
            raise Unavailable(f"{self.name} does not answer: {str(error) or type(error).__name__}") from error
        if not answer.is_success:
            raise Unavailable(f"{self.name} refuses: {answer.status_code} {answer.text[:200]}")


class PeerCheckpoints:
    """
    What other nodes sealed, appended to a file; `xdr audit verify --expect` reads it.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._file = FileTarget(path)

    async def keep(self, body: bytes) -> None:
        """
        Append; when this returns they are on the disk.

        Raises:
            Invalid: There is something else than checkpoints in it.
            Unavailable: The disk refuses.
        """
        try:
            found = parsed_all(body.splitlines())
        except ValueError as error:
            raise Invalid(f"these are no checkpoints: {error}") from error
        if not found:
            raise Invalid("there is no checkpoint in it")
        await self._file.keep(found)


def peer_targets(settings: Settings) -> list[Target]:
    """The other nodes; none on a single one."""
    if not settings.ingest.peer_port:
        return []
    return [
        PeerTarget(settings.cluster, name, f"https://{host}:{settings.ingest.peer_port}/checkpoints")
        for name, host in settings.cluster.nodes.items()
        if name != settings.node
    ]
