"""The journal: what it remembers, and that a line a crash cut costs nothing but itself."""

from pathlib import Path

from installer.playbooks import Journal


def test_a_stage_is_done_for_exactly_what_was_asked_for(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.note("base.yml", "a", "begun")
    assert journal.done("a") == set()
    journal.note("base.yml", "a", "done")
    journal.note("database.yml", "a", "begun")
    assert Journal(tmp_path / "journal.jsonl").done("a") == {"base.yml"}
    assert journal.done("b") == set()
    journal.note("base.yml", "a", "failed")
    assert journal.done("a") == set()


def test_a_line_that_was_cut_is_not_read_and_swallows_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.note("base.yml", "a", "done")
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole + whole[:cut])
        journal.note("database.yml", "a", "done")
        assert journal.done("a") >= {"base.yml", "database.yml"}
