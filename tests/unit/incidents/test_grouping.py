import pytest

from appliance.foundation.severity import Severity
from appliance.incidents.grouping import Correlator
from appliance.incidents.memory import Mention
from tests.unit.incidents.sightings import DAY, HOUR, MINUTE, address, grouped, host, ids, seen, user

MEDIUM, LOW, INFORMATIONAL = Severity.MEDIUM, Severity.LOW, Severity.INFORMATIONAL


@pytest.mark.parametrize(
    "entity",
    [
        host("wkstn-5"),
        user("corp\\ann"),
        address("203.0.113.5"),
        Mention("process", "guid@wkstn-5", "subject", weak=False),
        Mention("session", "0x51@wkstn-5", "subject", weak=False),
    ],
)
def test_findings_about_the_same_thing_belong_together(entity):
    first, second = seen(entity, rule="a"), seen(entity, rule="b", at=10 * MINUTE)

    assert grouped(first, second) == {ids(first, second)}


def test_an_attack_is_followed_from_machine_to_machine():
    first = seen(host("one"), user("corp\\ann"))
    second = seen(host("two"), user("corp\\ann"), at=5 * MINUTE)
    third = seen(host("two"), address("203.0.113.5"), at=9 * MINUTE)

    assert grouped(first, second, third) == {ids(first, second, third)}


def test_findings_that_share_nothing_stay_apart():
    first, second = seen(host("one"), user("corp\\ann")), seen(host("two"), user("corp\\bob"))

    assert grouped(first, second) == {ids(first), ids(second)}


def test_weak_entities_never_join():
    system = user("nt authority\\system", weak=True)
    first, second = seen(host("one"), system), seen(host("two"), system)

    assert grouped(first, second) == {ids(first), ids(second)}


def test_the_same_bare_account_on_two_machines_is_two_people():
    first, second = seen(host("one"), user("ubuntu")), seen(host("two"), user("ubuntu"))

    assert grouped(first, second) == {ids(first), ids(second)}


def test_a_machine_is_the_same_by_its_short_and_its_full_name():
    first = seen(host("wkstn-5.corp.example"))
    second = seen(host("srv"), Mention("host", "wkstn-5", "source", weak=False), at=MINUTE)

    assert grouped(first, second) == {ids(first, second)}


def test_the_same_file_on_two_machines_alone_joins_nothing():
    digest = Mention("hash", "a" * 64, "target", weak=False)
    first, second = seen(host("one"), digest), seen(host("two"), digest)

    assert grouped(first, second) == {ids(first), ids(second)}


def test_time_ends_an_attack():
    first, second = seen(host("one")), seen(host("one"), at=HOUR + MINUTE)

    assert grouped(first, second) == {ids(first), ids(second)}


def test_along_the_kill_chain_an_attack_may_pause_longer():
    first = seen(host("one"), tactics=("execution",))
    onward = seen(host("one"), tactics=("credential-access",), at=3 * HOUR)
    back = seen(host("two"), tactics=("credential-access",))
    earlier = seen(host("two"), tactics=("execution",), at=3 * HOUR)

    assert grouped(first, onward, back, earlier) == {ids(first, onward), ids(back), ids(earlier)}


def test_an_import_of_old_files_groups_as_it_would_have_then():
    old = [seen(host("one"), at=-1500 * DAY, source=2), seen(host("one"), at=-1500 * DAY + MINUTE, source=2)]
    live = [seen(host("one")), seen(host("one"), at=MINUTE)]

    assert grouped(live[0], old[0], live[1], old[1], batch=1) == {ids(*old), ids(*live)}


def test_a_late_finding_joins_where_it_belongs_in_time():
    first, far = seen(host("one")), seen(host("one"), at=5 * HOUR)
    late = seen(host("one"), at=10 * MINUTE)

    assert grouped(first, far, late, batch=1) == {ids(first, late), ids(far)}


def test_a_late_finding_between_two_groups_makes_them_one():
    first, second = seen(host("one")), seen(host("one"), at=100 * MINUTE)
    between = seen(host("one"), at=50 * MINUTE)

    assert grouped(first, second, between, batch=1) == {ids(first, second, between)}


def test_no_incident_is_longer_than_a_day():
    chain = [seen(host("one"), rule=f"r{n}", at=n * 50 * MINUTE) for n in range(60)]

    for group in grouped(*chain, batch=7):
        times = [each.time for each in chain if each.id in group]
        assert max(times) - min(times) <= DAY


