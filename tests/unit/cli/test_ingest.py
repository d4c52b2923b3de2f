"""Importing: nothing twice, nothing forgotten, interruptions survived, refusals obeyed."""

import gzip
import json
import stat
import threading
import zipfile
from pathlib import Path

import pytest

from appliance.cli import sending
from appliance.cli.delivering import Delivery
from appliance.cli.sending import content_id
from appliance.telemetry import carrying
from tests.factories.api import problem
from tests.factories.things import source


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "a.log").write_text("one\ntwo\n")
    (folder / "b.log").write_text("three\n")
    return folder


@pytest.fixture
def small_pieces(monkeypatch):
    """Batches of a few lines, so that a small file has many."""
    monkeypatch.setattr(carrying, "PIECE_BYTES", 16)


@pytest.fixture
def no_pauses(monkeypatch):
    monkeypatch.setattr(sending, "_FIRST_PAUSE_SECONDS", 0.0)


def rows(shell) -> dict[str, dict]:
    found = [json.loads(line) for line in shell.stdout.splitlines()]
    return {Path(row["file"]).name: row for row in found}


def test_a_folder_is_stored_and_summed_up_per_file(shell, appliance, logs):
    shell("ingest", str(logs), "-o", "jsonl")

    assert shell.code == 0
    assert sorted(appliance.batches.values()) == [b"one\ntwo\n", b"three\n"]
    assert rows(shell)["a.log"] | {"file": ""} == {
        "file": "",
        "state": "done",
        "received": 2,
        "stored": 2,
        "duplicates": 0,
        "quarantined": 0,
        "findings": 1,
        "batches": 1,
        "resumed": 0,
        "spooled": 0,
        "failed": 0,
        "bytes": 8,
        "reason": "",
    }
    assert "total: done: 3 received, 3 stored" in shell.stderr


def test_a_source_and_a_token_are_made_once_and_kept_private(shell, appliance, logs, environment):
    shell("ingest", str(logs))
    shell("ingest", str(logs))

    kept = list((environment.state_home / "xdr-cli" / "tokens").iterdir())
    assert [one["name"] for one in appliance.sources] == ["imports"]
    assert len(appliance.tokens) == 1
    assert [stat.S_IMODE(path.stat().st_mode) for path in kept] == [0o600]
    assert stat.S_IMODE(kept[0].parent.stat().st_mode) == 0o700


def test_the_named_source_is_used(shell, appliance, logs):
    appliance.sources = [source("edge")]

    shell("ingest", str(logs), "--source", "edge")

    assert appliance.asked("POST", "/api/v1/sources") == []
    assert len(appliance.asked("POST", "/api/v1/ingest/edge")) == 2


def test_a_source_that_is_switched_off_is_a_conflict(shell, appliance, logs):
    appliance.sources = [source("imports", enabled=False)]

    shell("ingest", str(logs))

    assert shell.code == 5
    assert "next: xdr source enable imports" in shell.stderr


def test_a_second_run_stores_nothing_and_says_so(shell, logs):
    shell("ingest", str(logs))

    shell("ingest", str(logs), "-o", "jsonl")

    assert shell.code == 0
    assert [(row["stored"], row["duplicates"]) for row in rows(shell).values()] == [(0, 2), (0, 1)]
    assert [row["findings"] for row in rows(shell).values()] == [0, 0]


def test_the_batch_id_is_the_content_whatever_the_file_is_called(shell, appliance, logs):
    shell("ingest", str(logs / "a.log"))
    (logs / "a.log").rename(logs / "z.log")

    shell("ingest", str(logs / "z.log"))

    assert list(appliance.batches) == [content_id(b"one\ntwo\n", "auto")]


def test_another_format_is_another_batch(shell, appliance, logs):
    shell("ingest", str(logs / "a.log"))

    shell("ingest", str(logs / "a.log"), "--format", "syslog", "-o", "jsonl")

    assert len(appliance.batches) == 2
    assert rows(shell)["a.log"]["stored"] == 2
    assert appliance.calls[-1].headers["x-format"] == "syslog"


def test_archives_and_packed_files_are_read(shell, appliance, logs):
    with zipfile.ZipFile(logs / "c.zip", "w") as archive:
        archive.writestr("inside.log", "four\nfive\n")
    (logs / "d.log.gz").write_bytes(gzip.compress(b"six\n"))

    shell("ingest", str(logs))

    assert set(appliance.batches.values()) == {b"one\ntwo\n", b"three\n", b"four\nfive\n", b"six\n"}


def test_quarantined_pieces_end_with_7_and_name_the_next_command(shell, logs):
    (logs / "a.log").write_text("one\nbroken\n")

    shell("ingest", str(logs), "-o", "jsonl")

    assert shell.code == 7
    assert rows(shell)["a.log"]["quarantined"] == 1
    assert "next: xdr source quarantine list" in shell.stderr


