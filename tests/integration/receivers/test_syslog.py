"""The syslog family's listeners, spoken to over real sockets."""

import asyncio
import socket
import ssl
from contextlib import suppress

import pytest
import trustme

from appliance.jobs.receivers.batching import Batcher, Batching, Message
from appliance.jobs.receivers.listeners import Listener, Listeners, Transport
from tests.factories.intake import MemoryIntake

NAMES = tuple(f"syslog-{transport}" for transport in Transport)


@pytest.fixture
def intake() -> MemoryIntake:
    return MemoryIntake(listeners=NAMES)


@pytest.fixture
def certificates(tmp_path):
    authority = trustme.CA()
    server = authority.issue_cert("localhost", "127.0.0.1")
    server.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return tmp_path


@pytest.fixture
async def listening(intake, certificates):
    def listener(transport: Transport) -> Listener:
        pem = str(certificates / "server.pem") if "tls" in transport else ""
        return Listener(f"syslog-{transport}", transport, 0, "127.0.0.1", certificate=pem)

    listeners = Listeners(intake, [listener(transport) for transport in Transport])
    await listeners.start()
    yield listeners
    await listeners.stop()


async def send(port: int, data: bytes, tls: ssl.SSLContext | None = None) -> bytes:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=tls, server_hostname="localhost" if tls else None
    )
    writer.write(data)
    await writer.drain()
    if tls is None:
        writer.write_eof()
    else:
        await asyncio.sleep(0.1)
        writer.close()
        return b""
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_lines_over_tcp_become_counted_frames(listening, intake):
    await send(listening.ports["syslog-tcp"], b"<13>one\r\n<13>two\n<13>last without an end")

    body = await intake.until(b"last without an end")

    assert body == b"7 <13>one7 <13>two23 <13>last without an end"
    assert intake.submissions[0].format == "syslog.frames"
    assert intake.submissions[0].listener == "syslog-tcp"
    assert intake.submissions[0].peer == "127.0.0.1"


async def test_counted_messages_over_tcp_may_hold_newlines(listening, intake):
    await send(listening.ports["syslog-tcp"], b"11 <13>one\ntwo9 <13>three")

    assert await intake.until(b"three") == b"11 <13>one\ntwo9 <13>three"


async def test_a_stream_without_framing_ends_its_connection_only(listening, intake):
    answer = await send(listening.ports["syslog-tcp"], b"99999999999 <13>x")
    await send(listening.ports["syslog-tcp"], b"<13>still here\n")

    assert answer == b""
    await intake.until(b"still here")
    assert listening.counters()["syslog-tcp"].broken_connections == 1


async def test_tls_carries_counted_messages(listening, intake, certificates):
    context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))

    await send(listening.ports["syslog-tls"], b"10 <13>secret", context)

    assert await intake.until(b"secret") == b"10 <13>secret"


async def test_a_sender_without_the_required_certificate_is_refused(intake, certificates):
    pem, ca = str(certificates / "server.pem"), str(certificates / "ca.pem")
    item = Listener("syslog-tls", Transport.TLS, 0, "127.0.0.1", certificate=pem, client_ca=ca)
    listeners = Listeners(intake, [item])
    await listeners.start()
    context = ssl.create_default_context(cafile=ca)

    # TLS 1.3 tells the client of the refusal only after its own side is done, or just hangs up.
    with suppress(ssl.SSLError, ConnectionError):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", listeners.ports["syslog-tls"], ssl=context, server_hostname="localhost"
        )
        writer.write(b"9 <13>hello")
        await reader.read()
        writer.close()
    await asyncio.sleep(0.5)
    await listeners.stop()

    assert intake.submissions == []


async def test_datagrams_arrive_with_their_newlines(listening, intake):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"<13>a\nb", ("127.0.0.1", listening.ports["syslog-udp"]))

    assert await intake.until(b"a\nb") == b"7 <13>a\nb"


async def test_ipv6_and_ipv4_datagrams_share_a_port(intake):
    listeners = Listeners(intake, [Listener("syslog-udp", Transport.UDP, 0)])
    await listeners.start()
    port = listeners.ports["syslog-udp"]

    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family, socket.SOCK_DGRAM) as sender:
            sender.sendto(address.encode(), (address, port))
    await intake.until(b"127.0.0.1")
    await intake.until(b"::1")
    await listeners.stop()

    assert {submission.peer for submission in intake.submissions} == {"127.0.0.1", "::1"}


