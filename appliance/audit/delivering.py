"""
Checkpoints off the box: whoever can change this database cannot change what others already hold.

Each target follows the table of checkpoints by the feed; its position moves in the transaction in which the
sending was confirmed, so a checkpoint arrives at least once. A target that fails is tried again, and its
state is shown. What is sent is one line that `xdr-audit-verify --expect` reads.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

import structlog

from appliance.audit.verifier.checkpoints import Checkpoint, read
from appliance.foundation import feed
from appliance.foundation.actors import Scope
from appliance.foundation.database import Database, organisation_ids, platform_transaction
from appliance.foundation.errors import Unavailable
from appliance.foundation.settings import Audit, Settings

log = structlog.get_logger()

_BATCH = 100
_SECONDS = 10.0
# RFC 5424: facility 13 "log audit", severity 5 "notice".
_PRIORITY = 13 * 8 + 5


class Target(Protocol):
    """Somewhere else: a file, a syslog server, another node (`jobs/checkpoint_peers.py`)."""

    name: str

    async def send(self, lines: Sequence[tuple[datetime, Checkpoint]]) -> None:
        """
        Hand the checkpoints over; when this returns, the receiver has them.

        Raises:
            Unavailable: It has not, or not all of them; all are sent again.
        """
        ...


class FileTarget:
    """Appends to a file and waits until it is on the disk."""

    name = "file"

    def __init__(self, path: Path) -> None:
        self._path = path

    async def send(self, lines: Sequence[tuple[datetime, Checkpoint]]) -> None:
        """Append; errors as in `Target`."""
        await self.keep([checkpoint for _, checkpoint in lines])

    async def keep(self, checkpoints: Iterable[Checkpoint]) -> None:
        """Append, a line each; errors as in `Target`."""
        text = "".join(f"{checkpoint.as_json()}\n" for checkpoint in checkpoints)
        try:
            await asyncio.to_thread(self._append, text.encode())
        except OSError as error:
            raise Unavailable(f"checkpoints cannot be appended to {self._path}: {error.strerror}") from error

    def _append(self, content: bytes) -> None:
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        try:
            written = os.write(handle, content)
            if written != len(content):
                raise OSError(0, f"only {written} of {len(content)} bytes were taken")
            os.fsync(handle)
        finally:
            os.close(handle)


class SyslogTarget:
    """Syslog over TLS: RFC 5424 messages, octet-counted (RFC 5425), to a peer that proves who it is."""

    name = "syslog"

    def __init__(self, audit: Audit, node: str) -> None:
        self._audit, self._node = audit, node

    async def send(self, lines: Sequence[tuple[datetime, Checkpoint]]) -> None:
        """Send over a connection of its own, closed in both directions; errors as in `Target`."""
        framed = b"".join(self._framed(at, checkpoint) for at, checkpoint in lines)
        try:
            await asyncio.wait_for(self._deliver(framed), _SECONDS)
        except (OSError, TimeoutError) as error:
            where = f"{self._audit.syslog_host}:{self._audit.syslog_port}"
            raise Unavailable(f"syslog at {where} did not take the checkpoints: {error!r}") from error

    async def _deliver(self, framed: bytes) -> None:
        _, writer = await asyncio.open_connection(
            self._audit.syslog_host, self._audit.syslog_port, ssl=self._context()
        )
        try:
            writer.write(framed)
            await writer.drain()
        finally:
            writer.close()
        # Syslog confirms nothing. That the peer ended the connection in peace is the most that can be known.
        await writer.wait_closed()

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._audit.syslog_ca_file or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self._audit.syslog_certificate:
            context.load_cert_chain(self._audit.syslog_certificate, self._audit.syslog_key or None)
        return context

    def _framed(self, at: datetime, checkpoint: Checkpoint) -> bytes:
        host = self._node or socket.gethostname()
        message = (
            f"<{_PRIORITY}>1 {at.isoformat(timespec='microseconds')} {host} xdr-audit - checkpoint - "
            f"{checkpoint.as_json()}"
        ).encode()
        return b"%d %b" % (len(message), message)


def targets(settings: Settings) -> list[Target]:
    """Where checkpoints go, as the settings say."""
    found: list[Target] = []
    if settings.audit.syslog_host:
        found.append(SyslogTarget(settings.audit, settings.node))
    if settings.audit.checkpoint_file:
        found.append(FileTarget(Path(settings.audit.checkpoint_file)))
    return found


class Delivery:
    """Brings every organisation's checkpoints to every target."""

    def __init__(self, database: Database, to: Sequence[Target]) -> None:
        self._database, self._targets = database, to
        self._causes: dict[str, str] = {}
        self._sent: dict[str, int] = {target.name: 0 for target in to}

    def state(self) -> dict[str, object]:
        """By target: how many checkpoints it got since start, and why it gets none now, if so."""
        if not self._targets:
            return {"state": "not_configured"}
        return {
            name: {"state": "failing" if name in self._causes else "ok", "sent": sent,
                   "cause": self._causes.get(name, "")}
            for name, sent in self._sent.items()
        }  # fmt: skip

    async def step(self) -> int:
        """Send what is new; how many checkpoints went out. A target that fails does not hold up another."""
        done = 0
        for org_id in await organisation_ids(self._database):
            for target in self._targets:
                try:
                    done += await self._send(target, org_id)
                    self._causes.pop(target.name, None)
                except Unavailable as error:
                    if target.name not in self._causes:
                        log.warning("checkpoints_not_delivered", target=target.name, cause=str(error))
                    self._causes[target.name] = str(error)
        return done

    async def _send(self, target: Target, org_id: UUID) -> int:
        async with platform_transaction(self._database) as session:
            rows = await feed.read(
                session, Scope(org_id=org_id), consumer=f"audit.checkpoints:{target.name}",
                table="audit_checkpoints", limit=_BATCH,
            )  # fmt: skip
            if rows:
                await target.send([(row.at, read(bytes(row.body), bytes(row.signature))) for row in rows])
        self._sent[target.name] += len(rows)
        return len(rows)