def test_an_unreadable_file_does_not_stop_the_others(shell, appliance, logs):
    (logs / "bad.gz").write_bytes(b"\x1f\x8b no gzip at all")

    shell("ingest", str(logs), "-o", "jsonl")

    assert shell.code == 7
    assert rows(shell)["bad.gz"]["state"] == "failed"
    assert "cannot be read" in rows(shell)["bad.gz"]["reason"]
    assert len(appliance.batches) == 2


def test_a_bomb_is_left_out_with_its_reason(shell, logs, monkeypatch):
    monkeypatch.setattr(carrying, "_LEAST_UNPACKED", 1_000)
    (logs / "bomb.gz").write_bytes(gzip.compress(b"x" * 1_000_000))

    shell("ingest", str(logs), "-o", "jsonl")

    assert shell.code == 7
    assert "unpacks to more than" in rows(shell)["bomb.gz"]["reason"]


def test_a_batch_that_is_too_large_is_left_out(shell, logs):
    (logs / "a.log").write_text("TOO LARGE\n")

    shell("ingest", str(logs), "-o", "jsonl")

    assert shell.code == 7
    assert "larger than it may be" in rows(shell)["a.log"]["reason"]


def test_if_nothing_could_be_read_the_import_failed(shell, logs):
    (logs / "bad.gz").write_bytes(b"\x1f\x8b no gzip at all")

    assert shell("ingest", str(logs / "bad.gz")).code == 1


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("status", [429, 503, 502])
def test_a_busy_appliance_is_asked_again(shell, appliance, logs, status):
    appliance.busy = [(status, "0"), (status, "")]

    shell("ingest", str(logs), "--parallel", "1")

    assert shell.code == 0
    assert len(appliance.batches) == 2
    assert len(appliance.asked("POST", "/api/v1/ingest/imports")) == 4


def test_retry_after_is_obeyed(shell, appliance, logs, monkeypatch):
    waits: list[float] = []

    class Impatient(threading.Event().__class__):
        def wait(self, timeout: float | None = None) -> bool:
            if timeout is not None:
                waits.append(timeout)
            return False

    monkeypatch.setattr(sending.threading, "Event", Impatient)
    appliance.busy = [(429, "17")]

    shell("ingest", str(logs / "a.log"), "--parallel", "1")

    assert 17.0 in waits


@pytest.mark.usefixtures("no_pauses")
def test_patience_ends_with_6_and_says_how_to_go_on(shell, appliance, logs):
    appliance.busy = [(503, "0")] * 1_000

    shell("ingest", str(logs), "--timeout", "0")

    assert shell.code == 6
    assert "next: run the same command again; it goes on where it was" in shell.stderr


@pytest.mark.usefixtures("small_pieces", "no_pauses")
def test_an_interrupted_import_sends_only_the_rest(shell, appliance, logs):
    (logs / "a.log").write_text("".join(f"line number {number}\n" for number in range(10)))
    appliance.busy = []
    first = appliance._ingest
    appliance._ingest = lambda call: first(call) if len(appliance.batches) < 4 else appliance_gone()
    shell("ingest", str(logs / "a.log"), "--parallel", "1", "--timeout", "0")
    assert shell.code == 6
    appliance._ingest = first
    before = len(appliance.asked("POST", "/api/v1/ingest/imports"))

    shell("ingest", str(logs / "a.log"), "--parallel", "1", "-o", "jsonl")

    row = rows(shell)["a.log"]
    assert shell.code == 0
    assert (row["received"], row["stored"], row["resumed"]) == (10, 10, 4)
    assert len(appliance.asked("POST", "/api/v1/ingest/imports")) - before == 6
    assert "goes on after 4 batches" in shell.stderr


def appliance_gone():
    return problem(503, "unavailable", "the database does not answer")


@pytest.mark.usefixtures("small_pieces", "no_pauses")
def test_a_changed_file_begins_anew(shell, appliance, logs):
    _interrupt_after_two(shell, appliance, logs)
    (logs / "a.log").write_text("quite another content\n" * 3)

    shell("ingest", str(logs / "a.log"), "-o", "jsonl")

    assert rows(shell)["a.log"]["resumed"] == 0


@pytest.mark.usefixtures("small_pieces", "no_pauses")
def test_restart_forgets_what_was_sent(shell, appliance, logs):
    _interrupt_after_two(shell, appliance, logs)

    shell("ingest", str(logs / "a.log"), "--restart", "-o", "jsonl")

    row = rows(shell)["a.log"]
    assert (row["resumed"], row["received"], row["duplicates"]) == (0, 10, 2)


