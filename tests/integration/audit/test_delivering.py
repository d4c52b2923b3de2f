"""Checkpoints off the box: a real TLS listener, a file, and receivers that fail."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator

import msgspec
import pytest
import trustme
from sqlalchemy import text

from appliance.audit.delivering import Delivery, FileTarget, SyslogTarget, targets
from appliance.audit.verifier.checkpoints import parsed_all
from appliance.foundation.actors import appliance
from appliance.foundation.cache import Cache
from appliance.foundation.database import platform_transaction
from appliance.foundation.errors import Unavailable
from appliance.foundation.probes import Probes
from appliance.foundation.settings import Audit
from tests.integration.audit.conftest import read


class Receiver:
    """A syslog server over TLS that keeps what it reads (RFC 5425 frames)."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.connections = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while length := await reader.readuntil(b" ") if not reader.at_eof() else b"":
            self.messages.append((await reader.readexactly(int(length))).decode())
            if reader.at_eof():
                break
        writer.close()


async def serve(receiver: Receiver, authority: trustme.CA, name: str) -> asyncio.Server:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await receiver.handle(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            writer.close()

    return await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def receiver(authority) -> AsyncIterator[tuple[Receiver, int]]:
    made = Receiver()
    server = await serve(made, authority, "localhost")
    yield made, server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


def syslog(authority, port: int, tmp_path) -> SyslogTarget:
    trust = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(trust)
    return SyslogTarget(Audit(syslog_host="localhost", syslog_port=port, syslog_ca_file=str(trust)), "node-1")


def own(messages: list[str], trail) -> list[str]:
    """Of this test's organisation: the database is shared."""
    return [one for one in messages if str(trail.org) in one]


async def delivered(delivery: Delivery) -> None:
    while await delivery.step():
        pass


async def test_checkpoints_arrive_as_syslog_over_tls(trail, authority, receiver, tmp_path):
    kept, port = receiver
    for _ in range(3):
        await trail.write(2)
        await trail.seal()

    await delivered(Delivery(trail.database, [syslog(authority, port, tmp_path)]))
    await asyncio.sleep(0.1)

    messages = own(kept.messages, trail)
    assert len(messages) == 3
    assert messages[0].startswith("<109>1 ")
    assert " node-1 xdr-audit - checkpoint - {" in messages[0]
    found = parsed_all(messages)
    assert [one.number for one in found] == [1, 2, 3]
    assert read(await trail.export(), expected=found).ok


async def test_a_server_with_a_foreign_certificate_gets_nothing_and_the_state_says_so(
    trail, authority, tmp_path
):
    rogue = Receiver()
    server = await serve(rogue, trustme.CA(), "localhost")
    await trail.write(1)
    await trail.seal()
    delivery = Delivery(trail.database, [syslog(authority, server.sockets[0].getsockname()[1], tmp_path)])

    await delivery.step()
    server.close()

    state = delivery.state()["syslog"]
    assert rogue.messages == []
    assert state["state"] == "failing"
    assert "certificate" in state["cause"].lower()


async def test_what_a_target_did_not_take_is_sent_again(trail, tmp_path):
    path = tmp_path / "missing" / "checkpoints"
    delivery = Delivery(trail.database, [FileTarget(path)])
    await trail.write(1)
    await trail.seal()
    await delivery.step()
    failing = delivery.state()["file"]["state"]
    path.parent.mkdir()

    await delivered(delivery)
    await trail.write(1)
    await trail.seal()
    await delivered(delivery)

    lines = own(path.read_text().splitlines(), trail)
    assert failing == "failing"
    assert delivery.state()["file"]["state"] == "ok"
    assert [json.loads(json.loads(line)["checkpoint"])["n"] for line in lines] == [1, 2]


async def test_a_target_that_fails_does_not_hold_up_another(trail, tmp_path):
    class Hanging:
        name = "peer"

        async def send(self, _lines):
            raise Unavailable("the peer does not answer")

    path = tmp_path / "checkpoints"
    delivery = Delivery(trail.database, [Hanging(), FileTarget(path)])
    await trail.write(1)
    await trail.seal()

    await delivery.step()

    assert own(path.read_text().splitlines(), trail)
    assert delivery.state()["peer"]["cause"] == "the peer does not answer"


def test_without_a_target_the_state_says_not_configured(database, settings):
    nowhere = msgspec.structs.replace(settings, audit=Audit())

    assert targets(nowhere) == []
    assert Delivery(database, targets(nowhere)).state() == {"state": "not_configured"}


async def test_the_status_says_where_checkpoints_go_and_why_they_do_not(trail, database, tmp_path):
    probes = Probes(database, Cache(""), "test", "node-1", tmp_path)
    down = {"file": {"state": "failing", "sent": 0, "cause": "no space"}}
    shown = []
    for targets_said, cause in ((down, ""), ({"state": "not_configured"}, "the key is not there")):
        detail = {"active": True, "lag_seconds": 0.2, "cause": cause, "checkpoints_to": targets_said}
        await beat_once(database, detail)
        status = await probes.status(trail.scope, by=appliance("tests"))
        shown.append({one["name"]: (one["state"], one["detail"]) for one in status["components"]})
    await beat_once(database, None)

    assert shown[0]["audit-checkpoints-file"] == ("degraded", "no space")
    assert shown[0]["audit-trail"][0] == "ok"
    assert shown[1]["audit-checkpoints"][0] == "not_configured"
    assert shown[1]["audit-trail"] == ("degraded", "the key is not there")


async def beat_once(database, detail) -> None:
    async with platform_transaction(database) as session:
        await session.execute(text("DELETE FROM process_states WHERE name = 'seal'"))
        if detail is not None:
            await session.execute(
                text(
                    "INSERT INTO process_states (node, name, beat_at, detail)"
                    " VALUES ('node-1', 'seal', now(), CAST(:detail AS jsonb))"
                ),
                {"detail": json.dumps(detail)},
            )
