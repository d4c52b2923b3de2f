"""What `xdr doctor` finds, and what it says to type."""

import json
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from appliance.cli import status
from appliance.support.alerting import Book, Notification, Waiting, write_book
from appliance.support.checks.credentials import CREDENTIALS

STATE = 'state_dir = "{0}"\ncredentials_dir = "{0}/credentials"\n[retention]\ndisk_share_percent = 94\n'


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A stopped node where all is well: every port is free, because none is used."""
    (tmp_path / "credentials").mkdir()
    (tmp_path / "spool").mkdir()
    for name in CREDENTIALS:
        path = tmp_path / "credentials" / name
        path.touch(mode=0o600)
        path.write_bytes(b"secret")
    write_book(tmp_path, Book(evaluated_at=datetime.now(UTC)))
    return tmp_path


def configure(node: Path, web_port: int = 0) -> Path:
    config = node / "xdr.toml"
    ports = "http_port = 0\nsyslog_tcp_port = 0\nsyslog_udp_port = 0\nrelp_port = 0\n"
    web = f'[web]\nhost = "127.0.0.1"\nport = {web_port}\nadmin_socket = "{node}/admin.sock"\n'
    config.write_text(STATE.format(node) + web + "[ingest]\n" + ports)
    return config


@pytest.fixture
def examine(shell, node):
    def run(web_port: int = 0) -> dict[str, dict]:
        shell("doctor", "--config", str(configure(node, web_port)), "-o", "json")
        return {found["check"]: found for found in json.loads(shell.stdout)}

    return run


@pytest.fixture
def running(node):
    """The socket of a web process that answers."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(node / "admin.sock"))
        listening.listen()
        yield


@pytest.mark.usefixtures("running")
def test_a_sound_node_has_no_problem(examine, shell):
    found = examine()

    assert [one["check"] for one in found.values() if one["state"] == "problem"] == []
    assert shell.code == 0


def test_every_problem_names_cause_impact_and_command(examine, shell, node):
    (node / "credentials" / "web-key").unlink()
    (node / "spool" / "1.damaged").touch()

    wrong = [one for one in examine().values() if one["state"] == "problem"]

    assert {one["check"] for one in wrong} == {"credential web-key", "spool", "web process"}
    assert all(one["cause"] and one["impact"] and one["command"] and one["doc"] for one in wrong)
    assert shell.code == 8


@pytest.mark.usefixtures("running")
def test_a_credential_that_others_can_read_is_a_problem(examine, node):
    path = node / "credentials" / "field-key"
    path.chmod(0o640)

    assert examine()["credential field-key"]["command"] == f"chmod 600 {path}"


@pytest.mark.usefixtures("running")
def test_an_empty_credential_is_a_problem(examine, node):
    (node / "credentials" / "scope-key").write_bytes(b"")

    assert examine()["credential scope-key"]["id"] == "credential-empty"


@pytest.mark.usefixtures("running")
def test_a_waiting_spool_is_told_and_is_no_problem_yet(examine, node):
    (node / "spool" / "1.spool").write_bytes(b"x" * 1_000)

    found = examine()["spool"]

    assert found["state"] == "ok"
    assert "1,000 bytes wait" in found["cause"]


def test_another_program_on_our_port_is_a_problem(examine):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        found = examine(port)

    assert found[f"port {port}"]["id"] == "port-taken"
    assert "another program" in found[f"port {port}"]["cause"]


@pytest.mark.usefixtures("running")
def test_a_running_node_that_does_not_listen_is_a_problem(examine):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    assert "nothing listens" in examine(port)[f"port {port}"]["cause"]


def test_without_settings_there_is_one_problem(shell, environment, tmp_path):
    shell.environment = msgspec.structs.replace(environment, system_config=tmp_path / "none.toml")

    shell("doctor", "-o", "json")

    assert [one["check"] for one in json.loads(shell.stdout)] == ["settings"]
    assert shell.code == 8


def test_unreadable_settings_are_told_with_the_key(shell, node):
    config = node / "xdr.toml"
    config.write_text("nonsense = 1\n")

    shell("doctor", "--config", str(config), "-o", "json")

    assert json.loads(shell.stdout)[0]["id"] == "settings"
    assert shell.code == 8


@pytest.mark.usefixtures("running")
def test_alerts_that_nobody_evaluates_are_a_problem(examine, node):
    write_book(node, Book(evaluated_at=datetime.now(UTC) - timedelta(minutes=6)))

    assert examine()["alerts"]["id"] == "alerts-silent"


@pytest.mark.usefixtures("running")
def test_without_receivers_nobody_is_told_and_the_doctor_says_so(examine):
    assert examine()["alert receivers"]["state"] == "not_configured"


@pytest.mark.usefixtures("running")
def test_a_receiver_that_takes_nothing_is_a_problem(examine, node):
    now = datetime.now(UTC)
    told = Notification("firing", "n", "XDRProblem", "warning", "f", {}, {}, now, now)
    write_book(node, Book(evaluated_at=now, waiting=[Waiting("ops", told, attempts=3, cause="refused")]))
    (node / "site.toml").write_text(
        '[[alerts.receivers]]\nname = "ops"\nkind = "syslog"\nto = "localhost:1"\n'
    )

    found = examine()["alert receiver ops"]

    assert (found["id"], found["cause"]) == ("receiver-failing", "refused")


def test_a_silent_node_is_watched_with_what_is_wrong_there(shell, node, monkeypatch):
    def stop(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(status.time, "sleep", stop)
    (node / "spool" / "1.damaged").touch()

    shell("status", "--watch", "--config", str(configure(node)))

    assert shell.code == 130, shell.stderr
    assert "does not run" in shell.stdout
    assert "spool-damaged" in shell.stdout
    assert "Traceback" not in shell.stderr


@pytest.mark.usefixtures("running")
def test_since_the_last_good_run_only_what_has_changed_is_shown(examine, shell, node):
    examine()
    (node / "credentials" / "web-key").unlink()
    (node / "spool" / "1.spool").write_bytes(b"x" * 1_000)

    shell("doctor", "--since-good", "--config", str(configure(node)), "-o", "json")

    (found,) = json.loads(shell.stdout)
    assert (found["id"], found["was"]) == ("credential-missing", "present, private")
    assert shell.code == 8
    assert "all was well at" in shell.stderr


@pytest.mark.usefixtures("running")
def test_a_run_with_a_problem_is_not_the_good_one(examine, shell, node):
    (node / "spool" / "1.damaged").touch()
    examine()

    shell("doctor", "--since-good", "--config", str(configure(node)), "-o", "json")

    assert len(json.loads(shell.stdout)) > 1
    assert "no run without a problem yet" in shell.stderr


@pytest.mark.usefixtures("running")
def test_a_damaged_memory_of_the_good_run_is_said_and_everything_shown(examine, shell, node):
    (node / "doctor-good.json").write_bytes(b"{")

    shell("doctor", "--since-good", "--config", str(configure(node)), "-o", "json")

    assert len(json.loads(shell.stdout)) > 1
    assert "cannot be read" in shell.stderr
    assert shell.code == 0
