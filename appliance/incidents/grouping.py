"""
The correlator: findings into groups, one group for one attack. Pure: no clock, no database.

A finding of at least medium level that is not noise is an *anchor*: it opens a group, or joins every
group with which it shares enough (keys.py) near enough in event time, merging them if they are several.
What is of lower level, or fires on its host all the time, is a *follower*: it joins a group that is
there but neither opens, nor prolongs, nor merges one. Followers without a group wait; when enough
different ones add up on one entity within a day, they open a group together.

Invariants:
- Event time decides, never the clock: years-old imports group as they would have then. Nearness is
  symmetrical, so that among anchors the order of arrival does not matter.
- A group's anchors span at most a day; a longer attack continues in another incident.
- Noise of high or critical level still counts as an anchor once a day: a beacon that goes on for a week
  after its incident was closed must not fall silent.
- A group is only links: merging forgets nothing that the database could not give back.
"""

from collections.abc import Iterable
from uuid import UUID

import msgspec

from appliance.foundation.severity import Severity
from appliance.incidents import memory as bounds
from appliance.incidents.keys import HOUR, Key, joins, keys_of, mask_of, peers_of, weight_of, window_of
from appliance.incidents.memory import EntityMemory, Group, Sighting, Span, State, Waiting
from appliance.incidents.risk import OPENING_RISK, decayed, risk_of, total_of
from appliance.incidents.risk import weight_of as weight_of_finding
from appliance.incidents.tallying import absorb, count_in

DAY = 24 * HOUR
LONGEST = DAY
# A rule that has fired on a host in this many separate hours of a week is noise there.
NOISE_HOURS, NOISE_WINDOW = 8, 7 * 24
WAITING_WINDOW = DAY
_MOST_WAITING_HERE = 48
_FEWEST_WAITING_RULES = 3
# A source that has moved on this far past a group will add nothing to it.
_LATENESS = 6 * HOUR


class Change(msgspec.Struct):
    """
    What became of a group in a batch.

    Attributes:
        linked: Findings that are new in it, with their event time.
        named: The entities they name, by kind and value.
        absorbed: Incidents whose groups were merged into it.
        is_new: The group did not exist before the batch.
    """

    group: Group
    linked: dict[UUID, int] = {}
    absorbed: list[UUID] = []
    is_new: bool = False
    named: set[tuple[str, str]] = set()


