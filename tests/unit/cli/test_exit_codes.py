"""The exit status is a contract with scripts."""

import httpx
import pytest

from appliance.cli.client import failure_of
from appliance.cli.failures import MEANINGS, ExitCode, code_of


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, 2), (422, 2), (413, 2), (415, 2), (401, 4), (403, 4), (404, 3), (409, 5), (412, 5), (429, 6),
        (408, 6), (502, 6), (503, 6), (504, 6), (500, 1), (418, 1),
    ],
)  # fmt: skip
def test_each_refusal_has_its_exit_status(shell, appliance, status, code):
    appliance.problem = (status, "some_code", "why it failed")

    shell("source", "list")

    assert shell.code == code == code_of(status)
    assert shell.stdout == ""
    assert "xdr source list: " in shell.stderr
    assert "why it failed" in shell.stderr


def test_the_numbers_never_change():
    assert {code.name: int(code) for code in ExitCode} == {
        "DONE": 0, "FAILED": 1, "USAGE": 2, "NOT_FOUND": 3, "DENIED": 4, "CONFLICT": 5, "UNAVAILABLE": 6,
        "PARTLY": 7, "PROBLEMS": 8, "INTERRUPTED": 130,
    }  # fmt: skip
    assert set(MEANINGS) == set(ExitCode)


def test_help_lists_every_exit_status(shell):
    shell("help", "exit-codes")

    assert [int(line.split()[0]) for line in shell.stdout.splitlines()[1:]] == [
        int(code) for code in ExitCode
    ]


def test_a_wrong_option_ends_with_2_and_names_the_near_one(shell):
    shell("source", "list", "--outptu", "json")

    assert shell.code == 2
    assert "--output" in shell.stderr


def test_a_mistyped_command_is_answered_with_the_near_one(shell):
    shell("stauts")

    assert shell.code == 2
    assert "Did you mean 'status'?" in shell.stderr


def test_a_component_that_is_down_makes_status_end_with_8(shell, appliance):
    appliance.components.append({"name": "detect", "state": "down", "detail": "never started"})

    shell("status")

    assert shell.code == 8
    assert "never started" in shell.stdout


def test_status_ends_with_0_while_all_is_well(shell):
    assert shell("status").code == 0


def test_an_appliance_that_does_not_answer_is_unavailable(shell, appliance, monkeypatch):
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused", request=request)

    appliance._answer = refuse

    shell("status")

    assert shell.code == 6
    assert "cannot be reached" in shell.stderr
    assert "next: xdr doctor" in shell.stderr


def test_a_late_answer_is_unavailable(shell, appliance):
    def be_late(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("too late", request=request)

    appliance._answer = be_late

    assert shell("status").code == 6


def test_retry_after_becomes_the_next_step():
    answer = httpx.Response(429, json={"title": "Busy", "detail": "wait"}, headers={"Retry-After": "7"})

    assert failure_of(answer).next_step == "try again in 7 s"


def test_an_answer_that_is_no_json_is_still_told(shell, appliance):
    appliance._answer = lambda _: httpx.Response(502, text="<html>Bad gateway</html>")

    shell("status")

    assert shell.code == 6
    assert "Bad gateway" in shell.stderr


def test_a_success_that_is_no_json_says_that_this_is_no_appliance(shell, appliance):
    appliance._answer = lambda _: httpx.Response(200, text="<html>welcome</html>")

    shell("status")

    assert shell.code == 1
    assert "is it an appliance?" in shell.stderr


def test_debug_shows_the_trace_and_the_code(shell, appliance):
    appliance.problem = (409, "transition_not_allowed", "no")

    shell("source", "list", "--debug")

    assert "Traceback" in shell.stderr
    assert "(HTTP 409 transition_not_allowed)" in shell.stderr


def test_no_trace_without_debug(shell, appliance):
    appliance.problem = (500, "internal", "the cause is in this node's journal")

    assert "Traceback" not in shell("source", "list").stderr
