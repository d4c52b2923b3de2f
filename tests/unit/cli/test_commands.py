"""What each command asks of the API, and what it says afterwards."""

import io
import json
import stat
import zipfile
from pathlib import Path
from uuid import UUID

import pytest

from appliance.cli import status
from tests.factories.things import NOW, RULE_ID, event, incident, rule, source, user


def test_an_incident_is_found_by_its_number(shell, appliance):
    appliance.incidents = [incident(11), incident(1)]

    shell("incident", "show", "#1")

    assert shell.code == 0
    assert "Incident 1" in shell.stdout
    assert "Two findings belong together." in shell.stdout
    assert "What else root did" in shell.stdout


def test_an_incident_is_found_by_its_id(shell, appliance):
    appliance.incidents = [incident(1)]

    assert "Incident 1" in shell("incident", "show", str(UUID(int=1001))).stdout


def test_a_number_nobody_has_is_not_found(shell, appliance):
    appliance.incidents = [incident(1)]

    assert shell("incident", "show", "12").code == 3
    assert "next: xdr incident list" in shell.stderr


def test_what_is_neither_number_nor_id_is_a_usage_error(shell):
    assert shell("incident", "show", "the-first").code == 2


def test_filters_of_the_queue_may_be_repeated(shell, appliance):
    shell("incident", "list", "--status", "new", "--status", "closed", "--severity", "high", "--owner", "me")

    asked = appliance.calls[0].query
    assert (asked["status"], asked["severity"], asked["owner"]) == (["new", "closed"], ["high"], ["me"])


def test_a_closed_incident_cannot_be_closed_again(shell, appliance):
    appliance.incidents = [incident(1)]

    assert shell("incident", "close", "1", "--reason", "benign").code == 0
    assert "#1 is closed" in shell.stdout
    assert shell("incident", "close", "1", "--reason", "benign").code == 5


def test_a_transition_sends_reason_and_note(shell, appliance):
    appliance.incidents = [incident(1, status="closed")]

    shell("incident", "transition", "1", "in_progress", "--reason", "new facts", "--note", "see chat")

    assert appliance.calls[-1].body == {"to": "in_progress", "reason": "new facts", "note": "see chat"}


def test_acknowledging_says_the_new_state(shell, appliance):
    appliance.incidents = [incident(1)]

    assert "#1 is acknowledged" in shell("incident", "acknowledge", "1", "--note", "mine").stdout
    assert appliance.calls[-1].body == {"note": "mine"}


def test_a_note_is_added(shell, appliance):
    appliance.incidents = [incident(1)]

    assert "looked at it" in shell("incident", "note", "1", "looked at it").stdout


def test_the_timeline_comes_in_order(shell, appliance):
    step = {
        "id": "1",
        "at": NOW,
        "kind": "note",
        "title": "hello",
        "detail": None,
        "actor": None,
        "event_id": None,
        "finding_id": None,
        "level": None,
        "techniques": [],
    }
    appliance.incidents = [incident(1, timeline=[step, step | {"title": "later"}])]

    lines = shell("incident", "timeline", "1").stdout.splitlines()

    assert [("hello" in one, "later" in one) for one in lines[1:]] == [(True, False), (False, True)]


def test_an_event_is_shown_with_its_fields_and_original(shell, appliance):
    appliance.events = [event()]

    shell("event", "show", str(UUID(int=2000)))

    assert "User   root" in shell.stdout
    assert "\\x1b[31mraw" in shell.stdout


def test_the_original_of_an_event_is_its_exact_bytes(shell, appliance, tmp_path):
    appliance.events = [event()]

    shell("event", "original", str(UUID(int=2000)), "--to", str(tmp_path / "raw"))

    assert (tmp_path / "raw").read_bytes() == b"\x1b[31mraw\n"


def test_an_original_never_overwrites_a_file(shell, appliance, tmp_path):
    appliance.events = [event()]
    (tmp_path / "raw").write_text("mine")

    shell("event", "original", str(UUID(int=2000)), "--to", str(tmp_path / "raw"))

    assert shell.code == 5
    assert (tmp_path / "raw").read_text() == "mine"