class Correlator:
    """One organisation's. `state` is all it knows; a correlator made from it goes on as this one would."""

    def __init__(self, state: State | None = None) -> None:
        self.state = state or State()
        self._changes: dict[int, Change] = {}

    def add(self, sightings: Iterable[Sighting]) -> list[Change]:
        """Group a batch of findings; what changed, by group."""
        batch = sorted(sightings, key=lambda sighting: (sighting.time, sighting.id))
        self._changes = {}
        for sighting in batch:
            self._add(sighting)
        self._move_positions(batch)
        self._retire()
        bounds.shrink(self.state)
        changes, self._changes = self._changes, {}
        return list(changes.values())

    def retire(self, group_id: int) -> None:
        """Let nothing more join a group: people have closed it."""
        self.state.groups.pop(self._root(group_id) or group_id, None)

    def _add(self, sighting: Sighting) -> None:
        keys = keys_of(sighting)
        noisy_hours = self._noise(sighting)
        weight = weight_of_finding(sighting.level, noisy_hours=noisy_hours)
        mask = mask_of(sighting.tactics)
        memories = self._remember(sighting, keys, weight)
        if sighting.level >= Severity.MEDIUM and (not noisy_hours or self._reminds(sighting)):
            group = self._join(sighting, keys, mask)
            self._extend(group, sighting, keys, mask)
            self._link(group, sighting, memories)
            self._fetch_waiting(group, keys, sighting.time)
        elif (near := self._nearest(sighting, keys, mask)) is not None:
            self._link(near, sighting, memories)
        elif not noisy_hours:
            self._wait(sighting, keys)

    # Anchors

    def _join(self, sighting: Sighting, keys: list[Key], mask: int) -> Group:
        """The group an anchor belongs to: one of those it shares enough with, made one; else a new one."""
        found = self._candidates(sighting, keys, mask)
        if not found:
            return self._open(sighting.time)
        group = found[0]
        for other in found[1:]:
            fits = _length(group, other.first, other.last) <= LONGEST
            if fits and not group.dismissed and not other.dismissed:
                group = self._merge(group, other)
        return group

    def _candidates(
        self, sighting: Sighting, keys: list[Key], mask: int, *, strict: bool = False
    ) -> list[Group]:
        """Groups that share enough, open ones first, then those that have an incident, then the oldest."""
        weights = {key: weight_of(key, self.state.entities.get(key.text), sighting.time) for key in keys}
        # Where all that a finding names is common, all of it together is the best there is.
        needed = min(1.0, sum({key.kind: weights[key] for key in keys}.values()))
        groups = [
            self.state.groups[root]
            for root, kinds in self._shared(weights, sighting.time, mask, strict=strict).items()
            if sum(kinds.values()) >= needed
        ]
        fitting = [group for group in groups if _takes(group, sighting)]
        return sorted(fitting, key=lambda group: (group.dismissed, group.incident is None, group.id))

    def _shared(
        self, weights: dict[Key, float], time: int, mask: int, *, strict: bool
    ) -> dict[int, dict[str, float]]:
        """For each group near enough: how strongly it shares an entity of each kind."""
        shared: dict[int, dict[str, float]] = {}
        for key, weight in weights.items():
            memory = self.state.entities.get(key.text)
            for span in () if memory is None else memory.spans:
                root = self._root(span.group)
                if root is not None and joins(key, time, mask, span, strict=strict):
                    kinds = shared.setdefault(root, {})
                    kinds[key.kind] = max(kinds.get(key.kind, 0.0), weight)
        return shared

    def _open(self, time: int) -> Group:
        group = Group(
            id=self.state.next_group, incident=None, first=time, last=time, shown_first=time,
            shown_last=time, tactics={}, techniques={}, rules={}, entities={}, sources=set(),
        )  # fmt: skip
        self.state.next_group += 1
        self.state.groups[group.id] = group
        self._changes[group.id] = Change(group, linked={}, absorbed=[], is_new=True)
        return group

    def _merge(self, into: Group, other: Group) -> Group:
        """One group of two; what was linked stays linked."""
        del self.state.groups[other.id]
        self.state.merged[other.id] = into.id
        for old, new in self.state.merged.items():
            if new == other.id:
                self.state.merged[old] = into.id
        absorb(into, other)
        change = self._change(into)
        lost = self._changes.pop(other.id, None)
        if lost is not None:
            change.linked |= lost.linked
            change.absorbed += lost.absorbed
            change.named |= lost.named
        if other.incident is not None:
            if into.incident is None:
                into.incident, change.is_new = other.incident, False
            else:
                change.absorbed.append(other.incident)
        return into

    def _extend(self, group: Group, sighting: Sighting, keys: list[Key], mask: int) -> None:
        group.first, group.last = min(group.first, sighting.time), max(group.last, sighting.time)
        for key in keys:
            _extend_spans(self.state.entities[key.text], key, sighting.time, group.id, mask)

    # Followers

    def _nearest(self, sighting: Sighting, keys: list[Key], mask: int) -> Group | None:
        found = self._candidates(sighting, keys, mask, strict=True)
        if not found:
            return None
        return min(found, key=lambda group: (_distance(group, sighting.time), group.id))

    def _wait(self, sighting: Sighting, keys: list[Key]) -> None:
        """Keep it with what else waits on the same machine; open a group when that adds up."""
        at = next((key for kind in ("host", "address", "user") for key in keys if key.kind == kind), keys[0])
        waiting = self.state.waiting.pop(at.text, None) or Waiting(items=[])
        items = [each for each in waiting.items if abs(each.time - sighting.time) <= WAITING_WINDOW]
        items = [*items, _slim(sighting)][-_MOST_WAITING_HERE:]
        if not adds_up(items):
            self.state.waiting[at.text] = Waiting(items=items)
            return
        group = self._open(sighting.time)
        for each in items:
            its_keys = keys_of(each)
            memories = {key: bounds.touch(self.state.entities, key.text) for key in its_keys}
            self._extend(group, each, [at], mask_of(each.tactics))
            self._link(group, each, memories)

    def _fetch_waiting(self, group: Group, keys: list[Key], time: int) -> None:
        """What waited for just this: findings about the same things, near in time."""
        for key in keys:
            waiting = self.state.waiting.get(key.text)
            if waiting is None or weight_of(key, self.state.entities.get(key.text), time) < 1:
                continue
            near = [each for each in waiting.items if abs(each.time - time) <= window_of(key)]
            for each in near:
                memories = {key: bounds.touch(self.state.entities, key.text) for key in keys_of(each)}
                self._link(group, each, memories)
            waiting.items = [each for each in waiting.items if each not in near]
            if not waiting.items:
                del self.state.waiting[key.text]

    # What both need

    def _link(self, group: Group, sighting: Sighting, memories: dict[Key, EntityMemory]) -> None:
        change = self._change(group)
        change.linked[sighting.id] = sighting.time
        change.named.update((mention.kind, mention.value) for mention in sighting.entities)
        # Touched: the most recently used groups are the last to be forgotten.
        self.state.groups[group.id] = self.state.groups.pop(group.id)
        carried = {(key.kind, key.value): memory for key, memory in memories.items()}
        count_in(group, sighting, carried)

    def _remember(self, sighting: Sighting, keys: list[Key], weight: float) -> dict[Key, EntityMemory]:
        """Note who was seen with whom, and add to the risk of each."""
        memories = {}
        for key in keys:
            memory = memories[key] = bounds.touch(self.state.entities, key.text)
            for peer in peers_of(key, keys):
                since = memory.peers.setdefault(peer, sighting.time)
                memory.peers[peer] = min(since, sighting.time)
            while len(memory.peers) > bounds.MOST_PEERS:
                del memory.peers[next(iter(memory.peers))]
            _add_weight(memory, sighting.time, weight)
        return memories

    def _noise(self, sighting: Sighting) -> int:
        """In how many hours of the week before the rule has fired here, if that makes it noise."""
        at = _where(sighting)
        hours = self.state.noise.pop(at, None) or []
        hour = sighting.time // HOUR
        before = sum(1 for each in hours if 0 < hour - each <= NOISE_WINDOW)
        if hour not in hours:
            hours = sorted([*hours, hour])[-2 * NOISE_HOURS :]
        self.state.noise[at] = hours
        return before if before >= NOISE_HOURS else 0

    def _reminds(self, sighting: Sighting) -> bool:
        """Whether noise is grave enough, and its last full count long enough ago."""
        at = _where(sighting)
        last = self.state.reminded.get(at)
        if sighting.level < Severity.HIGH or (last is not None and abs(sighting.time - last) < DAY):
            return False
        self.state.reminded.pop(at, None)
        self.state.reminded[at] = sighting.time
        return True

    def _move_positions(self, batch: list[Sighting]) -> None:
        """How far each source has come: the latest event of its latest batch, wherever that lies."""
        for source, time in {each.source_id: each.time for each in batch}.items():
            self.state.positions.pop(source, None)
            self.state.positions[source] = time

    def _retire(self) -> None:
        """Forget groups that all of their sources have moved past; the incident stays as it is."""
        for group in list(self.state.groups.values()):
            known = [self.state.positions[each] for each in group.sources if each in self.state.positions]
            if known and all(position - group.last > _LATENESS for position in known):
                del self.state.groups[group.id]

    def _root(self, group_id: int) -> int | None:
        root = self.state.merged.get(group_id, group_id)
        return root if root in self.state.groups else None

    def _change(self, group: Group) -> Change:
        return self._changes.setdefault(group.id, Change(group, linked={}, absorbed=[]))


