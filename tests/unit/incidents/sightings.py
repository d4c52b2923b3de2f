"""Findings by hand, as grouping sees them."""

from itertools import count
from uuid import UUID

from appliance.foundation.severity import Severity
from appliance.incidents.grouping import Correlator
from appliance.incidents.memory import Mention, Sighting

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LONG_AGO = 1_588_373_732_000_000
_numbers = count(1)


def host(name, role="subject"):
    return Mention("host", name, role, weak=False)


def user(name, *, weak=False):
    return Mention("user", name, "subject", weak=weak)


def address(value, role="source"):
    return Mention("address", value, role, weak=False)


def seen(*entities, at=0, rule="rule", level=Severity.HIGH, tactics=(), source=1, number=None):
    """A finding `at` microseconds after a moment long ago."""
    return Sighting(
        id=UUID(int=number or next(_numbers)),
        source_id=UUID(int=source),
        rule_id=rule,
        title=rule,
        level=int(level),
        techniques=(),
        tactics=tactics,
        time=LONG_AGO + at,
        host=next((each.value for each in entities if each.kind == "host"), ""),
        entities=entities,
    )


def grouped(*sightings, batch=None, correlator=None):
    """The findings of each group, as a set of sets of ids, by links alone."""
    correlator = correlator or Correlator()
    links, merged = {}, []
    size = batch or max(1, len(sightings))
    for start in range(0, len(sightings), size):
        for change in correlator.add(sightings[start : start + size]):
            for finding in change.linked:
                links[finding] = change.group.id
        merged.append(dict(correlator.state.merged))
    return _sets(links, merged)


def _sets(links, merged):
    into = {}
    for step in merged:
        into |= step
    sets = {}
    for finding, group in links.items():
        root = group
        while root in into:
            root = into[root]
        sets.setdefault(root, set()).add(finding)
    return {frozenset(each) for each in sets.values()}


def ids(*sightings):
    return frozenset(each.id for each in sightings)
