"""Conditions of the command line as query trees that the appliance understands."""

import json
from datetime import UTC, datetime

import msgspec
import pytest

from appliance.cli.failures import CommandFailure
from appliance.cli.querying import duration, field_clause, tree, window
from appliance.telemetry import query
from appliance.telemetry.query import Tree
from tests.factories.things import event

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("condition", "clause"),
    [
        ("Image=a.exe", {"op": "is", "field": "Image", "value": "a.exe"}),
        ("Image=*a.exe", {"op": "endswith", "field": "Image", "value": "a.exe"}),
        ("Image=a*", {"op": "startswith", "field": "Image", "value": "a"}),
        ("Image=*a*", {"op": "contains", "field": "Image", "value": "a"}),
        ("Image=*", {"op": "exists", "field": "Image"}),
        ("Image!=a", {"op": "not", "of": {"op": "is", "field": "Image", "value": "a"}}),
        ("EventID>=5", {"op": "gte", "field": "EventID", "value": "5"}),
        ("EventID>5", {"op": "gt", "field": "EventID", "value": "5"}),
        ("EventID<=5", {"op": "lte", "field": "EventID", "value": "5"}),
        ("EventID<5", {"op": "lt", "field": "EventID", "value": "5"}),
        ("url=a=b&c=d", {"op": "is", "field": "url", "value": "a=b&c=d"}),
        ("id.orig_h=10.0.0.1", {"op": "is", "field": "id.orig_h", "value": "10.0.0.1"}),
    ],
)
def test_a_condition_is_a_clause_the_appliance_can_read(condition, clause):
    assert field_clause(condition) == clause
    assert query.parse(json.dumps(clause).encode())


@pytest.mark.parametrize("condition", ["", "Image", "=x", ">5"])
def test_what_is_no_condition_is_refused(condition):
    with pytest.raises(CommandFailure):
        field_clause(condition)


def test_all_conditions_must_hold():
    found = tree('{"op": "text", "value": "a"}', ["b=c"], ["d"], ["host=web1"])

    assert found["op"] == "and"
    assert msgspec.convert(found, Tree) == query.And(
        of=(
            query.Text(value="a"),
            query.Is(field="b", value="c"),
            query.Text(value="d"),
            query.Entity(kind="host", value="web1"),
        )
    )


def test_no_condition_is_no_tree():
    assert tree("", [], [], []) is None


def test_one_condition_stands_alone():
    assert tree("", [], ["x"], []) == {"op": "text", "value": "x"}


@pytest.mark.parametrize("entity", ["host", "host=", "web1"])
def test_what_is_no_entity_is_refused(entity):
    with pytest.raises(CommandFailure):
        tree("", [], [], [entity])


def test_last_counts_back_from_now():
    assert window("", "", "24h", NOON) == {"from": "2026-04-30T12:00:00+00:00"}


def test_times_without_a_zone_are_utc():
    assert window("2026-05-01", "2026-05-01T10:00:00", "", NOON) == {
        "from": "2026-05-01T00:00:00+00:00",
        "to": "2026-05-01T10:00:00+00:00",
    }


def test_a_zone_is_kept():
    assert window("2026-05-01T12:00:00+02:00", "", "", NOON) == {"from": "2026-05-01T12:00:00+02:00"}


def test_last_and_from_exclude_each_other():
    with pytest.raises(CommandFailure, match="exclude"):
        window("2026-05-01", "", "1h", NOON)


@pytest.mark.parametrize("text", ["", "1", "h", "1y", "-1h", "99999999999999d"])
def test_what_is_no_length_of_time_is_refused(text):
    with pytest.raises(CommandFailure):
        duration(text)


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(CommandFailure):
        window(text, "", "", NOON)


def test_a_search_sends_the_tree_and_the_window(shell, appliance):
    appliance.events = [event()]

    shell(
        "event", "search", "-f", "User=root", "--entity", "host=web1", "--from", "2026-05-01", "--limit", "7"
    )

    body = appliance.calls[0].body
    assert body["from"] == "2026-05-01T00:00:00+00:00"
    assert body["limit"] == 7
    assert [part["op"] for part in body["where"]["of"]] == ["is", "entity"]


def test_all_searches_on_to_the_end(shell, appliance):
    appliance.events = [event(place) for place in range(450)]

    shell("event", "search", "--all", "-o", "jsonl", "--json", "id")

    assert len(shell.stdout.splitlines()) == 450
    assert len(appliance.calls) == 3


def test_a_limit_over_a_page_takes_several(shell, appliance):
    appliance.events = [event(place) for place in range(450)]

    shell("event", "search", "--limit", "250", "-o", "jsonl", "--json", "id")

    assert len(shell.stdout.splitlines()) == 250
    assert "--cursor 250" in shell.stderr
