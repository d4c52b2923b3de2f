"""The process on a node: what it sees it tells once, without the database and over its own restart."""

import json
import signal
import socket
import time

import pytest

from appliance.support.alerting import read_book
from tests.factories.stack import Stack, running_stack

pytestmark = pytest.mark.timeout(300)


class Desk:
    """A syslog server that takes datagrams."""

    def __init__(self) -> None:
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.port = self._socket.getsockname()[1]
        self.lines: list[str] = []

    def close(self) -> None:
        self._socket.close()

    def told(self, rule: str, state: str) -> int:
        while True:
            try:
                self.lines.append(self._socket.recv(65536).decode())
            except BlockingIOError:
                return sum(f'alert="{rule}" state="{state}"' in line for line in self.lines)

    def wait(self, rule: str, state: str, seconds: float = 150) -> None:
        deadline = time.monotonic() + seconds
        while not self.told(rule, state):
            assert time.monotonic() < deadline, f"{rule} {state} was not told; {self.lines}"
            time.sleep(0.2)


@pytest.fixture
def desk():
    made = Desk()
    yield made
    made.close()


def configure(stack: Stack, desk: Desk) -> None:
    (stack.config.parent / "site.toml").write_text(
        "[alerts]\nevaluate_seconds = 1.0\nalive_seconds = 5.0\n"
        '[[alerts.receivers]]\nname = "desk"\nkind = "syslog"\ntransport = "udp"\nalive = true\n'
        f'to = "127.0.0.1:{desk.port}"\n'
    )


def test_a_lost_database_is_told_once_over_a_restart_and_resolved_once(desk):
    with running_stack() as stack:
        configure(stack, desk)
        stack.start("alert")
        desk.wait("XDRAlive", "alive", 60)
        stack.postgres.kill()
        desk.wait("XDRDatabaseSilent", "firing")
        stack.children["alert"].send_signal(signal.SIGKILL)
        stack.children["alert"].wait()
        stack.start("alert")
        before = desk.told("XDRAlive", "alive")
        while desk.told("XDRAlive", "alive") < before + 2:
            time.sleep(0.2)
        stack.postgres.start()
        desk.wait("XDRDatabaseSilent", "resolved", 60)
        stack.children["alert"].send_signal(signal.SIGTERM)
        stack.children["alert"].wait(30)

        assert (desk.told("XDRDatabaseSilent", "firing"), desk.told("XDRDatabaseSilent", "resolved")) == (
            1,
            1,
        )
        assert [
            each.rule for each in read_book(stack.settings.state_dir).alerts if each.state == "firing"
        ] == ["XDRAlive"]


def test_a_problem_that_the_doctor_finds_is_told(desk):
    with running_stack() as stack:
        configure(stack, desk)
        (stack.settings.state_dir / "tripwire.json").write_text(json.dumps({"at": "nonsense"}))
        stack.start("alert")

        desk.wait("XDRProblemCritical", "firing")

        assert any('id="tripwire"' in line for line in desk.lines)
