"""What is spooled on one node survives the loss of that node, and of its disk."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import msgspec
import pytest
import trustme

from appliance.audit.verifier.checkpoints import parsed_all
from appliance.detection.pipeline import Unit
from appliance.foundation.observability import REGISTRY
from appliance.foundation.settings import Cluster, load
from appliance.jobs.checkpoint_peers import PeerTarget
from appliance.jobs.node_tls import client_context
from appliance.jobs.spool_peers import PeerSpools
from appliance.telemetry.schemas import NewSource
from tests.factories.stack import ADMIN, Stack, free_ports, running_stack
from tests.integration.ingest.test_crashes import BATCH_EVENTS, Sender, eventually_stored, kill_tree, messages

pytestmark = pytest.mark.timeout(240)
VECTOR = Path(__file__).parents[2] / "vectors/audit/truncated_with_checkpoint.json"
NODES = {"one": "127.0.0.1", "two": "127.0.0.2"}


class Pair:
    """Two ingest processes with a disk each, over one database."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.authority = stack, trustme.CA()
        self.peer_port, self.second_port = free_ports()
        self.other_disk = stack.folder / "two"
        for name, address in NODES.items():
            issued = self.authority.issue_cert(address)
            issued.private_key_pem.write_to_path(stack.folder / f"{name}.key")
            issued.cert_chain_pems[0].write_to_path(stack.folder / f"{name}.crt")
        self.authority.cert_pem.write_to_path(stack.folder / "ca.crt")
        self.second: subprocess.Popen[bytes] | None = None

    def configure(self) -> None:
        plain = self.stack.config.read_text()
        for name in NODES:
            path = self.stack.config if name == "one" else self.stack.folder / "two.toml"
            path.write_text(self._as_node(plain, name))

    def _as_node(self, plain: str, name: str) -> str:
        lines = [f'node = "{name}"' if line.startswith("node =") else line for line in plain.splitlines()]
        if name == "two":
            port = f"http_port = {self.second_port}"
            lines = [port if line.startswith("http_port") else line for line in lines]
            lines = [
                f'state_dir = "{self.other_disk}"' if line.startswith("state_dir") else line for line in lines
            ]
        at = lines.index("[ingest]")
        lines.insert(at + 1, f"peer_port = {self.peer_port}")
        folder = self.stack.folder
        nodes = ", ".join(f'{each} = "{address}"' for each, address in NODES.items())
        return "\n".join(
            [*lines, "[cluster]", f"nodes = {{ {nodes} }}", f'ca_file = "{folder}/ca.crt"',
             f'certificate = "{folder}/{name}.crt"', f'key = "{folder}/{name}.key"', ""]
        )  # fmt: skip

    def start_second(self) -> None:
        command = [sys.executable, "-m", "appliance.jobs.ingest", str(self.stack.folder / "two.toml")]
        with (self.stack.folder / "processes.log").open("ab") as log:
            self.second = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def stop_second(self) -> None:
        if self.second is not None and self.second.poll() is None:
            self.second.send_signal(signal.SIGTERM)
            self.second.wait(30)

    def cluster(self, name: str) -> Cluster:
        folder = self.stack.folder
        return Cluster(
            nodes=NODES,
            ca_file=f"{folder}/ca.crt",
            certificate=f"{folder}/{name}.crt",
            key=f"{folder}/{name}.key",
        )


@pytest.fixture
def pair() -> Iterator[Pair]:
    with running_stack() as stack:
        made = Pair(stack)
        made.configure()
        stack.start("ingest")
        made.start_second()
        stack.wait_for_ingest()
        _wait_for("127.0.0.2", made.peer_port)
        _wait_for("127.0.0.1", made.peer_port)
        yield made
        made.stop_second()


def _wait_for(address: str, port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection((address, port), timeout=1).close()
        except OSError:
            import time

            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"nobody listens on {address}:{port}")


async def test_a_node_destroyed_with_its_spool_loses_and_doubles_nothing(pair):
    stack = pair.stack
    token = await stack.source_token("crash", "syslog")
    async with httpx.AsyncClient(base_url=stack.ingest_url, timeout=30) as client:
        sender = Sender(client, token)
        await sender.send_all(range(5))
        stack.postgres.kill()
        await sender.send_all(range(5, 40))
        said = await client.get(
            f"/api/v1/ingest/batches/{sender.ids[10]}", headers={"Authorization": f"Bearer {token}"}
        )
    kill_tree(stack, "ingest")
    shutil.rmtree(stack.settings.state_dir / "spool")
    stack.postgres.start()

    assert said.json()["durability"] == "cluster"
    await eventually_stored(stack, 40 * BATCH_EVENTS, within_seconds=120)
    assert sorted(await messages(stack)) == sorted(
        f"event {b}.{n}" for b in range(40) for n in range(BATCH_EVENTS)
    )


