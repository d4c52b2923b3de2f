"""The cluster as one line of the appliance's status."""

from appliance.cluster.members import problems
from appliance.foundation.errors import Invalid, Unavailable
from appliance.foundation.settings import Cluster
from appliance.integrations.patroni.client import Patroni


def component(settings: Cluster) -> dict[str, str]:
    """Name, state (ok, degraded, down or not_configured) and detail; takes seconds if nodes are silent."""
    if not settings.nodes:
        return {"name": "cluster", "state": "not_configured", "detail": "a single node"}
    try:
        with Patroni(settings) as patroni:
            state = patroni.state()
    except (Invalid, Unavailable) as error:
        return {"name": "cluster", "state": "down", "detail": str(error)}
    found = problems(state)
    if found:
        grade = "down" if state.leader is None else "degraded"
        return {"name": "cluster", "state": grade, "detail": "; ".join(map(str, found))}
    leader = state.leader.name if state.leader else ""
    detail = f"{leader} leads, {len(state.members) - 1} follow, {state.spare} may be lost"
    return {"name": "cluster", "state": "ok", "detail": detail}
