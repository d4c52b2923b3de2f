"""The one way out: no name, redirect or encoding leads to where it may not go."""

import asyncio
import ssl
from ipaddress import ip_address

import pytest
import trustme

from appliance.foundation.errors import Invalid, Unavailable
from appliance.foundation.outbound import Outbound, TargetRefused

FORBIDDEN = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "::1", "::", "169.254.169.254", "fe80::1", "224.0.0.1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::",
    "240.0.0.1", "255.255.255.255",
]  # fmt: skip
PRIVATE = ["10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd00::1", "::ffff:10.0.0.1"]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_no_list_allows_this_host_or_its_link(address):
    assert Outbound(allowed=["0.0.0.0/0", "::/0"]).objection(ip_address(address))


def test_this_host_is_called_only_where_it_is_named_itself():
    outbound = Outbound(allowed=["127.0.0.0/8"])

    assert outbound.objection(ip_address("127.0.0.1")) == ""
    assert outbound.objection(ip_address("::1"))
    assert outbound.objection(ip_address("0.0.0.0"))


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_private_is_refused_until_its_network_is_allowed(address):
    networks = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fd00::/8"]

    assert "private" in Outbound().objection(ip_address(address))
    assert Outbound(allowed=networks).objection(ip_address(address)) == ""


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_what_is_public_may_be_spoken_to(address):
    assert Outbound().objection(ip_address(address)) == ""


def answering(*rounds):
    """A resolver that answers differently each time it is asked."""
    asked = []

    async def resolve(host, port):
        asked.append(host)
        return list(rounds[min(len(asked), len(rounds)) - 1])

    return resolve, asked


async def test_one_forbidden_address_among_good_ones_refuses_the_name():
    resolve, _ = answering(["93.184.215.14", "127.0.0.1"])

    with pytest.raises(TargetRefused, match=r"127\.0\.0\.1"):
        await Outbound(resolve=resolve).request("GET", "https://two-faced.test/")


async def test_ports_and_schemes_are_listed():
    resolve, asked = answering(["93.184.215.14"])

    with pytest.raises(TargetRefused, match="port 22"):
        await Outbound(resolve=resolve).request("GET", "https://target.test:22/")
    for url in ("http://target.test/", "file:///etc/passwd", "gopher://target.test/", "https:///"):
        with pytest.raises(Invalid):
            await Outbound(resolve=resolve).request("GET", url)
    assert asked == []


class Server:
    """An https server on loopback, which the tests call by an address that is allowed for them alone."""

    def __init__(self, authority):
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("target.test").configure_cert(self.context)
        self.asked, self.answer = [], b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    async def __call__(self, reader, writer):
        self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(self.answer)
        await writer.drain()
        writer.close()


class OnLoopback(Outbound):
    """Judges as ever, but lets the tests' own server stand in for a target."""

    def objection(self, address):
        return "" if str(address) == "127.0.0.1" else super().objection(address)


@pytest.fixture
async def on_loopback():
    """Makes such ways out, and closes them in the end."""
    made = []

    def make(**options):
        made.append(OnLoopback(**options))
        return made[-1]

    yield make
    for outbound in made:
        await outbound.close()
    await asyncio.sleep(0.05)  # TLS connections say goodbye


@pytest.fixture
async def target(tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    server = Server(authority)
    listening = await asyncio.start_server(server, "127.0.0.1", 0, ssl=server.context)
    port = listening.sockets[0].getsockname()[1]
    yield server, port, str(tmp_path / "ca.pem")
    listening.close()


async def test_the_name_is_resolved_once_and_still_verified_by_tls(target, on_loopback):
    server, port, authority = target
    resolve, asked = answering(["127.0.0.1"], ["169.254.169.254"])
    outbound = on_loopback(ports=[port], resolve=resolve, ca_file=authority)

    answer = await outbound.request("GET", f"https://target.test:{port}/feed")

    assert answer.text == "ok"
    assert asked == ["target.test"]
    assert f"Host: target.test:{port}" in server.asked[0]
    with pytest.raises(Unavailable):
        await on_loopback(ports=[port], resolve=answering(["127.0.0.1"])[0], ca_file=authority).request(
            "GET", f"https://other.test:{port}/"
        )


async def test_a_redirect_is_an_answer_and_not_followed(target, on_loopback):
    server, port, authority = target
    server.answer = b"HTTP/1.1 302 Found\r\nLocation: https://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
    resolve, asked = answering(["127.0.0.1"])

    answer = await on_loopback(ports=[port], resolve=resolve, ca_file=authority).request(
        "GET", f"https://target.test:{port}/"
    )

    assert answer.status_code == 302
    assert asked == ["target.test"]


async def test_an_endless_answer_is_cut_off(target, on_loopback):
    server, port, authority = target
    server.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5_000

    with pytest.raises(Unavailable, match="more than"):
        await on_loopback(
            ports=[port], resolve=answering(["127.0.0.1"])[0], ca_file=authority, most_bytes=1_000
        ).request("GET", f"https://target.test:{port}/")
