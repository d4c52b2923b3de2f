"""Stories of an administrator at the terminal, end to end but for the browser."""

import csv
import io
import json
import signal
import time
from pathlib import Path
from uuid import uuid4

import pytest

from appliance.foundation.actors import Actor, ActorKind, Permission
from appliance.identity.models import User
from appliance.identity.roles import permissions_of
from appliance.identity.schemas import NewToken, NewUser
from tests.factories.stack import ADMIN, Stack

RULE = r"""
title: Something only this test runs
id: 5c3ad1e6-1111-4000-8000-000000000001
status: test
author: The tests
level: high
logsource: {product: windows, category: process_creation}
detection:
  selection: {Image|endswith: '\only-this-test.exe'}
  condition: selection
"""


def sysmon(image: str, *, host: str = "web1", **fields: str) -> str:
    event = {
        "EventID": 1,
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Hostname": host,
        "Image": image,
        "UtcTime": "2026-05-01 12:00:00.000",
        "User": "LAB\\ann",
        "marker": uuid4().hex,
    } | fields
    return json.dumps(event) + "\n"


def test_status_names_what_does_not_run(xdr):
    done = xdr("status", "-o", "json")

    found = {one["name"]: one["state"] for one in json.loads(done.stdout)["components"]}
    assert (found["database"], found["ingest"], found["seal"]) == ("ok", "ok", "down")
    assert done.returncode == 8


def test_files_are_stored_once_however_often_they_are_carried_in(xdr, tmp_path):
    host = f"h-{uuid4().hex[:8]}"
    (tmp_path / "in.json").write_text("".join(sysmon(f"C:\\a{n}.exe", host=host) for n in range(500)))

    first = xdr("ingest", str(tmp_path / "in.json"), "-o", "json")
    second = xdr("ingest", str(tmp_path / "in.json"), "-o", "json")

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert _counts(first) == {"received": 500, "stored": 500, "duplicates": 0, "quarantined": 0}
    assert _counts(second) == {"received": 500, "stored": 0, "duplicates": 500, "quarantined": 0}
    assert len(_events(xdr, host)) == 500


def test_an_interrupted_import_goes_on_and_doubles_nothing(xdr, tmp_path):
    host = f"h-{uuid4().hex[:8]}"
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number:02}.json").write_text(
            "".join(sysmon(f"C:\\{n}.exe", host=host) for n in range(50))
        )
    with xdr.start("ingest", str(folder), "--parallel", "1") as running:
        while "03.json: done" not in running.stderr.readline():
            assert running.poll() is None
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=120)
    assert running.returncode == 130, said
    assert "goes on where it was" in said

    done = xdr("ingest", str(folder), "-o", "json")

    assert done.returncode == 0, done.stderr
    assert sum(row["received"] for row in json.loads(done.stdout)) == 2_000
    assert len(_events(xdr, host)) == 2_000


def test_what_is_no_event_is_quarantined_inspected_and_replayed(xdr, tmp_path):
    (tmp_path / "bad.json").write_text(f'{{"broken": "{uuid4().hex}\x1b[31m\n')

    done = xdr("ingest", str(tmp_path / "bad.json"), "--format", "suricata")
    listed = xdr("source", "quarantine", "list", "-o", "json", "--limit", "1")

    entry = json.loads(listed.stdout)[0]["id"]
    shown = xdr("source", "quarantine", "show", entry)
    assert done.returncode == 7, done.stderr
    assert "\x1b" not in shown.stdout
    assert "\\x1b[31m" in shown.stdout
    assert "queued" in xdr("source", "quarantine", "replay", entry).stdout


def test_a_rule_is_imported_fires_and_its_incident_is_worked(xdr, tmp_path):
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "good.yml").write_text(RULE)
    (rules / "bad.yml").write_text("title: No detection\nlogsource: {product: windows}\n")

    report = xdr("rules", "import", str(rules), "-o", "wide")
    tested = xdr("rules", "test", str(rules / "good.yml"), "--match", stdin=sysmon(r"C:\only-this-test.exe"))
    _until_fired(xdr, tmp_path)
    incident = _incident(xdr)
    shown = xdr("incident", "show", incident)
    acknowledged = xdr("incident", "acknowledge", incident, "--note", "mine")
    again = xdr("incident", "acknowledge", incident)
    closed = xdr("incident", "close", incident, "--reason", "test")

    assert report.returncode == 0, report.stderr
    assert "bad.yml" in report.stdout
    assert tested.returncode == 0, tested.stderr
    assert "The tests" in shown.stdout  # the rule's author travels with its finding
    assert "is acknowledged" in acknowledged.stdout
    assert again.returncode == 5
    assert "is closed" in closed.stdout
    assert "Opened" in xdr("incident", "timeline", incident, "--all").stdout


