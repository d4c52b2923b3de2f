"""What may be asked of a cluster in which state."""

import msgspec
import pytest

from appliance.cluster.members import ClusterState, Member, objections, problems, removal_objections


def member(name, role="quorum_standby", state="streaming", lag=0):
    return Member(name, role, state, timeline=1, lag=lag)


WHOLE = ClusterState(
    [member("one", "leader", "running", None), member("two"), member("three")],
    etcd={"one": True, "two": True, "three": True},
)


def changed(**more):
    return msgspec.structs.replace(WHOLE, **more)


def test_a_whole_cluster_has_no_problem_and_may_lose_one():
    assert problems(WHOLE) == []
    assert WHOLE.leader is not None
    assert (WHOLE.leader.name, WHOLE.spare) == ("one", 1)


@pytest.mark.parametrize(
    ("state", "said", "spare"),
    [
        (changed(members=[member("one", state="stopped"), *WHOLE.members[1:]]), "no node leads", 0),
        (
            changed(members=[*WHOLE.members[:2], member("three", state="starting")]),
            "three does not follow",
            0,
        ),
        (changed(etcd={"one": True, "two": True, "three": False}), "etcd does not answer on three", 0),
        (changed(etcd={"one": True, "two": False, "three": False}), "etcd has no majority", 0),
        (changed(is_paused=True), "Patroni is paused", 1),
    ],
)
def test_each_trouble_is_named_and_counted(state, said, spare):
    assert said in "; ".join(map(str, problems(state)))
    assert state.spare == spare


@pytest.mark.parametrize(
    ("state", "target", "said"),
    [
        (WHOLE, "four", "there are one, two, three"),
        (WHOLE, "one", "leads already"),
        (changed(members=[*WHOLE.members[:2], member("three", lag=1_024)]), "three", "by 1,024 bytes"),
        (changed(members=[*WHOLE.members[:2], member("three", lag=None)]), "three", "nobody knows how far"),
        (
            changed(members=[*WHOLE.members[:2], member("three", state="starting")]),
            "three",
            "does not follow",
        ),
        (changed(etcd={"one": True, "two": False, "three": False}), "two", "no majority"),
    ],
)
def test_a_switchover_that_cannot_go_well_is_refused_with_the_reason(state, target, said):
    assert said in "; ".join(objections(state, target))


def test_a_switchover_to_whoever_follows_closely_is_possible():
    assert objections(WHOLE, "two") == []


@pytest.mark.parametrize(
    ("state", "target", "said"),
    [
        (WHOLE, "three", ""),
        (WHOLE, "one", ""),
        (WHOLE, "four", "there is no node four"),
        # The lost one may be replaced, and no other.
        (changed(members=WHOLE.members[:2], etcd={"one": True, "two": True, "three": False}), "three", ""),
        (
            changed(members=WHOLE.members[:2], etcd={"one": True, "two": True, "three": False}),
            "two",
            "this would leave 1 of 3 nodes",
        ),
        (
            changed(members=WHOLE.members[:2], etcd={"one": True, "two": True, "three": False}),
            "two",
            "etcd has no majority: 1 of 2 answer",
        ),
        (
            changed(members=[*WHOLE.members[:2], member("three", state="starting")]),
            "two",
            "would leave 1 of 3",
        ),
        (changed(members=WHOLE.members[1:]), "three", "no node leads"),
    ],
)
def test_a_node_goes_only_where_the_rest_goes_on(state, target, said):
    found = removal_objections(state, target)
    assert (said in "; ".join(found)) if said else found == []