def adds_up(items: list[Sighting]) -> bool:
    """Whether small findings together are worth an incident: enough risk, from different rules."""
    rules: dict[str, list[int]] = {}
    latest = max(item.time for item in items)
    for item in items:
        rules.setdefault(item.rule_id, []).append(item.level)
    if len(rules) < _FEWEST_WAITING_RULES:
        return False
    weight = sum(total_of(levels[0], len(levels)) for levels in rules.values())
    elapsed = latest - min(item.time for item in items)
    tactics = {tactic for item in items for tactic in item.tactics}
    return risk_of(decayed(weight, elapsed), len(tactics)) >= OPENING_RISK


def _extend_spans(memory: EntityMemory, key: Key, time: int, group_id: int, mask: int) -> None:
    window = window_of(key)
    for span in memory.spans:
        near = span.first - window <= time <= span.last + window
        if span.group == group_id and span.tactics == mask and near:
            span.first, span.last = min(span.first, time), max(span.last, time)
            return
    memory.spans.append(Span(time, time, group_id, mask))
    if len(memory.spans) > bounds.MOST_SPANS:
        memory.spans.remove(min(memory.spans, key=lambda span: span.last))


def _add_weight(memory: EntityMemory, time: int, weight: float) -> None:
    if time >= memory.at:
        memory.weight = decayed(memory.weight, time - memory.at) + weight
        memory.at = time
    else:
        memory.weight += decayed(weight, memory.at - time)


def _where(sighting: Sighting) -> str:
    return f"{sighting.rule_id}@{sighting.host or sighting.source_id}"


def _takes(group: Group, sighting: Sighting) -> bool:
    """Not if it would grow too long, nor if people have dismissed it and this is something else."""
    if group.dismissed and sighting.rule_id not in group.rules:
        return False
    return _length(group, sighting.time, sighting.time) <= LONGEST


def _length(group: Group, first: int, last: int) -> int:
    return max(group.last, last) - min(group.first, first)


def _distance(group: Group, time: int) -> int:
    return max(0, group.first - time, time - group.last)


def _slim(sighting: Sighting) -> Sighting:
    """What is kept of a finding that waits."""
    return msgspec.structs.replace(sighting, entities=sighting.entities[: bounds.MOST_MENTIONS])