def test_rules_of_a_folder_are_sent_as_one_archive(shell, appliance, rules):
    shell("rules", "import", str(rules))

    call = appliance.asked("POST", "/api/v1/rules/imports")[0]
    assert call.headers["x-rules-origin"] == "sigma"
    assert _names(call.body) == ["a.yml", "deep/b.yaml"]
    assert "3 files, 2 active, 1 inactive" in shell.stdout
    assert "rules report -o wide" in shell.stderr


def test_the_same_folder_is_the_same_archive(shell, appliance, rules):
    shell("rules", "import", str(rules))
    (rules / "a.yml").touch()
    shell("rules", "import", str(rules))

    first, second = appliance.asked("POST", "/api/v1/rules/imports")
    assert first.body == second.body


def test_an_archive_is_sent_as_it_is(shell, appliance, rules, tmp_path):
    shell("rules", "import", str(rules))
    archive = tmp_path / "rules.zip"
    archive.write_bytes(appliance.calls[-1].body)

    shell("rules", "import", str(archive))

    assert appliance.calls[-1].body == archive.read_bytes()


def test_a_wide_report_names_each_inactive_rule_with_its_reason(shell):
    shell("rules", "report", "-o", "wide")

    assert [word in shell.stdout for word in ("bad.yml", "syntax", "line 3")] == [True] * 3


def test_a_dry_run_of_an_import_sends_nothing(shell, appliance, rules):
    shell("rules", "import", str(rules), "--dry-run")

    assert shell.code == 0
    assert appliance.calls == []
    assert "2 rule files" in shell.stderr


def test_a_folder_without_rules_is_a_usage_error(shell, tmp_path):
    assert shell("rules", "import", str(tmp_path)).code == 2


def test_what_is_no_archive_is_a_usage_error(shell, rules):
    assert shell("rules", "import", str(rules / "a.yml")).code == 2


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "sigma"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.yml").write_text("title: A\n")
    (folder / "deep" / "b.yaml").write_text("title: B\n")
    (folder / "README.md").write_text("no rule\n")
    (folder / "link.yml").symlink_to("/etc/passwd")
    return folder


def _names(archive: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(archive)).namelist()


def test_a_rule_is_switched(shell, appliance):
    appliance.rules = [rule()]

    assert "disabled" in shell("rules", "disable", RULE_ID).stdout
    assert "active" in shell("rules", "enable", RULE_ID).stdout
    assert [call.body for call in appliance.calls] == [{"enabled": False}, {"enabled": True}]


def test_a_rule_is_shown_with_its_author_and_text(shell, appliance):
    appliance.rules = [rule()]

    shell("rules", "show", RULE_ID, "-o", "wide")

    assert "Somebody" in shell.stdout
    assert "title: A rule" in shell.stdout


@pytest.mark.parametrize(("expected", "code"), [("--match", 0), ("--no-match", 8)])
def test_a_rule_test_can_be_held_to_an_expectation(shell, rules, expected, code):
    shell("rules", "test", str(rules / "a.yml"), expected, stdin='{"Image": "evil"}')

    assert shell.code == code
    assert "matches" in shell.stdout


def test_a_rule_is_tested_with_an_event_that_is_no_json(shell, appliance, rules):
    shell("rules", "test", str(rules / "a.yml"), "--format", "syslog", stdin="plain evil line\n")

    assert appliance.calls[0].body == {"text": "title: A\n", "event": "plain evil line\n", "format": "syslog"}


def test_a_source_is_made_with_its_options(shell, appliance):
    shell("source", "create", "edge", "--format", "suricata", "--option", "zone=UTC", "--option", "a=b=c")

    assert appliance.calls[0].body["options"] == {"zone": "UTC", "a": "b=c"}
    assert "edge" in shell.stdout


def test_an_option_without_a_value_is_a_usage_error(shell):
    assert shell("source", "create", "edge", "--option", "zone").code == 2


def test_a_source_is_switched_off_only_if_that_is_meant(shell, appliance):
    appliance.sources = [source("edge")]

    assert shell("source", "disable", "edge").code == 2
    assert "add --yes" in shell.stderr
    assert shell("source", "disable", "edge", "--yes").code == 0
    assert appliance.calls[-1].body == {"enabled": False}


