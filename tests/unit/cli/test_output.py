"""Formats, fields, colours."""

import json
import sys

import pytest
import yaml

from appliance.cli.options import Colour
from appliance.cli.output import console
from tests.factories.things import event, incident, source


def test_json_holds_every_key_of_the_api(shell, appliance):
    appliance.sources = [source("a")]

    assert json.loads(shell("source", "list", "-o", "json").stdout) == [source("a")]


def test_yaml_says_the_same_as_json(shell, appliance):
    appliance.sources = [source("a")]

    assert yaml.safe_load(shell("source", "list", "-o", "yaml").stdout) == [source("a")]


def test_jsonl_is_a_line_for_each_item(shell, appliance):
    appliance.sources = [source("a"), source("b", place=1)]

    lines = shell("source", "list", "-o", "jsonl").stdout.splitlines()

    assert [json.loads(line)["name"] for line in lines] == ["a", "b"]


def test_fields_reach_inside(shell, appliance):
    appliance.events = [event()]

    shell("event", "search", "--json", "host,source.name,fields.User")

    assert json.loads(shell.stdout) == [{"host": "web1", "source.name": "imports", "fields.User": "root"}]


def test_a_field_that_does_not_exist_is_a_usage_error(shell, appliance):
    appliance.sources = [source("a")]

    shell("source", "list", "--json", "nmae")

    assert shell.code == 2
    assert "'nmae'" in shell.stderr
    assert "name" in shell.stderr


def test_fields_and_a_table_exclude_each_other(shell):
    assert shell("source", "list", "--json", "name", "-o", "table").code == 2


def test_wide_shows_more_than_table(shell, appliance):
    appliance.sources = [source("a")]

    assert "CLOCK SKEW S" not in shell("source", "list").stdout
    assert "CLOCK SKEW S" in shell("source", "list", "-o", "wide").stdout


def test_a_common_option_may_stand_before_the_command(shell, appliance):
    appliance.sources = [source("a")]

    assert json.loads(shell("-o", "json", "source", "list").stdout)[0]["name"] == "a"


def test_the_option_nearest_to_the_command_wins(shell, appliance):
    appliance.sources = [source("a")]

    assert shell("-o", "json", "source", "list", "-o", "csv").stdout.startswith("NAME,")


def test_a_pipe_gets_whole_lines_however_long(shell, appliance):
    appliance.incidents = [incident(1, title="x" * 5_000)]

    assert "x" * 5_000 in shell("incident", "list").stdout


def test_what_is_no_answer_goes_to_standard_error(shell, appliance):
    appliance.incidents = [incident(number) for number in range(1, 4)]

    shell("incident", "list", "--limit", "2", "-o", "jsonl")

    assert len(shell.stdout.splitlines()) == 2
    assert "--cursor 2" in shell.stderr


def test_all_follows_every_page(shell, appliance):
    appliance.incidents = [incident(number) for number in range(1, 451)]

    shell("incident", "list", "--all", "-o", "jsonl", "--json", "number")

    assert [json.loads(line)["number"] for line in shell.stdout.splitlines()] == list(range(1, 451))
    assert len(appliance.asked("GET", "/api/v1/incidents")) == 3


def test_a_cursor_goes_on_where_the_list_ended(shell, appliance):
    appliance.incidents = [incident(number) for number in range(1, 4)]

    shell("incident", "list", "--cursor", "2", "-o", "jsonl", "--json", "number")

    assert json.loads(shell.stdout) == {"number": 3}


def test_a_cursor_with_control_characters_can_be_typed(shell, appliance):
    appliance.incidents = [incident(1)]

    shell("incident", "list", "--cursor", "%30", "--limit", "5")

    assert appliance.calls[0].query["cursor"] == ["0"]


@pytest.mark.parametrize(("colour", "has_escapes"), [(Colour.ALWAYS, True), (Colour.NEVER, False)])
def test_colour_can_be_forced_and_forbidden(capsys, monkeypatch, colour, has_escapes):
    monkeypatch.setenv("TERM", "xterm")
    console(colour, sys.stdout).print("x", style="red")

    assert ("\x1b" in capsys.readouterr().out) is has_escapes


@pytest.mark.parametrize(("name", "has_escapes"), [("NO_COLOR", False), ("FORCE_COLOR", True)])
def test_the_usual_environment_decides_about_colour(capsys, monkeypatch, name, has_escapes):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(name, "1")
    console(Colour.AUTO, sys.stdout).print("x", style="red")

    assert ("\x1b" in capsys.readouterr().out) is has_escapes