def test_hostile_telemetry_is_inert_in_every_format(xdr, tmp_path):
    host = f"h-{uuid4().hex[:8]}"
    hostile = "=cmd|' /C calc'!A0\x1b]0;owned\x07\u202egnp.exe\x00\r\n"
    (tmp_path / "in.json").write_text(sysmon(hostile, host=host, CommandLine=hostile))
    assert xdr("ingest", str(tmp_path / "in.json")).returncode == 0

    said = [
        xdr("event", "search", "--entity", f"host={host}", "-o", form)
        for form in ("wide", "json", "yaml", "csv")
    ]

    assert [one.returncode for one in said] == [0, 0, 0, 0]
    assert all(one.stdout.replace("\n", "").isprintable() for one in said)
    assert json.loads(said[1].stdout)[0]["fields"]["Image"] == hostile
    cells = list(csv.reader(io.StringIO(said[3].stdout)))[1]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r", "\x00")]


def test_the_exact_bytes_of_an_event_come_back(xdr, tmp_path):
    host = f"h-{uuid4().hex[:8]}"
    line = sysmon("C:\\ä \u202e.exe", host=host)
    (tmp_path / "in.json").write_text(line)
    assert xdr("ingest", str(tmp_path / "in.json")).returncode == 0

    found = _events(xdr, host)[0]["id"]
    done = xdr("event", "original", found, "--to", str(tmp_path / "raw"))

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "raw").read_text() == line.rstrip("\n")


def test_standard_input_is_followed(xdr):
    host = f"h-{uuid4().hex[:8]}"

    done = xdr("ingest", "-", stdin=sysmon("C:\\a.exe", host=host))

    assert done.returncode == 0, done.stderr
    assert len(_events(xdr, host)) == 1


async def test_from_afar_a_token_decides_what_is_allowed(xdr, stack, tmp_path):
    token = tmp_path / "token"
    token.touch(mode=0o600)
    token.write_text(await _token(stack))
    remote = {"XDR_CONFIG": "", "XDR_URL": stack.web_url, "XDR_TOKEN_FILE": str(token)}

    allowed = xdr("rules", "list", "--limit", "1", "-o", "json", **remote)
    denied = xdr("source", "create", "mine", **remote)
    token.write_text("xdr_api_nonsense")
    unknown = xdr("rules", "list", **remote)

    assert allowed.returncode == 0, allowed.stderr
    assert len(json.loads(allowed.stdout)) == 1
    assert denied.returncode == 4
    assert "sources:edit" in denied.stderr
    assert unknown.returncode == 4


def test_doctor_finds_the_running_node_sound(xdr):
    done = xdr("doctor", "-o", "json")

    found = {one["check"]: one["state"] != "problem" for one in json.loads(done.stdout)}
    disk = found.pop("disk")  # the machine's own, whatever it holds
    assert all(found.values()), done.stdout
    assert done.returncode == (0 if disk else 8)


def test_the_schema_is_told_and_left_alone(xdr):
    done = xdr("db", "migrate", "--dry-run", "-o", "json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["schema"].isdigit()


def test_migrating_again_changes_nothing(xdr):
    before = json.loads(xdr("db", "migrate", "--dry-run", "-o", "json").stdout)

    done = xdr("db", "migrate", "-o", "json")

    assert json.loads(done.stdout) == before


@pytest.mark.parametrize(
    "words", [("incident", "list"), ("source", "list"), ("user", "list"), ("rules", "report")]
)
def test_a_reader_that_has_enough_is_no_failure(xdr, words):
    with xdr.start(*words, "-o", "json") as running:
        running.stdout.close()
        said = running.stderr.read()

    assert running.returncode == 0
    assert said == ""


async def _token(stack: Stack) -> str:
    new = NewUser(email=f"{uuid4().hex[:8]}@example.test", name="Reader", roles=["read_only_analyst"])
    async with stack.services() as services:
        invited = await services.identity.invite(new, by=ADMIN)
        (await services.session.get_one(User, (services.scope.org_id, invited.user.id))).status = "active"
        person = Actor(
            ActorKind.USER, invited.user.id, new.email, permissions_of(new.roles) | {Permission.TOKENS_OWN}
        )
        wanted = NewToken(name="afar", permissions=["rules:view"], days=1)
        return (await services.tokens.create(wanted, by=person)).token


def _counts(done) -> dict[str, int]:
    row = json.loads(done.stdout)[0]
    return {name: row[name] for name in ("received", "stored", "duplicates", "quarantined")}


def _events(xdr, host: str) -> list[dict]:
    done = xdr("event", "search", "--entity", f"host={host}", "--all", "-o", "jsonl")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def _until_fired(xdr, folder: Path) -> None:
    """Send such events until the new rule set, which is exchanged without a pause, has matched one."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        (folder / "fires.json").write_text(sysmon(r"C:\only-this-test.exe"))
        done = xdr("ingest", str(folder / "fires.json"), "-o", "json")
        assert done.returncode == 0, done.stderr
        if json.loads(done.stdout)[0]["findings"]:
            return
    raise AssertionError("the rule never fired")


def _incident(xdr) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        done = xdr("incident", "list", "--text", "only this test runs", "-o", "json")
        if found := json.loads(done.stdout):
            return str(found[0]["number"])
        time.sleep(0.5)
    raise AssertionError("no incident came of the finding")
