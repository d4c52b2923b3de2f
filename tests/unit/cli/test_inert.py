"""What attackers write must not act on a terminal, in JSON, YAML, or in a spreadsheet."""

import csv
import io
import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from appliance.cli.inert import cell, inert, inert_json
from tests.factories.things import event, incident

ANSI = "\x1b[31mred\x1b[0m \x1b]0;title\x07"
BIDI = "\u202egnp.exe\u2066"
HOSTILE = f"{ANSI} {BIDI} \r\n\x9b2J \ud800 =cmd|' /C calc'!A0"


@given(st.text())
def test_nothing_unprintable_is_left(text):
    assert inert(text).isprintable()


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S"])))
def test_printable_text_stays_as_it_is(text):
    assert inert(text) == text


@given(st.dictionaries(st.text(), st.text()))
def test_inert_json_says_the_same(document):
    written = inert_json(json.dumps(document, ensure_ascii=False))

    assert json.loads(written) == document
    assert written.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t", "\r", "\x00", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
)
def test_no_cell_starts_a_formula(start):
    assert cell(f"{start}cmd|' /C calc'!A0").startswith("'")


def test_numbers_in_cells_stay_numbers():
    assert cell(-5) == "-5"
    assert cell(-0.5) == "-0.5"


def test_a_formula_inside_a_cell_is_left_alone():
    assert cell("a=b") == "a=b"


@pytest.mark.parametrize("output", ["table", "wide", "json", "jsonl", "yaml", "csv"])
def test_hostile_events_are_printed_inert(shell, appliance, output):
    appliance.events = [event(host=HOSTILE, summary=HOSTILE, fields={HOSTILE: HOSTILE})]

    shell("event", "search", "-o", output)

    assert shell.code == 0
    assert shell.stdout.replace("\n", "").replace("\r", "").isprintable()
    assert "red" in shell.stdout


@pytest.mark.parametrize("output", ["table", "wide"])
def test_hostile_incidents_are_printed_inert(shell, appliance, output):
    appliance.incidents = [incident(1, title=HOSTILE)]

    shell("incident", "show", "1", "-o", output)

    assert shell.stdout.replace("\n", "").isprintable()
    assert "\\x1b[31mred" in shell.stdout
    assert "\\u202egnp.exe" in shell.stdout


def test_json_and_yaml_keep_what_was_said(shell, appliance):
    appliance.events = [event(host=ANSI + BIDI)]

    said = json.loads(shell("event", "search", "-o", "json").stdout)
    same = yaml.safe_load(shell("event", "search", "-o", "yaml").stdout)

    assert said[0]["host"] == same[0]["host"] == ANSI + BIDI


def test_no_column_of_an_export_is_a_formula(shell, appliance):
    evil = '=HYPERLINK("http://evil")'
    appliance.events = [
        event(host=evil, kind="+1", channel="-1", code="@x", summary="\t=1", fields={"=a": "b"})
    ]

    shell("event", "search", "-o", "csv")

    row = list(csv.reader(io.StringIO(shell.stdout)))[1]
    assert row[2] == "'" + evil
    assert not [one for one in row if one[:1] in "=+-@\t\r\x00"]


def test_a_hostile_refusal_is_told_inert(shell, appliance):
    appliance.problem = (422, "invalid", f"no such host {HOSTILE}")

    shell("source", "list")

    assert shell.stderr.replace("\n", "").isprintable()


def test_markup_in_a_title_is_text(shell, appliance):
    appliance.incidents = [incident(1, title="[red]x[/red] [link=http://evil]y[/link] :smile:")]

    assert "[red]x[/red] [link=http://evil]y[/link] :smile:" in shell("incident", "list").stdout
