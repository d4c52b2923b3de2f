"""One leads and lacks nothing, the others follow, etcd has its majority, Patroni may act."""

from collections.abc import Callable, Iterator

from appliance.cluster.members import ClusterState, problems
from appliance.foundation.data_risk import DataRisk
from appliance.foundation.errors import Invalid, Unavailable
from appliance.foundation.settings import Settings
from appliance.support.checks.finding import Finding, Kind, good, unset, wrong

_LESS_SPARE = "fewer nodes, or none, may be lost before writing stops"


def tripwire(settings: Settings) -> Iterator[Finding]:
    risk = DataRisk(settings.state_dir)
    if risk.file.exists():
        yield wrong(
            Kind.TRIPWIRE,
            "acknowledged commits",
            risk.cause(),
            impact="this node writes nothing; events go to its spool",
            command="xdr cluster status; then as the runbook says",
        )
    else:
        yield good("acknowledged commits", "none is known to be missing")


def cluster(settings: Settings, ask: Callable[[], ClusterState]) -> Iterator[Finding]:
    if not settings.cluster.nodes:
        yield unset("cluster", "a single node")
        return
    try:
        state = ask()
    except (Invalid, Unavailable) as error:
        yield wrong(
            Kind.CLUSTER_UNKNOWN,
            "cluster",
            str(error),
            impact="nobody can say who leads, and nothing may be writable",
            command="systemctl status xdr-patroni etcd",
        )
        return
    found = problems(state)
    for problem in found:
        yield wrong(
            Kind(problem.kind),
            "cluster",
            problem.text,
            impact=_LESS_SPARE,
            command="xdr cluster status; journalctl -u xdr-patroni",
        )
    if not found and state.leader:
        yield good("cluster", f"{state.leader.name} leads; {state.spare} nodes may be lost")
