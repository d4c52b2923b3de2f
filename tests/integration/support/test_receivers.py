"""Alerts reach a real mail relay, syslog listeners, a TLS server and snmptrapd; and what is not taken is not lost."""

import asyncio
import http.server
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import pytest
import trustme
from aiosmtpd.controller import Controller

from appliance.foundation.errors import Invalid, Unavailable
from appliance.foundation.outbound import TargetRefused
from appliance.foundation.settings import AlertReceiver, Alerts, Mail, Outbound, Settings
from appliance.integrations.alert_receivers import receivers
from appliance.integrations.webhook.posting import SIGNATURE, signature
from appliance.support.alerting import Book, Notification, Waiting
from appliance.support.notifying import Notifying

pytestmark = pytest.mark.timeout(60)
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
FIRING = Notification(
    "firing", "node1", "XDRSpoolWaits", "warning", "0123456789abcdef", {"queue": 'a "b"]'},
    {"summary": "Events wait.", "runbook": "alerts.md#xdr-spool-waits", "command": "xdr status"}, NOW, NOW,
)  # fmt: skip


class Site:
    """Certificates and settings of a site, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.authority = folder, trustme.CA()
        self.authority.cert_pem.write_to_path(folder / "ca.pem")
        (folder / "alerts").mkdir()

    def context(self) -> ssl.SSLContext:
        made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.authority.issue_cert("localhost").configure_cert(made)
        return made

    def told(self, receiver: AlertReceiver, mail_port: int = 0, **outbound: object) -> None:
        """Hand the notification to a receiver."""
        made = receivers(self.settings(receiver, mail_port=mail_port, **outbound))[receiver.name]
        asyncio.run(made.tell(FIRING))

    def settings(self, *of: AlertReceiver, mail_port: int = 0, **outbound: object) -> Settings:
        ca = str(self.folder / "ca.pem")
        mail = (
            Mail(host="localhost", port=mail_port, ca_file=ca, sender="xdr@site.test")
            if mail_port
            else Mail()
        )
        ways = Outbound(networks=("127.0.0.0/8", "::1/128"), ca_file=ca, **outbound)  # type: ignore[arg-type]
        return Settings(
            state_dir=self.folder, credentials_dir=self.folder, node="node1", mail=mail, outbound=ways,
            alerts=Alerts(receivers=of),
        )  # fmt: skip


@pytest.fixture
def site(tmp_path) -> Site:
    return Site(tmp_path)


class Box:
    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 — the library's name
        self.taken.append((envelope.rcpt_tos[0], envelope.content.decode()))
        return "250 taken"


def test_mail_goes_to_each_address_by_the_sites_relay(site):
    box = Box()
    relay = Controller(
        box, hostname="localhost", port=free_port(), tls_context=site.context(), require_starttls=True
    )
    relay.start()
    try:
        site.told(AlertReceiver("desk", "mail", "a@site.test, b@site.test"), mail_port=relay.port)
    finally:
        relay.stop()

    assert [to for to, _ in box.taken] == ["a@site.test", "b@site.test"]
    assert "Subject: [WARNING] node1: Events wait." in box.taken[0][1]
    assert "Look: xdr status" in box.taken[0][1]


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_syslog_gets_one_message_of_rfc_5424(site, transport):
    with Listener(site.context() if transport == "tls" else None, udp=transport == "udp") as listener:
        site.told(
            AlertReceiver(
                "siem", "syslog", f"localhost:{listener.port}", transport=transport,
                ca_file=str(site.folder / "ca.pem"),
            )
        )  # fmt: skip
        said = listener.said()

    line = said if transport == "udp" else said.partition(b" ")[2]
    assert transport == "udp" or int(said.partition(b" ")[0]) == len(line)
    assert line.startswith(b"<28>1 2026-11-27T12:00:00.000000Z node1 xdr-alert - alert [xdr@32473 ")
    assert rb'queue="a \"b\"\]" alert="XDRSpoolWaits" state="firing"' in line
    assert line.endswith(b"] \xef\xbb\xbf[WARNING] node1: Events wait.")


def test_syslog_over_tls_believes_the_sites_authority_only(site):
    with Listener(site.context()) as listener, pytest.raises(Unavailable, match="certificate"):
        site.told(AlertReceiver("siem", "syslog", f"localhost:{listener.port}"))


def test_a_webhook_gets_signed_json(site):
    (site.folder / "alerts/oncall").write_bytes(b"a key of the site\n")
    with Posts(site.context()) as posts:
        site.told(AlertReceiver("oncall", "webhook", posts.url), ports=(posts.port,))

    headers, body = posts.taken[0]
    said = json.loads(body)
    at = int(headers[SIGNATURE].partition(",")[0].removeprefix("t="))
    assert (said["change"], said["rule"], said["fingerprint"]) == (
        "firing",
        "XDRSpoolWaits",
        "0123456789abcdef",
    )
    assert headers[SIGNATURE] == signature(b"a key of the site", at, body)
    assert abs(time.time() - at) < 60


def test_a_webhook_that_answers_an_error_has_not_taken_it(site):
    with Posts(site.context(), status=503) as posts, pytest.raises(Unavailable, match="answers 503"):
        site.told(AlertReceiver("oncall", "webhook", posts.url), ports=(posts.port,))


def test_a_webhook_goes_only_where_the_site_allows(site):
    with pytest.raises(TargetRefused):
        site.told(AlertReceiver("oncall", "webhook", "https://localhost:9999/x"), ports=(443,))


@pytest.fixture
def trapd(tmp_path) -> Iterator[tuple[int, Path]]:
    """A real snmptrapd that knows a community, and a user with authentication and privacy."""
    port, log = free_port(udp=True), tmp_path / "traps.log"
    state = tmp_path / "snmp"
    state.mkdir()
    config = tmp_path / "snmptrapd.conf"
    config.write_text(
        "authCommunity log site-community\n"
        "createUser xdr SHA-256 authentication-word AES privacy-word-here\n"
        "authUser log xdr priv\n"
        "format2 %V %v\\n\nformat1 %V %v\\n\n"
    )
    command = ["snmptrapd", "-f", "-C", "-c", str(config), "-On", "-Lf", str(log), f"udp:127.0.0.1:{port}"]
    with subprocess.Popen(
        command, env={"SNMP_PERSISTENT_DIR": str(state), "PATH": "/usr/sbin:/usr/bin"}
    ) as running:
        deadline = time.monotonic() + 10
        while not log.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        yield port, log
        running.terminate()


@pytest.mark.parametrize(
    ("version", "user", "words"),
    [("2c", "", "site-community"), ("3", "xdr", "authentication-word\nprivacy-word-here")],
)
def test_snmptrapd_confirms_an_inform(site, trapd, version, user, words):
    port, log = trapd
    (site.folder / "alerts/nms").write_text(words + "\n")

    site.told(AlertReceiver("nms", "snmp", f"127.0.0.1:{port}", version=version, user=user))

    said = log.read_text()
    assert ".1.3.6.1.4.1.32473.1.0.1" in said
    assert "XDRSpoolWaits" in said
    assert "[WARNING] node1: Events wait." in said


def test_snmptrapd_hears_nobody_with_another_password(site, trapd):
    port, log = trapd
    (site.folder / "alerts/nms").write_text("another-word-here\nprivacy-word-here\n")

    with pytest.raises(Unavailable):
        site.told(AlertReceiver("nms", "snmp", f"127.0.0.1:{port}", user="xdr"))

    assert "XDRSpoolWaits" not in log.read_text()


def test_a_receiver_that_is_set_wrongly_leaves_the_others_alone(site):
    with Listener(None, udp=True) as listener:
        good = AlertReceiver("siem", "syslog", f"localhost:{listener.port}", transport="udp")
        made = receivers(site.settings(AlertReceiver("desk", "mail", "a@site.test"), good))

        asyncio.run(made["siem"].tell(FIRING))

        assert b"XDRSpoolWaits" in listener.said()
    with pytest.raises(Invalid, match="mail"):
        asyncio.run(made["desk"].tell(FIRING))


def test_what_is_not_taken_waits_and_is_taken_once_the_receiver_is_back(site):
    port = free_port()
    receiver = AlertReceiver("siem", "syslog", f"localhost:{port}", transport="tcp")
    saves: list[int] = []
    notifying = Notifying(receivers(site.settings(receiver)), lambda: saves.append(1))
    book = Book(waiting=[Waiting("siem", FIRING)])

    assert asyncio.run(notifying.step(book, NOW)) == 0
    assert "does not take it" in book.waiting[0].cause
    assert asyncio.run(notifying.step(book, NOW)) == 0, "it has to pause"
    assert book.waiting[0].attempts == 1
    with Listener(None, port=port) as listener:
        taken = asyncio.run(notifying.step(book, NOW + timedelta(seconds=10)))
        said = listener.said()

    assert taken == 1
    assert b"XDRSpoolWaits" in said
    assert book.waiting == []
    assert len(saves) == 2


class Listener:
    """A syslog server's socket, plain or TLS; gives what it got."""

    def __init__(self, context: ssl.SSLContext | None, *, udp: bool = False, port: int = 0) -> None:
        kind = socket.SOCK_DGRAM if udp else socket.SOCK_STREAM
        self._socket = socket.socket(type=kind)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self._socket.settimeout(15)
        self._udp, self._context, self._got = udp, context, b""
        self.port = self._socket.getsockname()[1]
        if not udp:
            self._socket.listen()
        self._thread = threading.Thread(target=self._receive)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def said(self) -> bytes:
        self._thread.join(15)
        return self._got

    def _receive(self) -> None:
        try:
            if self._udp:
                self._got = self._socket.recv(65536)
                return
            connection, _ = self._socket.accept()
            with (
                self._context.wrap_socket(connection, server_side=True)
                if self._context
                else connection as peer
            ):
                while part := peer.recv(65536):
                    self._got += part
        except OSError:
            return  # refused by the other side, which is what one test wants


class Posts:
    """An HTTPS server that keeps what is posted to it."""

    def __init__(self, context: ssl.SSLContext, status: int = 204) -> None:
        self.taken: list[tuple[dict[str, str], bytes]] = []
        taken = self.taken

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                taken.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self._server = http.server.ThreadingHTTPServer(("localhost", 0), Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"https://localhost:{self.port}/alerts"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def free_port(*, udp: bool = False) -> int:
    with socket.socket(type=socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
