"""The real program against a real appliance."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.factories.stack import Stack, running_stack

ROOT = Path(__file__).parents[3]


class Program:
    """Runs `xdr` as a process of its own."""

    def __init__(self, stack: Stack, state: Path) -> None:
        self.stack, self.state = stack, state
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(state),
            "XDG_STATE_HOME": str(state / "state"),
            "XDG_CONFIG_HOME": str(state / "config"),
            "XDR_CONFIG": str(stack.config),
            "TERM": "dumb",
        }

    def __call__(self, *words: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words), cwd=ROOT, env=self.environment | environment, input=stdin, text=True,
            capture_output=True, timeout=240, check=False,
        )  # fmt: skip

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*words), cwd=ROOT, env=self.environment, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    @staticmethod
    def command(*words: str) -> list[str]:
        return [sys.executable, "-m", "appliance.cli.running", *words]


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    with running_stack() as made:
        made.start("web", "administration", "ingest", "detect", "alert")
        made.wait_for_ingest()
        _wait_for_web(made)
        _wait_for_alerts(made)
        yield made


@pytest.fixture
def xdr(stack: Stack, tmp_path: Path) -> Program:
    return Program(stack, tmp_path)


def _wait_for_web(stack: Stack) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{stack.web_url}/health/ready", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise RuntimeError((stack.folder / "processes.log").read_text()[-3000:])


def _wait_for_alerts(stack: Stack) -> None:
    """Until they were evaluated once: the doctor misses that."""
    deadline = time.monotonic() + 60
    while not (stack.settings.state_dir / "alerts.json").exists():
        if time.monotonic() > deadline:
            raise RuntimeError((stack.folder / "processes.log").read_text()[-3000:])
        time.sleep(0.2)
