"""The last half hour of a node's metrics, as far as the alert rules need them."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping

from prometheus_client.parser import text_string_to_metric_families

from appliance.support.expressions import Labels, Points

# A metric that grows a series for whatever senders choose must not take the memory of who watches it.
_MOST_SERIES = 5_000


class Samples:
    """
    Args:
        names: The metrics that are kept; others are not looked at.
        seconds: How far back.
    """

    def __init__(self, names: Iterable[str], seconds: float) -> None:
        self._names, self._seconds = frozenset(names), seconds
        self._series: dict[str, dict[Labels, deque[tuple[float, float]]]] = defaultdict(dict)
        self._since: float | None = None
        self.left_out = 0

    def add(self, exposition: str, now: float) -> None:
        """Take what a process tells in Prometheus' text format, as of now (seconds since the epoch)."""
        for family in text_string_to_metric_families(exposition):
            for sample in family.samples:
                if sample.name in self._names:
                    self.put(sample.name, sample.labels, float(sample.value), now)

    def put(self, name: str, labels: Mapping[str, str], value: float, now: float) -> None:
        """One value."""
        self._since = now if self._since is None else self._since
        of_name, key = self._series[name], frozenset(labels.items())
        if key not in of_name:
            if sum(map(len, self._series.values())) >= _MOST_SERIES:
                self.left_out += 1
                return
            of_name[key] = deque()
        of_name[key].append((now, value))

    def forget(self, now: float) -> None:
        """Let go of what is too old to be asked for."""
        for of_name in self._series.values():
            for labels, points in list(of_name.items()):
                while points and points[0][0] < now - self._seconds:
                    points.popleft()
                if not points:
                    del of_name[labels]

    def reaches_back(self, now: float) -> float:
        """How many seconds of samples there are."""
        return 0.0 if self._since is None else min(now - self._since, self._seconds)

    def of(self, name: str) -> Mapping[Labels, Points]:
        return {labels: list(points) for labels, points in self._series.get(name, {}).items()}
