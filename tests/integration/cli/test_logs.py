"""`xdr logs` over real journals: files that systemd wrote and `journalctl` reads."""

import json
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
WRITER = "/lib/systemd/systemd-journal-remote"
START = 1_764_200_000  # 2025-11-26T23:33:20Z
BOOT = "0123456789abcdef0123456789abcdef"
SPAN = ("--since", "2025-11-26T23:00:00Z", "--until", "2025-11-27T01:00:00Z")


def write(folder: Path, *entries: tuple[float, str, int, bytes]) -> None:
    """A journal of entries: seconds after START, unit, priority, message (Journal Export Format)."""
    folder.mkdir()
    export = bytearray()
    for seconds, unit, priority, message in entries:
        micros = int((START + seconds) * 1_000_000)
        export += f"__REALTIME_TIMESTAMP={micros}\n__MONOTONIC_TIMESTAMP={micros - START}\n".encode()
        export += f"_BOOT_ID={BOOT}\nPRIORITY={priority}\n_SYSTEMD_UNIT={unit}\n_PID=7\n".encode()
        export += b"MESSAGE\n" + struct.pack("<Q", len(message)) + message + b"\n\n"
    subprocess.run([WRITER, "--output", folder / "a.journal", "-"], input=bytes(export), check=True)


class Node:
    """A node, where `xdr logs` is typed with the other nodes' journals in folders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "xdr.toml"
        self.config.write_text(f'state_dir = "{folder}"\ncredentials_dir = "{folder}"\nnode = "one"\n')

    def command(self, *words: str) -> list[str]:
        named = [f"--directory={name}={self.folder / name}" for name in ("one", "two")]
        return [
            sys.executable,
            "-m",
            "appliance.cli.running",
            "logs",
            "--config",
            str(self.config),
            *named,
            *words,
        ]

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "TERM": "dumb"},
        )  # fmt: skip

    def rows(self, *words: str) -> list[dict]:
        return [json.loads(line) for line in self(*words, "-o", "jsonl").stdout.splitlines()]


@pytest.fixture
def node(tmp_path: Path) -> Node:
    write(
        tmp_path / "one",
        (0, "xdr-web.service", 6, b"first"),
        (20, "xdr-ingest.service", 3, b"third"),
        (1800, "xdr-web.service", 6, b"last"),
    )
    write(tmp_path / "two", (10, "xdr-patroni.service", 4, b"second"), (30, "etcd.service", 6, b"fourth"))
    return Node(tmp_path)


def test_the_journals_are_one_timeline(node):
    done = node(*SPAN)

    assert done.returncode == 0, done.stderr
    assert [line.rpartition(" ")[2] for line in done.stdout.splitlines()] == [
        "first", "second", "third", "fourth", "last"
    ]  # fmt: skip
    assert done.stdout.splitlines()[1].startswith(
        "2025-11-26 23:33:30.000000Z two warning xdr-patroni.service:"
    )


@pytest.mark.parametrize(
    ("options", "messages"),
    [
        (["--unit", "xdr-*"], ["first", "second", "third", "last"]),
        (["--unit", "xdr-patroni"], ["second"]),
        (["--unit", "nothing-*"], []),
        (["--level", "warning"], ["second", "third"]),
        (["--node", "two"], ["second", "fourth"]),
    ],
)
def test_what_is_not_asked_for_is_left_out(node, options, messages):
    done = node(*SPAN, *options, "-o", "jsonl")

    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["message"] for line in done.stdout.splitlines()] == messages


def test_around_a_time_as_much_comes_before_as_after(node):
    found = node.rows("--around", "2025-11-26T23:33:40Z", "--within", "15s")

    assert [each["message"] for each in found] == ["second", "third", "fourth"]


def test_json_is_a_line_for_each_entry_with_the_fields_asked_for(node):
    done = node(*SPAN, "--node", "two", "--json", "node,message")

    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"node": "two", "message": "second"},
        {"node": "two", "message": "fourth"},
    ]


def test_hostile_bytes_are_shown_and_not_obeyed(tmp_path):
    hostile = b"a\x1b]0;title\x07\n2025-11-26 two info sshd: forged\xff\xe2\x80\xae\r"
    write(tmp_path / "one", (0, "xdr-web.service", 6, hostile))
    write(tmp_path / "two", (5, "xdr-web.service", 6, b"x" * 10_000))

    done = Node(tmp_path)(*SPAN)

    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2
    assert done.stdout.replace("\n", "").isprintable()
    assert r"a\x1b]0;title\x07\n2025-11-26 two info sshd: forged\xff\u202e\r" in done.stdout
    assert "more than 4096 bytes" in done.stdout


def test_a_node_that_cannot_be_read_is_named_and_does_not_stop_the_others(node):
    (node.folder / "two" / "a.journal").unlink()
    (node.folder / "two").rmdir()

    done = node(*SPAN)

    assert done.returncode == 7
    assert "warning: two: " in done.stderr
    assert done.stdout.splitlines()[-1].endswith(": last")


def test_a_node_that_does_not_answer_is_named(node):
    # Nobody there is known by this machine's key, if anybody listens at all.
    node.config.write_text(
        node.config.read_text() + '[cluster.nodes]\none = "127.0.0.1"\nthree = "127.0.0.3"\n'
    )

    done = node(*SPAN)

    assert done.returncode == 7
    assert "warning: three: " in done.stderr
    assert len(done.stdout.splitlines()) == 5


def test_on_a_machine_without_settings_the_folders_are_read_and_that_is_said(node):
    node.config.unlink()

    done = node(*SPAN)

    assert (done.returncode, len(done.stdout.splitlines())) == (0, 5)
    assert "only what --directory names is read" in done.stderr


def test_if_no_journal_can_be_read_it_ends_with_6(node):
    done = node(*SPAN, "--directory", "three=/nonexistent", "--node", "three")

    assert done.returncode == 6
    assert not done.stdout


def test_a_reader_that_has_enough_ends_it(node):
    done = subprocess.run(
        ["bash", "-c", 'set -o pipefail; "$@" | head -n 1', "-", *node.command(*SPAN)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout.count("\n")) == (0, 1), done.stderr


def test_following_shows_what_is_written_until_it_is_interrupted(node):
    with subprocess.Popen(
        node.command("--follow", "--since", "2025-11-26T23:00:00Z"), cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as following:  # fmt: skip
        seen = {following.stdout.readline().rpartition(" ")[2].strip() for _ in range(5)}
        following.send_signal(signal.SIGINT)
        _, said = following.communicate(timeout=20)

    assert seen == {"first", "second", "third", "fourth", "last"}
    assert following.returncode == 130
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "words",
    [
        ["--around", "yesterday"],
        ["--around", "2025-11-26", "--since", "1h"],
        ["--follow", "--until", "1h"],
        ["--since", "2026-01-02", "--until", "2026-01-01"],
        ["--node", "four"],
        ["--directory", "two"],
        ["--level", "loud"],
        ["-o", "yaml"],
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(node, words):
    assert node(*words).returncode == 2