async def test_when_both_live_the_owner_stores_and_the_copy_is_forgotten(pair):
    stack = pair.stack
    token = await stack.source_token("crash", "syslog")
    async with httpx.AsyncClient(base_url=stack.ingest_url, timeout=30) as client:
        sender = Sender(client, token)
        await sender.send(0)
        stack.postgres.kill()
        await sender.send_all(range(1, 10))
        copies = list((pair.other_disk / "peer-spool").glob("*.spool"))
        stack.postgres.start()
        await eventually_stored(stack, 10 * BATCH_EVENTS)
        for _ in range(100):
            if not list((pair.other_disk / "peer-spool").glob("*.spool")):
                break
            await asyncio.sleep(0.1)

    async with httpx.AsyncClient(base_url=f"http://[::1]:{pair.second_port}") as other:
        headers = {"Authorization": f"Bearer {token}"}
        asked = [
            await other.get(f"/api/v1/ingest/batches/{sender.ids[n]}", headers=headers) for n in range(10)
        ]

    assert copies
    assert {answer.json()["durability"] for answer in asked} == {"committed"}
    assert not list((pair.other_disk / "peer-spool").glob("*.spool"))
    assert len(await messages(stack)) == 10 * BATCH_EVENTS


async def test_who_demands_the_cluster_is_refused_when_no_other_node_takes_a_copy(pair):
    stack = pair.stack
    async with stack.services() as services:
        wanted = NewSource(name="crash", format="syslog", durability="cluster")
        source = await services.telemetry.create_source(wanted, by=ADMIN)
        token = (await services.telemetry.issue_token(source.id, by=ADMIN)).token
    async with httpx.AsyncClient(base_url=stack.ingest_url, timeout=30) as client:
        sender = Sender(client, token)
        await sender.send(0)
        stack.postgres.kill()
        together = await sender.send(1)
        os.killpg(pair.second.pid, signal.SIGKILL)
        pair.second.wait()
        alone = await sender.send(2)
        stack.postgres.start()
        await sender.send_until_acknowledged(2)

    assert (together, alone) == (202, 503)
    await eventually_stored(stack, 3 * BATCH_EVENTS)


async def test_checkpoints_of_the_trail_are_kept_by_the_other_node(pair):
    (made,) = parsed_all(json.loads(VECTOR.read_text())["expect"])
    url = f"https://127.0.0.2:{pair.peer_port}/checkpoints"
    target = PeerTarget(pair.cluster("one"), "two", url)

    await target.send([(datetime.now(UTC), made)])
    await target.send([(datetime.now(UTC), made)])
    kept = parsed_all((pair.other_disk / "peer-checkpoints").read_text().splitlines())
    async with httpx.AsyncClient(verify=client_context(pair.cluster("one"))) as client:
        nonsense = await client.post(url, content=b"no checkpoint at all")

    assert kept == [made, made]
    assert nonsense.status_code == 422


async def test_nobody_but_a_node_is_heard_and_no_nonsense_kept(pair):
    url = f"https://127.0.0.2:{pair.peer_port}/records/x"
    stranger = trustme.CA()
    stranger.issue_cert("127.0.0.1").private_key_pem.write_to_path(pair.stack.folder / "evil.key")
    ours = PeerSpools(pair.cluster("one"), {"two": "127.0.0.2"}, pair.peer_port)

    with pytest.raises(httpx.TransportError):
        async with httpx.AsyncClient(verify=_trusting(pair.stack.folder / "ca.crt")) as client:
            await client.put(url, content=b"x")
    assert not await ours.copy("20261126T000000000000-00", b"no record")
    assert not await ours.copy("..%2Fescape", b"x")
    await ours.close()
    assert not list((pair.other_disk / "peer-spool").iterdir())


def _trusting(authority: Path):
    import ssl

    return ssl.create_default_context(cafile=str(authority))


def test_settings_of_a_pair_are_read_as_written(pair):
    assert load(pair.stack.config).cluster.nodes == NODES


async def test_how_copies_fared_is_counted_and_timed(pair):
    peers = PeerSpools(pair.cluster("one"), {"two": NODES["two"]}, pair.peer_port)
    before = _copies("kept"), _copies("none"), REGISTRY.get_sample_value("xdr_spool_copy_seconds_count")

    record = msgspec.msgpack.encode(Unit(org_id=uuid4(), base=bytes(16), received=0, parts=()))
    kept = await peers.copy("counted", record)
    os.killpg(pair.second.pid, signal.SIGKILL)
    pair.second.wait()
    lost = await peers.copy("counted-too", record)
    await peers.close()

    assert (kept, lost) == (True, False)
    after = _copies("kept"), _copies("none"), REGISTRY.get_sample_value("xdr_spool_copy_seconds_count")
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1, 2]


def _copies(outcome: str) -> float:
    return REGISTRY.get_sample_value("xdr_spool_copies_total", {"outcome": outcome}) or 0.0