def test_an_unknown_source_is_not_found(shell):
    assert shell("source", "enable", "nope").code == 3


def test_a_secret_goes_into_a_private_file_and_not_to_the_terminal(shell, appliance, tmp_path):
    appliance.sources = [source("edge")]

    shell("source", "token", "edge", "--to", str(tmp_path / "token"))

    assert (tmp_path / "token").read_text() == "xdr_src_edge-0-the-secret-part\n"
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
    assert "xdr_src_edge-0-the-secret-part" not in shell.stdout + shell.stderr


def test_a_secret_never_overwrites_a_file(shell, appliance, tmp_path):
    appliance.sources = [source("edge")]
    (tmp_path / "token").write_text("mine")

    assert shell("source", "token", "edge", "--to", str(tmp_path / "token")).code == 5
    assert (tmp_path / "token").read_text() == "mine"


def test_all_tokens_of_a_source_are_stopped(shell, appliance):
    appliance.sources = [source("edge")]

    shell("source", "token", "edge", "--revoke", "--yes")

    assert "2 tokens of edge work no longer" in shell.stderr


def test_quarantine_is_listed_shown_and_replayed(shell, appliance):
    entry = {
        "id": str(UUID(int=6)),
        "source": {"id": "1", "name": "edge"},
        "received_at": NOW,
        "reason": "not JSON",
        "size_bytes": 3,
        "preview": "\\x1bab",
        "replayed_at": None,
    }
    appliance.quarantine = [entry]

    assert "not JSON" in shell("source", "quarantine", "list").stdout
    assert "\\x1bab" in shell("source", "quarantine", "show", entry["id"]).stdout
    assert "queued" in shell("source", "quarantine", "replay", entry["id"]).stdout
    assert shell("source", "quarantine", "show", str(UUID(int=8))).code == 3


def test_an_invitation_prints_the_whole_link(shell):
    shell("user", "invite", "a@example.test", "--name", "A", "--role", "soc_analyst")

    assert "https://xdr.example.test/welcome/xdr_otl_once" in shell.stdout


def test_a_person_is_found_by_address(shell, appliance):
    appliance.users = [user("a@example.test")]

    shell("user", "suspend", "A@Example.test", "--yes")

    assert appliance.calls[-1].path == f"/api/v1/users/{UUID(int=3)}/suspension"
    assert shell("user", "link", "b@example.test").code == 3


def test_a_token_is_made_and_revoked(shell, appliance):
    shell("token", "create", "ci", "--permission", "events:view", "--days", "7")

    assert appliance.calls[0].body == {"name": "ci", "permissions": ["events:view"], "days": 7}
    assert "xdr_api_secret" in shell.stdout
    assert shell("token", "revoke", "5", "--yes").code == 0


def test_status_is_watched_as_lines(shell, appliance, monkeypatch):
    def stop_after_two(_seconds: float) -> None:
        if len(appliance.calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(status.time, "sleep", stop_after_two)

    shell("status", "--watch", "-o", "json")

    assert shell.code == 130
    assert len(shell.stdout.splitlines()) == 2


def test_status_is_watched_through_a_time_in_which_the_api_is_silent(shell, appliance, monkeypatch):
    looks = 0

    def come_back_then_stop(_seconds: float) -> None:
        nonlocal looks
        looks, appliance.problem = looks + 1, None
        if looks == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(status.time, "sleep", come_back_then_stop)
    appliance.problem = (503, "unavailable", "the database does not answer")

    shell("status", "--watch", "-o", "json")

    silent, well = map(json.loads, shell.stdout.splitlines())
    assert "the database does not answer" in silent["unavailable"]
    assert well["components"][0]["state"] == "ok"
    assert shell.code == 130


def test_who_may_not_see_the_status_cannot_watch_it(shell, appliance):
    appliance.problem = (403, "permission_missing", "status:view is missing")

    assert shell("status", "--watch").code == 4


@pytest.mark.parametrize("kind", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(shell, kind):
    assert "_XDR_COMPLETE" in shell("completion", kind).stdout


def test_an_unknown_topic_is_a_usage_error(shell):
    assert shell("help", "nothing").code == 2
