"""Patroni's client on the wire: mutual TLS, silent nodes, refusals. A real cluster is in tests/cluster."""

import json
import ssl
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme

from appliance.cli.moments import around
from appliance.cli.options import Environment
from appliance.cli.session import Session
from appliance.foundation.errors import Invalid, Unavailable
from appliance.foundation.settings import Cluster
from appliance.integrations.patroni import client
from appliance.integrations.patroni.client import Patroni
from appliance.integrations.patroni.component import component

ANSWERS = {
    "/cluster": {
        "members": [
            {"name": "one", "role": "leader", "state": "running", "host": "127.0.0.1", "timeline": 2},
            {"name": "two", "role": "quorum_standby", "state": "streaming", "timeline": 2, "lag": 0},
            {"name": "three", "role": "quorum_standby", "state": "streaming", "lag": "unknown"},
        ],
        "scope": "lab",
    },
    "/history": [[1, 25_105_616, "no recovery target specified", "2026-11-26T10:00:00+00:00", "one"]],
    "/health": {"health": "true", "reason": ""},
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self._answer(200, json.dumps(ANSWERS[self.path]).encode())

    def do_POST(self):
        self._answer(412, b"candidate name does not match with sync_standby")

    def _answer(self, status, body):
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def node(tmp_path, monkeypatch):
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    for name in ("_PATRONI_PORT", "_ETCD_PORT"):
        monkeypatch.setattr(client, name, server.server_port)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    ours = authority.issue_cert("node")
    ours.private_key_pem.write_to_path(tmp_path / "key.pem")
    ours.cert_chain_pems[0].write_to_path(tmp_path / "crt.pem")
    yield Cluster(
        # The first is silent: nothing listens there.
        nodes={"gone": "127.0.0.2", "one": "127.0.0.1"},
        ca_file=str(tmp_path / "ca.pem"),
        certificate=str(tmp_path / "crt.pem"),
        key=str(tmp_path / "key.pem"),
    )
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_the_first_node_that_answers_is_believed(node):
    with Patroni(node) as patroni:
        state = patroni.state()

    assert [each.lag for each in state.members] == [None, 0, None]
    assert state.etcd == {"gone": False, "one": True}
    assert (state.history[0].leader, state.history[0].timeline) == ("one", 1)


def test_what_patroni_refuses_is_said_in_its_words(node):
    with Patroni(node) as patroni, pytest.raises(Unavailable, match="does not match with sync_standby"):
        patroni.switch("one", "two")


def test_a_cluster_that_nobody_answers_for_is_down_and_a_single_node_is_none(node):
    silent = Cluster(
        nodes={"gone": "127.0.0.2"}, ca_file=node.ca_file, certificate=node.certificate, key=node.key
    )

    assert component(silent)["state"] == "down"
    assert "gone" in component(silent)["detail"]
    assert component(Cluster())["state"] == "not_configured"
    assert component(node)["state"] == "degraded"


def test_a_certificate_that_is_not_there_is_named(node):
    with pytest.raises(Invalid, match="missing"):
        Patroni(Cluster(nodes=node.nodes, ca_file=node.ca_file, certificate="missing.pem", key=node.key))


def test_logs_around_the_last_failover_are_those_of_the_time_patroni_names(node, tmp_path):
    config = tmp_path / "xdr.toml"
    paths = f'ca_file = "{node.ca_file}"\ncertificate = "{node.certificate}"\nkey = "{node.key}"\n'
    config.write_text(
        f'state_dir = "{tmp_path}"\ncredentials_dir = "{tmp_path}"\n[cluster]\n{paths}[cluster.nodes]\ngone = "127.0.0.2"\none = "127.0.0.1"\n'
    )

    begin, end = around(Session(Environment(config=str(config))), "last-failover", "10m")

    assert begin == datetime(2026, 11, 26, 9, 50, tzinfo=UTC)
    assert end == datetime(2026, 11, 26, 10, 10, tzinfo=UTC)