def test_small_findings_alone_open_nothing():
    assert grouped(seen(host("one"), level=LOW), seen(host("one"), level=INFORMATIONAL, rule="b")) == set()


def test_many_different_small_findings_on_one_machine_add_up():
    several = [
        seen(host("one"), level=LOW, rule=f"r{n}", at=n * MINUTE, tactics=("discovery",)) for n in range(6)
    ]

    (group,) = grouped(*several, batch=1)

    assert len(group) >= 4


def test_the_same_small_finding_again_and_again_does_not_add_up():
    same = [seen(host("one"), level=LOW, at=n * MINUTE) for n in range(200)]

    assert grouped(*same, batch=10) == set()


def test_small_findings_before_and_after_join_the_incident():
    before = seen(host("one"), level=LOW, rule="a")
    grave = seen(host("one"), at=10 * MINUTE, rule="b")
    after = seen(host("one"), level=INFORMATIONAL, at=20 * MINUTE, rule="c")

    assert grouped(before, grave, after, batch=1) == {ids(before, grave, after)}


def test_small_findings_neither_merge_nor_prolong():
    first, second = seen(host("one"), user("corp\\ann")), seen(host("two"))
    small = seen(host("one"), host("two", "target"), level=LOW, at=50 * MINUTE, rule="b")
    later = seen(host("one"), at=100 * MINUTE, rule="c")

    groups = grouped(first, second, small, later, batch=1)

    assert len(groups) == 3


def test_a_rule_that_fires_all_the_time_becomes_noise_and_stops_opening_incidents():
    correlator = Correlator()
    noise = [seen(host("one"), level=MEDIUM, at=n * 3 * HOUR) for n in range(40)]

    groups = grouped(*noise, batch=1, correlator=correlator)

    assert len(groups) == 8


def test_grave_noise_still_opens_an_incident_once_a_day():
    beacon = [seen(host("one"), level=Severity.HIGH, at=n * 3 * HOUR) for n in range(8 * 8)]

    days = [group for group in grouped(*beacon, batch=1) if len(group) >= 1]

    assert 8 + 6 <= len(days) <= 8 + 8


def test_noise_does_not_hide_an_attack_nor_glue_it_to_the_past():
    noise = [seen(host("one"), level=MEDIUM, at=n * 30 * MINUTE) for n in range(96)]
    attack = seen(host("one"), rule="new", at=47 * HOUR)

    groups = grouped(*noise, attack, batch=1)

    (its,) = [group for group in groups if attack.id in group]
    times = [each.time for each in (*noise, attack) if each.id in its]
    assert max(times) - min(times) <= 2 * HOUR


def test_a_domain_controller_alone_does_not_glue_everything():
    dc = host("dc", "target")
    history = [
        seen(dc, host(f"old-{n}"), address(f"10.0.0.{n}"), at=-10 * DAY + n * 5 * HOUR) for n in range(20)
    ]
    correlator = Correlator()
    grouped(*history, batch=1, correlator=correlator)
    first = seen(host("one"), user("corp\\ann"), dc)
    second = seen(host("two"), user("corp\\bob"), dc, at=MINUTE)

    assert grouped(first, second, correlator=correlator) == {ids(first), ids(second)}


def test_an_account_that_sweeps_over_many_machines_at_once_is_one_attack():
    sweep = [seen(host(f"h{n}"), user("corp\\ann"), at=n * MINUTE) for n in range(40)]

    assert grouped(*sweep, batch=3) == {ids(*sweep)}


def test_findings_without_entities_group_by_rule_and_source():
    first, second = seen(rule="a"), seen(rule="a", at=MINUTE)
    other_rule, other_source = seen(rule="b"), seen(rule="a", source=2)

    assert grouped(first, second, other_rule, other_source) == {
        ids(first, second), ids(other_rule), ids(other_source),
    }  # fmt: skip


def test_a_dismissed_group_takes_more_of_the_same_and_nothing_else():
    correlator = Correlator()
    (change,) = correlator.add([seen(host("one"), rule="a")])
    change.group.dismissed = True

    same, other = seen(host("one"), rule="a", at=MINUTE), seen(host("one"), rule="b", at=2 * MINUTE)
    changes = correlator.add([same, other])

    assert {tuple(each.linked): each.is_new for each in changes} == {(same.id,): False, (other.id,): True}


def test_nothing_joins_a_group_that_was_retired():
    correlator = Correlator()
    (change,) = correlator.add([seen(host("one"))])
    correlator.retire(change.group.id)

    (after,) = correlator.add([seen(host("one"), at=MINUTE)])

    assert after.is_new