async def test_datagrams_lost_in_the_kernel_are_counted(listening, intake):
    port = listening.ports["syslog-udp"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        # The loop cannot read while this runs, so the kernel's buffer must overflow.
        for _ in range(20_000):
            sender.sendto(b"x" * 8000, ("127.0.0.1", port))
    lost = listening.counters()["syslog-udp"].lost_in_kernel
    await asyncio.sleep(1)

    counters = listening.counters()["syslog-udp"]
    assert lost > 0
    assert counters.accepted_messages + counters.lost_in_kernel + counters.lost_here == 20_000


async def test_a_full_batcher_makes_the_sender_wait(intake):
    intake.gate.clear()
    batcher = Batcher(intake, "syslog-tcp", Batching(messages=1, seconds=0.01, waiting_bytes=1000))
    running = asyncio.create_task(batcher.run())

    async def fill() -> None:
        for index in range(50):
            await batcher.add(Message(b"%03d" % index * 30, "peer"))

    filling = asyncio.create_task(fill())
    await asyncio.sleep(0.2)
    was_held_back = not filling.done()
    intake.gate.set()
    await filling
    batcher.close()
    await running

    assert was_held_back
    assert batcher.accepted_messages == 50


async def test_batches_wait_out_a_full_intake_without_losing_a_message(intake):
    intake.is_full = True
    batcher = Batcher(intake, "syslog-tcp", Batching(seconds=0.01))
    running = asyncio.create_task(batcher.run())
    await batcher.add(Message(b"kept", "peer"))
    await asyncio.sleep(0.1)

    intake.is_full = False
    await intake.until(b"kept")
    batcher.close()
    await running

    assert batcher.accepted_messages == 1


async def test_a_listener_that_cannot_hand_on_ends_the_watch(certificates):
    class Broken:
        async def accept(self, _):
            raise OSError("the disk is gone")

    listeners = Listeners(Broken(), [Listener("syslog-udp", Transport.UDP, 0, "127.0.0.1")])
    await listeners.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", ("127.0.0.1", listeners.ports["syslog-udp"]))

    with pytest.raises(OSError, match="disk"):
        await asyncio.wait_for(listeners.watch(), 10)
    with pytest.raises(OSError, match="disk"):
        await listeners.stop()


async def test_a_crowd_of_forged_senders_shares_batches(intake):
    batcher = Batcher(intake, "syslog-udp")
    for index in range(5000):
        batcher.add_now(Message(b"x", f"10.0.{index // 250}.{index % 250}"))
    batcher.close()

    await batcher.run()

    assert len(intake.submissions) < 300
    assert batcher.accepted_messages == 5000


# RELP


async def relp(port: int):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    return reader, writer


def opening(commands: bytes = b"syslog") -> bytes:
    data = b"relp_version=1\nrelp_software=test\ncommands=" + commands
    return b"1 open %d %b\n" % (len(data), data)


async def test_a_relp_message_is_acknowledged_once_the_intake_has_it(listening, intake):
    intake.gate.clear()
    reader, writer = await relp(listening.ports["syslog-relp"])
    writer.write(opening())
    offer = await reader.readuntil(b"commands=syslog\n")
    writer.write(b"2 syslog 9 <13>hello\n")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.6):
            await reader.read(1)
    intake.gate.set()
    answer = await reader.readuntil(b"\n")
    writer.close()

    assert offer.startswith(b"1 rsp ")
    assert b"200 OK" in offer
    assert answer == b"2 rsp 6 200 OK\n"
    assert intake.everything == b"9 <13>hello"


async def test_relp_closes_after_its_last_answer(listening):
    reader, writer = await relp(listening.ports["syslog-relp"])
    writer.write(opening() + b"2 syslog 5 <13>x\n3 close 0\n")

    answers = await reader.read()
    answers += await reader.read()
    writer.close()

    assert answers.index(b"2 rsp 6 200 OK\n") < answers.index(b"3 rsp 0\n")
    assert answers.endswith(b"0 serverclose 0\n")


@pytest.mark.parametrize(
    "data",
    [b"GET / HTTP/1.1\r\n\r\n" * 4, b"x" * 200, b"1 syslog 99999999 ", b"1 syslog 3 abcX", b"\0\xff" * 100],
)
async def test_what_is_no_relp_ends_its_connection(listening, data):
    reader, writer = await relp(listening.ports["syslog-relp"])
    writer.write(data)

    answer = await reader.read()
    writer.close()

    assert answer == b""


async def test_relp_without_the_syslog_command_is_refused(listening):
    reader, writer = await relp(listening.ports["syslog-relp"])
    writer.write(opening(b"other"))

    answer = await reader.readuntil(b"\n")
    writer.close()

    assert answer.startswith(b"1 rsp 35 500 ") or b" 500 " in answer


async def test_a_refused_batch_is_no_success_in_relp(listening, intake):
    intake.listeners = ()
    reader, writer = await relp(listening.ports["syslog-relp"])
    writer.write(opening())
    await reader.readuntil(b"commands=syslog\n")
    writer.write(b"2 syslog 5 <13>x\n")

    answer = await reader.readuntil(b"\n")
    writer.close()

    assert answer == b"2 rsp 18 500 source_unknown\n"
