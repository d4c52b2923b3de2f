"""What must hold whatever arrives, in whatever order."""

import random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.foundation.severity import Severity
from appliance.incidents import memory
from appliance.incidents.grouping import LONGEST, Correlator
from appliance.incidents.memory import pack, unpack
from tests.unit.incidents.sightings import HOUR, MINUTE, address, grouped, host, seen, user

HOSTS = [host(name) for name in ("one", "two", "three")]
USERS = [user(f"corp\\{name}") for name in ("ann", "bob")]
ADDRESSES = [address(f"203.0.113.{n}") for n in range(3)]
entities = st.lists(st.sampled_from(HOSTS + USERS + ADDRESSES), min_size=1, max_size=3, unique=True)
tactics = st.sampled_from([(), ("execution",), ("credential-access",), ("impact",)])


def findings(levels, *, hours=6, most=14):
    one = st.builds(
        lambda each, minute, rule, level, tactic: (each, minute, rule, level, tactic),
        entities,
        st.integers(0, hours * 60),
        st.sampled_from("abcde"),
        st.sampled_from(levels),
        tactics,
    )
    return st.lists(one, min_size=1, max_size=most).map(
        lambda drawn: [
            seen(*each, at=minute * MINUTE, rule=rule, level=level, tactics=tactic, number=number + 1)
            for number, (each, minute, rule, level, tactic) in enumerate(drawn)
        ]
    )


@settings(max_examples=200, deadline=None)
@given(findings([Severity.MEDIUM, Severity.HIGH]), st.randoms(use_true_random=False), st.integers(1, 5))
def test_within_lateness_the_order_of_arrival_does_not_matter(sightings, order, batch):
    shuffled = list(sightings)
    order.shuffle(shuffled)

    assert grouped(*sightings) == grouped(*shuffled, batch=batch)


@settings(max_examples=150, deadline=None)
@given(findings(list(Severity), hours=30, most=30), st.integers(1, 4))
def test_a_correlator_restarted_after_every_batch_does_as_one_that_never_stopped(sightings, batch):
    kept, restarted = Correlator(), Correlator()

    for start in range(0, len(sightings), batch):
        part = sightings[start : start + batch]
        one = kept.add(part)
        two = restarted.add(part)
        assert msgspec.to_builtins(one) == msgspec.to_builtins(two)
        restarted = Correlator(unpack(pack(restarted.state)))

    assert list(kept.state.groups) == list(restarted.state.groups)


@settings(max_examples=150, deadline=None)
@given(findings(list(Severity), hours=60, most=40), st.integers(1, 7))
def test_every_finding_is_in_at_most_one_group_and_no_group_is_longer_than_a_day(sightings, batch):
    groups = grouped(*sightings, batch=batch)

    assert sum(len(group) for group in groups) == len(frozenset().union(*groups))
    anchors = {each.id: each.time for each in sightings if each.level >= Severity.MEDIUM}
    for group in groups:
        times = [anchors[each] for each in group if each in anchors]
        assert not times or max(times) - min(times) <= LONGEST


@settings(max_examples=100, deadline=None)
@given(findings([Severity.HIGH]), findings([Severity.HIGH]))
def test_what_happens_among_others_changes_nothing(ours, theirs):
    elsewhere = [
        seen(
            *(msgspec.structs.replace(entity, value="other-" + entity.value) for entity in each.entities),
            at=each.time - ours[0].time, rule=each.rule_id, number=1_000 + number,
        )
        for number, each in enumerate(theirs)
    ]  # fmt: skip
    mixed = [each for pair in zip(ours, elsewhere, strict=False) for each in pair]
    rest = ours[len(elsewhere) :] + elsewhere[len(ours) :]

    alone, together = grouped(*ours), grouped(*mixed, *rest, batch=3)

    our_ids = {each.id for each in ours}
    assert {group for group in together if group & our_ids} == alone


def test_a_flood_of_invented_entities_is_remembered_within_bounds(monkeypatch):
    for name, most in (
        ("MOST_ENTITIES", 500),
        ("MOST_NOISE", 500),
        ("MOST_GROUPS", 50),
        ("MOST_WAITING", 100),
    ):
        monkeypatch.setattr(memory, name, most)
    random_source = random.Random(7)
    correlator, sizes = Correlator(), []

    for batch in range(40):
        correlator.add(
            seen(
                host(f"h{random_source.getrandbits(64)}"),
                user(f"corp\\{random_source.getrandbits(64)}"),
                level=random_source.choice(list(Severity)),
                rule=f"r{random_source.getrandbits(32)}",
                at=batch * HOUR,
            )
            for _ in range(100)
        )
        sizes.append(len(pack(correlator.state)))

    state = correlator.state
    assert (len(state.entities), len(state.noise), len(state.groups)) == (500, 500, 50)
    assert sum(len(each.items) for each in state.waiting.values()) <= 100
    assert max(sizes[20:]) < 1.2 * max(sizes[10:20])


def test_one_group_that_everything_joins_stays_within_bounds():
    correlator = Correlator()

    for batch in range(20):
        correlator.add(
            seen(host("one"), host(f"h{batch}-{n}"), rule=f"r{batch}-{n}", at=batch * MINUTE)
            for n in range(50)
        )

    (group,) = correlator.state.groups.values()
    assert len(group.rules) <= memory.MOST_GROUP_RULES
    assert len(group.entities) <= 2 * memory.MOST_GROUP_ENTITIES
    assert all(len(each.spans) <= memory.MOST_SPANS for each in correlator.state.entities.values())
    assert all(len(each.peers) <= memory.MOST_PEERS for each in correlator.state.entities.values())


def test_a_state_of_another_version_or_damaged_is_refused():
    for body in (b"", b"nonsense", pack(memory.State(version=99))):
        try:
            unpack(body)
        except ValueError:
            continue
        raise AssertionError(body)
