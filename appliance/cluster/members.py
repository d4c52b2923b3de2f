"""
The nodes of a cluster as Patroni sees them, and what may be asked of it in that state.

Words are Patroni's: leader, quorum standby, timeline, lag, pause. Nothing here speaks to it
(`integrations/patroni`).
"""

import msgspec

LEADERS = frozenset({"leader", "master", "primary", "standby_leader"})
_LAG_ENOUGH = 0
# A commit is acknowledged once it is on two nodes.
_COPIES = 2


class Member(msgspec.Struct, frozen=True):
    """
    One PostgreSQL.

    Attributes:
        role: As Patroni writes it: "leader", "quorum_standby", "replica" and others.
        state: "running", "streaming", or why not.
        timeline: Counts promotions; None while it does not answer.
        lag: Bytes behind the leader; None where that is not known.
    """

    name: str
    role: str
    state: str
    host: str = ""
    timeline: int | None = None
    lag: int | None = None

    @property
    def leads(self) -> bool:
        return self.role in LEADERS and self.state == "running"

    @property
    def follows(self) -> bool:
        return not self.leads and self.state == "streaming"


class Change(msgspec.Struct, frozen=True):
    """A time that the leader changed, newest last. `why` is Patroni's own word for it."""

    timeline: int
    at: str
    leader: str
    why: str


class ClusterState(msgspec.Struct, frozen=True):
    """
    Attributes:
        name: Patroni's scope.
        etcd: For each address of etcd whether it is healthy.
    """

    members: list[Member]
    is_paused: bool = False
    etcd: dict[str, bool] = msgspec.field(default_factory=dict)
    history: list[Change] = msgspec.field(default_factory=list)
    name: str = ""

    @property
    def leader(self) -> Member | None:
        return next((member for member in self.members if member.leads), None)

    def member(self, name: str) -> Member | None:
        return next((member for member in self.members if member.name == name), None)

    @property
    def has_etcd_quorum(self) -> bool:
        return sum(self.etcd.values()) > len(self.etcd) // 2

    @property
    def spare(self) -> int:
        """How many nodes may be lost before writing stops: etcd keeps a majority, and a standby confirms."""
        healthy = sum(self.etcd.values())
        by_etcd = healthy - (len(self.etcd) // 2 + 1) if self.etcd else 0
        by_standbys = sum(member.follows for member in self.members) - 1
        return max(0, min(by_etcd, by_standbys)) if self.leader else 0


class Problem(msgspec.Struct, frozen=True):
    """Something that is not as it should be; `kind` is the anchor of its runbook."""

    kind: str
    text: str

    def __str__(self) -> str:
        return self.text


def problems(state: ClusterState) -> list[Problem]:
    """What is not as it should be; empty where all is well."""
    found = []
    if state.leader is None:
        said = "no node leads: nothing can be written, and ingest keeps what comes in its spool"
        found.append(Problem("cluster-leaderless", said))
    found += [
        Problem("cluster-replica", f"{member.name} does not follow: it is {member.role}, {member.state}")
        for member in state.members
        if not member.leads and not member.follows
    ]
    lost = [name for name, healthy in state.etcd.items() if not healthy]
    if lost:
        found.append(Problem("etcd-member", f"etcd does not answer on {', '.join(lost)}"))
    if not state.has_etcd_quorum:
        found.append(Problem("etcd-majority", "etcd has no majority: no node can be elected"))
    if state.is_paused:
        said = "Patroni is paused: nobody takes over when the leader is lost"
        found.append(Problem("cluster-paused", said))
    return found


def objections(state: ClusterState, target: str) -> list[str]:
    """Why leadership cannot be handed to a node by plan; empty where it can."""
    member = state.member(target)
    if member is None:
        known = ", ".join(each.name for each in state.members)
        return [f"there is no node {target}; there are {known}"]
    if member.leads:
        return [f"{target} leads already"]
    found = []
    if state.leader is None:
        found.append("no node leads, so there is nobody to hand over; see `xdr cluster failover`")
    if not member.follows:
        found.append(f"{target} does not follow: it is {member.state}")
    if member.lag is None or member.lag > _LAG_ENOUGH:
        found.append(f"{target} is behind the leader ({_bytes(member.lag)})")
    if not state.has_etcd_quorum:
        found.append("etcd has no majority")
    return found


def removal_objections(state: ClusterState, target: str) -> list[str]:
    """
    Why a node cannot go: what would be left could not elect a leader, or could not confirm a commit.

    The rest is simulated without it. Two healthy nodes of three go on writing; one does not.
    """
    if target not in state.etcd:
        return [f"there is no node {target}; there are {', '.join(state.etcd)}"]
    rest = [name for name in state.etcd if name != target]
    voting = [name for name in rest if state.etcd[name]]
    copies = [
        member.name for member in state.members if member.name in voting and (member.follows or member.leads)
    ]
    found = []
    if len(voting) <= len(rest) // 2:
        found.append(f"without {target} etcd has no majority: {len(voting)} of {len(rest)} answer")
    if len(copies) < _COPIES:
        found.append(f"this would leave {len(copies)} of {len(state.etcd)} nodes with the database")
    if state.leader is None:
        found.append("no node leads: mend that first")
    return found


def _bytes(lag: int | None) -> str:
    return "nobody knows how far" if lag is None else f"by {lag:,} bytes"
