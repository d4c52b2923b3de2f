"""One timeline of several journals, held an entry at a time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from appliance.cluster.timeline import Entry, Level, merged
from appliance.integrations.journald.parsing import TOO_LARGE, entry
from appliance.integrations.journald.reading import Wanted, asking, quoted

START = datetime(2026, 11, 27, tzinfo=UTC)


def at(seconds: int, node: str) -> Entry:
    return Entry(
        START + timedelta(seconds=seconds), node, "xdr-web.service", Level.INFO, "xdr-web", 7, "said"
    )


def test_entries_of_several_nodes_come_by_time():
    found = list(merged([[at(1, "one"), at(4, "one")], [at(2, "two"), at(3, "two")]]))

    assert [each.node for each in found] == ["one", "two", "two", "one"]


def test_of_each_node_one_entry_is_held():
    taken = []

    def journal(node: str) -> Iterator[Entry]:
        for second in range(10**9):
            taken.append(node)
            yield at(second, node)

    timeline = merged([journal("one"), journal("two")])
    for _ in range(1_000):
        next(timeline)

    assert len(taken) <= 1_002


def test_a_node_whose_clock_was_set_back_keeps_its_order():
    found = list(merged([[at(9, "one"), at(1, "one")], [at(5, "two")]]))

    assert [each.time for each in found if each.node == "one"] == [at(9, "").time, at(1, "").time]


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ('"plain"', "plain"),
        ("[97,27,255]", "a\x1b\\xff"),
        ("null", TOO_LARGE),
        ('["first",[115,101,99,111,110,100]]', "first second"),
    ],
)
def test_a_message_is_read_in_every_form_the_journal_gives_it(message, text):
    line = f'{{"__REALTIME_TIMESTAMP":"1764200000000001","PRIORITY":"3","_PID":"12","MESSAGE":{message}}}'

    found = entry(line.encode(), "one")

    assert (found.message, found.level, found.pid) == (text, Level.ERR, 12)
    assert found.time.microsecond == 1


def test_what_systemd_says_of_a_unit_counts_as_the_units():
    line = b'{"__REALTIME_TIMESTAMP":"1","UNIT":"xdr-web.service","_SYSTEMD_UNIT":"init.scope","MESSAGE":""}'

    assert entry(line, "one").unit == "xdr-web.service"


@pytest.mark.parametrize(
    "line",
    [
        b"", b"{}", b"[]", b"-- no entries --", b"\xff", b'{"__REALTIME_TIMESTAMP":"soon"}',
        b'{"__REALTIME_TIMESTAMP":null}', b'{"__REALTIME_TIMESTAMP":"9999999999999999999999"}',
        b'{"__REALTIME_TIMESTAMP":"1","MESSAGE":' + b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_entry_is_refused(line):
    with pytest.raises(ValueError, match=r"no entry|invalid literal"):
        entry(line, "one")


def test_what_is_typed_reaches_no_shell_of_another_node():
    words = asking(Wanted(units=("a; reboot", "$(reboot)")))

    assert "'--unit=a; reboot' '--unit=$(reboot)'" in quoted(words)