@pytest.mark.usefixtures("small_pieces", "no_pauses")
def test_a_torn_journal_line_only_costs_a_resend(shell, appliance, logs, environment):
    _interrupt_after_two(shell, appliance, logs)
    journal = next((environment.state_home / "xdr-cli" / "imports").iterdir())
    journal.write_text(journal.read_text()[:-5])

    shell("ingest", str(logs / "a.log"), "-o", "jsonl")

    row = rows(shell)["a.log"]
    assert (row["resumed"], row["received"], row["duplicates"]) == (1, 10, 1)


@pytest.mark.usefixtures("small_pieces", "no_pauses")
def test_a_finished_import_leaves_no_journal(shell, appliance, logs, environment):
    _interrupt_after_two(shell, appliance, logs)

    shell("ingest", str(logs / "a.log"))

    assert list((environment.state_home / "xdr-cli" / "imports").iterdir()) == []


def _interrupt_after_two(shell, appliance, logs):
    (logs / "a.log").write_text("".join(f"line number {number}\n" for number in range(10)))
    works = appliance._ingest
    appliance._ingest = lambda call: works(call) if len(appliance.batches) < 2 else appliance_gone()
    assert shell("ingest", str(logs / "a.log"), "--parallel", "1", "--timeout", "0").code == 6
    appliance._ingest = works


def test_a_refused_kept_token_is_renewed(shell, appliance, logs):
    shell("ingest", str(logs / "a.log"))
    appliance.refused = set(appliance.tokens)

    shell("ingest", str(logs / "b.log"))

    assert shell.code == 0
    assert len(appliance.tokens) == 2
    assert b"three\n" in appliance.batches.values()


def test_a_refused_given_token_is_denied(shell, logs, tmp_path):
    token = tmp_path / "token"
    token.write_text("xdr_src_unknown\n")
    token.chmod(0o600)

    shell("ingest", str(logs), "--token-file", str(token))

    assert shell.code == 4
    assert "xdr source token imports" in shell.stderr


def test_a_given_token_needs_no_api(shell, appliance, logs, tmp_path):
    appliance.tokens["xdr_src_given"] = "imports"
    token = tmp_path / "token"
    token.write_text("xdr_src_given\n")
    token.chmod(0o644)

    shell("ingest", str(logs), "--token-file", str(token), "--url", "http://localhost:9")

    assert shell.code == 0
    assert {call.path for call in appliance.calls} == {"/api/v1/ingest/imports"}
    assert f"chmod 600 {token}" in shell.stderr


def test_what_leaves_the_machine_is_packed(shell, appliance, logs):
    shell("ingest", str(logs / "a.log"), "--url", "https://xdr.example.test:8088")

    assert appliance.calls[-1].headers["content-encoding"] == "zstd"
    assert list(appliance.batches.values()) == [b"one\ntwo\n"]


def test_standard_input_is_stored(shell, appliance):
    shell("ingest", "-", stdin="one\ntwo\nthree")

    assert shell.code == 0
    assert list(appliance.batches.values()) == [b"one\ntwo\nthree"]


def test_standard_input_is_not_mixed_with_files(shell, logs):
    assert shell("ingest", "-", str(logs)).code == 2


@pytest.mark.parametrize("path", ["/nonexistent/file", "{empty}"])
def test_nothing_to_read_is_a_usage_error(shell, tmp_path, path):
    (tmp_path / "empty").mkdir()

    assert shell("ingest", path.format(empty=tmp_path / "empty")).code == 2


def test_hidden_files_and_links_of_a_folder_are_left_out(shell, appliance, logs):
    (logs / ".hidden").write_text("hidden\n")
    (logs / "link.log").symlink_to("/etc/passwd")

    shell("ingest", str(logs))

    assert len(appliance.batches) == 2


def test_a_dry_run_sends_nothing(shell, appliance, logs):
    shell("ingest", str(logs), "--dry-run")

    assert shell.code == 0
    assert "2 files, 14 bytes" in shell.stderr
    assert appliance.calls == []


def test_ctrl_c_ends_with_130_and_says_how_to_go_on(shell, appliance, logs, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Delivery, "_settle", interrupted)

    shell("ingest", str(logs), "--parallel", "1")

    assert shell.code == 130
    assert "goes on where it was" in shell.stderr


def test_batches_that_are_spooled_are_named(shell, appliance, logs):
    works = appliance._ingest

    def spooling(call):
        answer = works(call)
        if call.method == "POST":
            receipt = json.loads(answer.content) | {
                "durability": "node",
                "received": 0,
                "stored": 0,
                "findings": 0,
            }
            answer._content = json.dumps(receipt).encode()
        return answer

    appliance._ingest = spooling

    shell("ingest", str(logs), "-o", "jsonl")

    assert shell.code == 0
    assert rows(shell)["a.log"]["state"] == "spooled"
    assert "spooled to be stored later" in shell.stderr
